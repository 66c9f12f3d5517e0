package jpeg

// progressiveScan adds a scan to the coefficients: the band from first to last, from bit low on. Only a scan of DC
// coefficients may have several components. high is 0 for the first scan of a band, else the bit at which the scan
// before it ended.
func (d *decoder) progressiveScan(parts []scanComponent, first, last, high, low int) error {
	if last > 63 || first > last || low > 13 || high != 0 && high != low+1 || (first == 0) != (last == 0) ||
		first > 0 && len(parts) != 1 {
		return errUnsupported
	}
	for _, p := range parts {
		switch {
		case d.arithmetic:
		case first == 0 && high == 0 && !p.dcCode.defineStandard(p.dc, standardDC),
			first > 0 && !p.acCode.defineStandard(p.ac, standardAC):
			return errNoCode
		}
		p.noteBits(first, last, low, d.scans == 1)
	}
	if d.arithmetic {
		return d.arithmeticProgressiveScan(parts, first, last, high, low)
	}
	read := func(p *scanComponent, b []int16) bool {
		switch {
		case first == 0 && high == 0:
			return d.firstDC(p, b, low)
		case first == 0:
			d.bits.fill()
			b[0] |= int16(d.bits.take(1) << low)
			return true
		case high == 0:
			return d.firstAC(p.acCode, b, first, last, low)
		}
		return d.refineAC(p.acCode, b, first, last, low)
	}
	return d.forEachBlock(parts, func(p *scanComponent, x, y int) error {
		at := 64 * (y*p.across + x)
		if !read(p, p.coef[at:at+64:at+64]) {
			return errUnsupported
		}
		return nil
	})
}

// noteBits notes which bits of a component a scan makes known.
func (c *component) noteBits(first, last, low int, isFirstScan bool) {
	for k := min(first, 1); k <= max(last, estimated-1); k++ {
		if c.before[k] = c.bits[k]; isFirstScan {
			c.before[k] = 0
		}
	}
	for k := first; k <= last; k++ {
		c.bits[k] = int8(low)
	}
}

// firstDC reads the upper bits of a DC coefficient.
func (d *decoder) firstDC(p *scanComponent, b []int16, low int) bool {
	if !d.nextDC(p) {
		return false
	}
	b[0] = int16(p.component.dc << low)
	return true
}

// firstAC reads the upper bits of a band of AC coefficients.
func (d *decoder) firstAC(c *code, b []int16, first, last, low int) bool {
	if d.eobRun > 0 {
		d.eobRun--
		return true
	}
	r := &d.bits
	for k := first; k <= last; k++ {
		r.fill()
		s := r.symbol(c)
		if s < 0 {
			return false
		}
		run, size := s>>4, s&15
		switch {
		case size > 0:
			k += run
			if k > last {
				return false
			}
			b[zigzag[k]] = int16(extend(r.take(size), size) << low)
		case run == 15:
			k += 15
		default:
			d.eobRun = 1<<run - 1
			if run > 0 {
				d.eobRun += int(r.take(run))
			}
			return true
		}
	}
	return true
}

// refineAC adds bit low to the coefficients that are not zero, and new ones of that size between them.
func (d *decoder) refineAC(c *code, b []int16, first, last, low int) bool {
	r := &d.bits
	one := int16(1) << low
	k := first
	if d.eobRun == 0 {
		for ; k <= last; k++ {
			r.fill()
			s := r.symbol(c)
			if s < 0 {
				return false
			}
			zeros, size := s>>4, s&15
			value := int16(0)
			switch {
			case size == 1:
				value = -one
				if r.take(1) == 1 {
					value = one
				}
			case size != 0:
				return false
			case zeros < 15:
				d.eobRun = 1 << zeros
				if zeros > 0 {
					d.eobRun += int(r.take(zeros))
				}
			}
			if d.eobRun > 0 {
				break
			}
			k = r.refine(b, k, last, zeros, one)
			if value != 0 {
				if k > last {
					return false
				}
				b[zigzag[k]] = value
			}
		}
	}
	if d.eobRun > 0 {
		d.eobRun--
		r.refine(b, k, last, -1, one)
	}
	return true
}

// refine reads a bit for each coefficient from k on that is not zero. It stops behind last, or at the zero that follows
// so many other zeros, and returns where.
func (r *bits) refine(b []int16, k, last, zeros int, one int16) int {
	for ; k <= last; k++ {
		v := &b[zigzag[k]]
		if *v == 0 {
			if zeros == 0 {
				break
			}
			zeros--
			continue
		}
		if r.n < 1 {
			r.fill()
		}
		if r.take(1) == 1 && *v&one == 0 {
			if *v > 0 {
				*v += one
			} else {
				*v -= one
			}
		}
	}
	return k
}

// finish transforms the coefficients of a progressive image. If scans are missing it estimates the first coefficients.
func (d *decoder) finish() error {
	if d.components == nil {
		return errUnsupported
	}
	for i := range d.components {
		if !d.components[i].hasTable { // no scan of it
			if !d.lenient {
				return errUnsupported
			}
			d.flaws.Damaged = true
		}
	}
	if !d.progressive {
		return nil
	}
	d.flaws.Incomplete = d.isIncomplete()
	if d.flaws.Incomplete && !d.every {
		return errRare
	}
	smooth := d.canSmooth()
	var block [64]int32
	for i := range d.components {
		c := &d.components[i]
		for y := c.blocks.Min.Y; y < c.blocks.Max.Y; y++ {
			for x := c.blocks.Min.X; x < c.blocks.Max.X; x++ {
				at := 64 * (y*c.across + x)
				last := 0
				coefficients := (*[64]int16)(c.coef[at : at+64])
				if smooth {
					coefficients = d.smoothed(c, x, y)
				}
				for k, v := range coefficients {
					block[k] = int32(v) * c.table[k]
					if v != 0 && k > 0 {
						last = 63
					}
				}
				c.transform(&block, last, x, y)
			}
		}
	}
	return nil
}
