package jpeg

// An arithmeticState is a state of the probability estimation, table D.3 of the JPEG standard and its successor T.851.
type arithmeticState struct {
	qe       uint32 // size of the interval of the less probable symbol
	lps, mps uint8  // next state after the less and the more probable symbol
	switches uint8  // 1 if the more probable symbol changes after the other
}

// arithmeticStates ends with a state of probability 1/2 that stays as it is.
var arithmeticStates = [114]arithmeticState{
	{0x5a1d, 1, 1, 1}, {0x2586, 14, 2, 0}, {0x1114, 16, 3, 0}, {0x080b, 18, 4, 0}, {0x03d8, 20, 5, 0},
	{0x01da, 23, 6, 0}, {0x00e5, 25, 7, 0}, {0x006f, 28, 8, 0}, {0x0036, 30, 9, 0}, {0x001a, 33, 10, 0},
	{0x000d, 35, 11, 0}, {0x0006, 9, 12, 0}, {0x0003, 10, 13, 0}, {0x0001, 12, 13, 0}, {0x5a7f, 15, 15, 1},
	{0x3f25, 36, 16, 0}, {0x2cf2, 38, 17, 0}, {0x207c, 39, 18, 0}, {0x17b9, 40, 19, 0}, {0x1182, 42, 20, 0},
	{0x0cef, 43, 21, 0}, {0x09a1, 45, 22, 0}, {0x072f, 46, 23, 0}, {0x055c, 48, 24, 0}, {0x0406, 49, 25, 0},
	{0x0303, 51, 26, 0}, {0x0240, 52, 27, 0}, {0x01b1, 54, 28, 0}, {0x0144, 56, 29, 0}, {0x00f5, 57, 30, 0},
	{0x00b7, 59, 31, 0}, {0x008a, 60, 32, 0}, {0x0068, 62, 33, 0}, {0x004e, 63, 34, 0}, {0x003b, 32, 35, 0},
	{0x002c, 33, 9, 0}, {0x5ae1, 37, 37, 1}, {0x484c, 64, 38, 0}, {0x3a0d, 65, 39, 0}, {0x2ef1, 67, 40, 0},
	{0x261f, 68, 41, 0}, {0x1f33, 69, 42, 0}, {0x19a8, 70, 43, 0}, {0x1518, 72, 44, 0}, {0x1177, 73, 45, 0},
	{0x0e74, 74, 46, 0}, {0x0bfb, 75, 47, 0}, {0x09f8, 77, 48, 0}, {0x0861, 78, 49, 0}, {0x0706, 79, 50, 0},
	{0x05cd, 48, 51, 0}, {0x04de, 50, 52, 0}, {0x040f, 50, 53, 0}, {0x0363, 51, 54, 0}, {0x02d4, 52, 55, 0},
	{0x025c, 53, 56, 0}, {0x01f8, 54, 57, 0}, {0x01a4, 55, 58, 0}, {0x0160, 56, 59, 0}, {0x0125, 57, 60, 0},
	{0x00f6, 58, 61, 0}, {0x00cb, 59, 62, 0}, {0x00ab, 61, 63, 0}, {0x008f, 61, 32, 0}, {0x5b12, 65, 65, 1},
	{0x4d04, 80, 66, 0}, {0x412c, 81, 67, 0}, {0x37d8, 82, 68, 0}, {0x2fe8, 83, 69, 0}, {0x293c, 84, 70, 0},
	{0x2379, 86, 71, 0}, {0x1edf, 87, 72, 0}, {0x1aa9, 87, 73, 0}, {0x174e, 72, 74, 0}, {0x1424, 72, 75, 0},
	{0x119c, 74, 76, 0}, {0x0f6b, 74, 77, 0}, {0x0d51, 75, 78, 0}, {0x0bb6, 77, 79, 0}, {0x0a40, 77, 48, 0},
	{0x5832, 80, 81, 1}, {0x4d1c, 88, 82, 0}, {0x438e, 89, 83, 0}, {0x3bdd, 90, 84, 0}, {0x34ee, 91, 85, 0},
	{0x2eae, 92, 86, 0}, {0x299a, 93, 87, 0}, {0x2516, 86, 71, 0}, {0x5570, 88, 89, 1}, {0x4ca9, 95, 90, 0},
	{0x44d9, 96, 91, 0}, {0x3e22, 97, 92, 0}, {0x3824, 99, 93, 0}, {0x32b4, 99, 94, 0}, {0x2e17, 93, 86, 0},
	{0x56a8, 95, 96, 1}, {0x4f46, 101, 97, 0}, {0x47e5, 102, 98, 0}, {0x41cf, 103, 99, 0}, {0x3c3d, 104, 100, 0},
	{0x375e, 99, 93, 0}, {0x5231, 105, 102, 0}, {0x4c0f, 106, 103, 0}, {0x4639, 107, 104, 0}, {0x415e, 103, 99, 0},
	{0x5627, 105, 106, 1}, {0x50e7, 108, 107, 0}, {0x4b85, 109, 103, 0}, {0x5597, 110, 109, 0}, {0x504f, 111, 107, 0},
	{0x5a10, 110, 111, 1}, {0x5522, 112, 109, 0}, {0x59eb, 112, 111, 1}, {0x5a1d, 113, 113, 0},
}

