package jpeg

// forEachMCULeniently does what forEachMCU does for a scan whose data is cut off or whose restart markers are lost. It
// follows libjpeg: blocks without data stay as they are, and a segment goes to the place that its marker names.
func (d *decoder) forEachMCULeniently(parts []scanComponent, across, rows int, mcu func(x, y int) error) error {
	whole := d.bits.data
	defer func() { d.bits.data = whole }()
	r := resync{segments: d.segments}
	var alone []byte // the segment with zeros behind it
	open := func() {
		s := segment{}
		if !r.empty {
			s = r.segments[r.at]
		}
		alone = append(alone[:0], whole[s.start:s.end]...)
		s.end -= s.start
		alone = append(alone, make([]byte, padding)...)
		d.bits.data, d.bits.at, d.bits.acc, d.bits.n, d.eobRun = alone, 0, 0, 0, 0
		d.arith.start(alone[:s.end])
		r.bits = 8 * s.end
		resetDC(parts)
	}
	open()
	isOut := false // of data
	rowsOfMCU := 1
	if len(parts) == 1 {
		rowsOfMCU = parts[0].v
	}
	left := d.restart
	for y := range rows {
		for x := range across {
			if d.restart > 0 && left == 0 {
				r.next()
				open()
				isOut = isOut && r.empty
				left = d.restart
			}
			if !isOut {
				d.lastGood = y / rowsOfMCU
				if err := mcu(x, y); err != nil {
					return err
				}
				isOut = !d.arithmetic && 8*d.bits.at-int(d.bits.n) > r.bits
				d.flaws.Damaged = d.flaws.Damaged || isOut
			}
			left--
		}
	}
	d.flaws.Damaged = d.flaws.Damaged || r.misplaced
	return nil
}

// A resync finds the segments of a scan in spite of lost markers, by the rules of libjpeg's jpeg_resync_to_restart.
type resync struct {
	segments  []segment
	at        int  // the current segment
	empty     bool // no segment fits: its marker was lost, or there is none left
	misplaced bool // a marker was not the one that had to come
	wanted    byte // number of the next marker
	bits      int  // of the current segment
}

// next moves on to the segment behind the next restart marker.
func (r *resync) next() {
	wanted := r.wanted
	r.wanted = (r.wanted + 1) & 7
	for r.empty = false; ; r.at++ {
		marker := r.segments[r.at].marker
		isRestart := marker >= markerRST0 && marker <= markerRST7
		if isRestart && marker-markerRST0 == wanted {
			r.at++
			return
		}
		r.misplaced = true
		switch ahead := (marker - markerRST0 - wanted) & 7; {
		case marker < markerSOF0: // not a marker
		case !isRestart, ahead == 1, ahead == 2: // it comes too early
			r.empty = true
			return
		case ahead == 6, ahead == 7: // it came too late
		default:
			r.at++
			return
		}
	}
}