// fixedState is the index of the last state.
const fixedState = 113

// A bin is the statistics of one binary decision: the index of a state, and the more probable symbol in its top bit.
type bin = uint8

// An arithmetic decoder reads the entropy-coded data of a segment as libjpeg's jdarith.c.
type arithmetic struct {
	low, high [16]int // of each DC table, how they are conditioned
	k         [16]int // of each AC table, likewise
	defined   bool    // whether these differ from zero

	data    []byte // of the segment, zeros behind it
	c, a    uint32 // base of the interval with the bits behind it, size of the interval
	ct      int    // bits left of the last byte
	dcBins  [16][64]bin
	acBins  [16][256]bin
	fixed   bin
	isWrong bool // a value is too large
}

// setDefaults sets the conditioning that holds unless the file says otherwise.
func (r *arithmetic) setDefaults() {
	if r.defined {
		return
	}
	r.defined = true
	for i := range r.high {
		r.high[i], r.k[i] = 1, 5
	}
}

// condition reads the conditioning of tables.
func (r *arithmetic) condition(b []byte) error {
	r.setDefaults()
	for ; len(b) >= 2; b = b[2:] {
		i, v := int(b[0]), int(b[1])
		switch {
		case i < 16 && v&15 <= v>>4:
			r.low[i], r.high[i] = v&15, v>>4
		case i >= 16 && i < 32:
			r.k[i-16] = v
		default:
			return errUnsupported
		}
	}
	if len(b) != 0 {
		return errUnsupported
	}
	return nil
}

// start begins to read a segment, without statistics.
func (r *arithmetic) start(data []byte) {
	r.setDefaults()
	r.data, r.c, r.a, r.ct = data, 0, 0, -16 // the first two bytes fill c
	r.dcBins, r.acBins, r.fixed = [16][64]bin{}, [16][256]bin{}, fixedState
}

// bit decodes a decision and updates its statistics.
func (r *arithmetic) bit(st *bin) int {
	for r.a < 0x8000 {
		if r.ct--; r.ct < 0 {
			var data uint32
			if len(r.data) > 0 {
				data, r.data = uint32(r.data[0]), r.data[1:]
			}
			r.c = r.c<<8 | data
			if r.ct += 8; r.ct < 0 {
				if r.ct++; r.ct == 0 {
					r.a = 0x8000 // 0x10000 after the shift
				}
			}
		}
		r.a <<= 1
	}
	sv := *st
	s := &arithmeticStates[sv&0x7F]
	lps := sv&0x80 ^ s.lps ^ s.switches<<7
	mps := sv&0x80 ^ s.mps
	r.a -= s.qe
	if top := r.a << uint(r.ct); r.c >= top {
		r.c -= top
		if r.a < s.qe {
			*st = mps
		} else {
			*st = lps
			sv ^= 0x80
		}
		r.a = s.qe
	} else if r.a < 0x8000 {
		if r.a < s.qe {
			*st = lps
			sv ^= 0x80
		} else {
			*st = mps
		}
	}
	return int(sv >> 7)
}

// bitsOf decodes the bits below the highest one, m, of a value less one.
func (r *arithmetic) bitsOf(m, sign int, bins []bin, at int) int {
	v := m
	for m >>= 1; m != 0; m >>= 1 {
		if r.bit(&bins[at+14]) != 0 {
			v |= m
		}
	}
	if v++; sign != 0 {
		return -v
	}
	return v
}

// nextDC adds the next difference to the component's DC coefficient.
func (r *arithmetic) nextDC(p *scanComponent) {
	bins := r.dcBins[p.dc][:]
	at := p.dcContext
	if r.bit(&bins[at]) == 0 {
		p.dcContext = 0
		return
	}
	sign := r.bit(&bins[at+1])
	at += 2 + sign
	m := r.bit(&bins[at])
	if m != 0 {
		at = 20
		for r.bit(&bins[at]) != 0 {
			if m <<= 1; m == 0x8000 {
				r.isWrong = true
				return
			}
			at++
		}
	}
	switch {
	case m < 1<<r.low[p.dc]>>1:
		p.dcContext = 0
	case m > 1<<r.high[p.dc]>>1:
		p.dcContext = 12 + 4*sign
	default:
		p.dcContext = 4 + 4*sign
	}
	p.component.dc = int32(int16(p.component.dc + int32(r.bitsOf(m, sign, bins, at))))
}

// nextAC decodes the coefficients from first to last of a block, and passes those that are not zero to set with their
// zigzag index.
func (r *arithmetic) nextAC(p *scanComponent, first, last int, set func(k, v int)) {
	bins := r.acBins[p.ac][:]
	for k := first; k <= last; k++ {
		at := 3 * (k - 1)
		if r.bit(&bins[at]) != 0 { // the rest is zero
			return
		}
		for r.bit(&bins[at+1]) == 0 {
			at += 3
			if k++; k > last {
				r.isWrong = true
				return
			}
		}
		sign := r.bit(&r.fixed)
		at += 2
		m := r.bit(&bins[at])
		if m != 0 && r.bit(&bins[at]) != 0 {
			m <<= 1
			at = 217
			if k <= r.k[p.ac] {
				at = 189
			}
			for r.bit(&bins[at]) != 0 {
				if m <<= 1; m == 0x8000 {
					r.isWrong = true
					return
				}
				at++
			}
		}
		set(k, r.bitsOf(m, sign, bins, at))
	}
}

// refineAC adds bit low to the coefficients from first to last.
func (r *arithmetic) refineAC(p *scanComponent, b []int16, first, last, low int) {
	bins, one := r.acBins[p.ac][:], int16(1)<<low
	known := last // index of the last coefficient that is not zero
	for known > 0 && b[zigzag[known]] == 0 {
		known--
	}
	for k := first; k <= last; k++ {
		at := 3 * (k - 1)
		if k > known && r.bit(&bins[at]) != 0 {
			return
		}
		for {
			v := &b[zigzag[k]]
			if *v != 0 {
				if r.bit(&bins[at+2]) != 0 {
					if *v < 0 {
						*v -= one
					} else {
						*v += one
					}
				}
				break
			}
			if r.bit(&bins[at+1]) != 0 {
				if *v = one; r.bit(&r.fixed) != 0 {
					*v = -one
				}
				break
			}
			at += 3
			if k++; k > last {
				r.isWrong = true
				return
			}
		}
	}
}

// arithmeticScan decodes a sequential scan.
func (d *decoder) arithmeticScan(parts []scanComponent) error {
	return d.forEachBlock(parts, func(p *scanComponent, x, y int) error {
		d.arith.nextDC(p)
		c := p.component
		block, last := [64]int32{c.dc * c.table[0]}, 0
		d.arith.nextAC(p, 1, 63, func(k, v int) {
			z := zigzag[k]
			block[z], last = int32(int16(v))*c.table[z], k
		})
		if d.arith.isWrong {
			return errUnsupported
		}
		c.transform(&block, last, x, y)
		return nil
	})
}

// arithmeticProgressiveScan does what progressiveScan does with arithmetic coding.
func (d *decoder) arithmeticProgressiveScan(parts []scanComponent, first, last, high, low int) error {
	r := &d.arith
	return d.forEachBlock(parts, func(p *scanComponent, x, y int) error {
		at := 64 * (y*p.across + x)
		b := p.coef[at : at+64 : at+64]
		switch {
		case first == 0 && high == 0:
			r.nextDC(p)
			b[0] = int16(p.component.dc << low)
		case first == 0:
			b[0] |= int16(r.bit(&r.fixed) << low)
		case high == 0:
			r.nextAC(p, first, last, func(k, v int) { b[zigzag[k]] = int16(v << low) })
		default:
			r.refineAC(p, b, first, last, low)
		}
		if r.isWrong {
			return errUnsupported
		}
		return nil
	})
}
