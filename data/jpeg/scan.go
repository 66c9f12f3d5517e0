package jpeg

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// zigzag holds the natural position of each coefficient. Indices beyond the end, which damaged files reach, have the
// last position.
var zigzag = [64 + 16]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47,
	55, 62, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
}

// A segment is the entropy-coded data between two restart markers.
type segment struct {
	start, end int  // in bits.data
	marker     byte // behind it
}

// maxBlocks is the number of blocks that an MCU may have.
const maxBlocks = 10

var errNoCode = errors.New("the JPEG lacks a Huffman table, without which it cannot be decoded: get the original file")

// A scanComponent is a component with its codes in a scan.
type scanComponent struct {
	*component
	dcCode, acCode *code
	dc, ac         int // numbers of the tables
	dcContext      int // of arithmetic coding
}

// scan reads a start of scan and the data behind it.
func (d *decoder) scan(b []byte) error {
	if d.components == nil || len(b) < 1 {
		return errUnsupported
	}
	if d.isRGB() && !d.every {
		return errRare
	}
	d.scans++
	n := int(b[0])
	if n < 1 || n > len(d.components) || len(b) != 4+2*n {
		return errUnsupported
	}
	first, last, high, low := int(b[1+2*n]), int(b[2+2*n]), int(b[3+2*n]>>4), int(b[3+2*n]&15)
	var parts []scanComponent
	blocks := 0 // of an MCU
	for i := range n {
		id, codes := b[1+2*i], b[2+2*i]
		j := slices.IndexFunc(d.components, func(c component) bool { return c.id == id })
		most := byte(3) // the number of a table
		if d.arithmetic {
			most = 15
		}
		if j < 0 || codes>>4 > most || codes&15 > most {
			return errUnsupported
		}
		c := &d.components[j]
		if slices.ContainsFunc(parts, func(p scanComponent) bool { return p.component == c }) {
			return errUnsupported
		}
		if !c.hasTable {
			if !d.hasQuant[c.quant] {
				return fmt.Errorf("the JPEG lacks its quantization table %d, without which it cannot be decoded: "+
					"get the original file", c.quant)
			}
			for k, q := range d.quant[c.quant] {
				c.table[zigzag[k]] = q
			}
			c.hasTable = true
		} else if !d.progressive {
			return errUnsupported // a second scan of it
		}
		c.dc = 0
		blocks += c.h * c.v
		parts = append(parts, scanComponent{component: c, dcCode: &d.dcCode[codes>>4&3], acCode: &d.acCode[codes&3],
			dc: int(codes >> 4), ac: int(codes & 15)})
	}
	if n > 1 && blocks > maxBlocks {
		return errUnsupported
	}
	if err := d.unstuff(); err != nil {
		return err
	}
	if d.progressive {
		return d.progressiveScan(parts, first, last, high, low)
	}
	if !d.every && (first != 0 || last != 63 || high != 0 || low != 0) {
		return errUnsupported
	}
	if d.arithmetic {
		return d.arithmeticScan(parts)
	}
	for _, p := range parts {
		if !p.dcCode.defineStandard(p.dc, standardDC) || !p.acCode.defineStandard(p.ac, standardAC) {
			return errNoCode
		}
	}
	var coefficients [64]int32
	return d.forEachBlock(parts, func(p *scanComponent, x, y int) error {
		return d.sequentialBlock(p, &coefficients, x, y)
	})
}

// unstuff copies the entropy-coded data of a scan to bits, in segments and without the zeros behind 0xFF. It moves on
// to the marker behind the data.
func (d *decoder) unstuff() error {
	in, at := d.file, d.at
	data := d.bits.data[:0]
	if data == nil {
		data = make([]byte, 0, len(in)-at+padding)
	}
	d.segments = d.segments[:0]
	start := 0
	for {
		n := bytes.IndexByte(in[at:], 0xFF)
		if n < 0 || at+n+1 >= len(in) {
			return errCut
		}
		data = append(data, in[at:at+n]...)
		at += n
		switch next := in[at+1]; {
		case next == 0:
			data = append(data, 0xFF)
			at += 2
		case next == 0xFF:
			at++
		case next >= markerRST0 && next <= markerRST7 || d.lenient && next < markerSOF0:
			if !d.lenient && int(next-markerRST0) != len(d.segments)%8 {
				return errUnsupported
			}
			d.segments = append(d.segments, segment{start, len(data), next})
			start = len(data)
			at += 2
		default:
			d.segments = append(d.segments, segment{start, len(data), next})
			d.bits.data = append(data, make([]byte, padding)...)
			d.at = at
			return nil
		}
	}
}

// openSegment starts to read segment i.
func (d *decoder) openSegment(i int) error {
	if i >= len(d.segments) {
		return errUnsupported
	}
	d.bits.at, d.bits.acc, d.bits.n = d.segments[i].start, 0, 0
	d.eobRun = 0
	if d.arithmetic {
		d.arith.start(d.bits.data[d.segments[i].start:d.segments[i].end])
	}
	return nil
}

// isWithin reports whether no more was read than segment i has.
func (d *decoder) isWithin(i int) bool {
	return d.arithmetic || 8*d.bits.at-int(d.bits.n) <= 8*d.segments[i].end
}

// forEachMCU calls mcu for the MCUs of a scan in their order, of which across stand in a row, up to row rows. It opens
// the segments and checks that each ends in time.
func (d *decoder) forEachMCU(parts []scanComponent, across, rows int, mcu func(x, y int) error) error {
	d.lastGood = d.mcus.Y
	if d.lenient {
		return d.forEachMCULeniently(parts, across, rows, mcu)
	}
	segment, left := -1, 0
	for y := range rows {
		for x := range across {
			if left == 0 {
				segment++
				if err := d.openSegment(segment); err != nil {
					return err
				}
				resetDC(parts)
				left = cmp.Or(d.restart, -1) // never
			}
			if err := mcu(x, y); err != nil {
				return err
			}
			if !d.isWithin(segment) {
				return errUnsupported
			}
			left--
		}
	}
	return nil
}

// resetDC lets the components of a scan begin anew, as they do behind a restart marker.
func resetDC(parts []scanComponent) {
	for i := range parts {
		parts[i].component.dc, parts[i].dcContext = 0, 0
	}
}

// forEachBlock calls block for the blocks of a scan in their order, down to the last row of the wanted part.
func (d *decoder) forEachBlock(parts []scanComponent, block func(p *scanComponent, x, y int) error) error {
	if len(parts) == 1 {
		p := &parts[0]
		across, down := d.ownBlocks(p.component)
		return d.forEachMCU(parts, across, min(down, p.blocks.Max.Y), func(x, y int) error { return block(p, x, y) })
	}
	if len(parts) != len(d.components) && !d.every {
		return errRare
	}
	return d.forEachMCU(parts, d.mcus.X, d.part.Max.Y, func(x, y int) error {
		for i := range parts {
			p := &parts[i]
			for v := range p.v {
				for h := range p.h {
					if err := block(p, x*p.h+h, y*p.v+v); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

// ownBlocks returns the number of blocks across and down in a scan of c alone. It has only the blocks that hold pixels.
func (d *decoder) ownBlocks(c *component) (across, down int) {
	return ceilDiv(ceilDiv(d.width*c.h, d.hMax), 8), ceilDiv(ceilDiv(d.height*c.v, d.vMax), 8)
}

// nextDC reads the difference to the component's DC coefficient and adds it.
func (d *decoder) nextDC(p *scanComponent) bool {
	r := &d.bits
	r.fill()
	size := r.symbol(p.dcCode)
	if size < 0 || size > 11 {
		return false
	}
	if size > 0 {
		p.component.dc += extend(r.take(size), size)
	}
	return true
}

// sequentialBlock decodes the block at (x, y) of a component, and transforms it if it is wanted.
func (d *decoder) sequentialBlock(p *scanComponent, block *[64]int32, x, y int) error {
	if !d.nextDC(p) {
		return errUnsupported
	}
	r := &d.bits
	c := p.component
	*block = [64]int32{c.dc * c.table[0]}
	last := r.coefficients(p.acCode, block, &c.table)
	if last < 0 {
		return errUnsupported
	}
	if b := &c.blocks; x >= b.Min.X && x < b.Max.X && y >= b.Min.Y {
		c.transform(block, last, x, y)
	}
	return nil
}

// coefficients reads the AC coefficients of a sequential block. It writes them to block dequantised and in natural
// order. It returns the zigzag index of the last one, or -1 if the data is damaged. It keeps copies of the fields of r,
// which is faster.
func (r *bits) coefficients(c *code, block *[64]int32, table *[64]int32) int {
	data, at, acc, n := r.data, r.at, r.acc, r.n
	k, last := 1, 0
	for k < 64 {
		if n < 32 {
			acc |= binary.BigEndian.Uint64(data[at:at+8]) >> (n & 63)
			at += int((63 - n) >> 3)
			n |= 56
		}
		look := acc >> (64 - lookBits)
		if v := c.value[look]; v != 0 {
			k += int(v >> 8 & 15)
			z := zigzag[k&127%80] & 63
			block[z] = (v >> 16) * table[z]
			last = k
			k++
			acc <<= uint(v & 15)
			n -= uint(v & 15)
			continue
		}
		e := c.look[look]
		s := int(e >> 8)
		if e == 0 {
			r.acc, r.n = acc, n
			s = r.longSymbol(c)
			acc, n = r.acc, r.n
			if s < 0 {
				return -1
			}
		} else {
			acc <<= e & 15
			n -= uint(e & 15)
		}
		size := s & 15
		if size == 0 {
			if s != 0xF0 { // the rest is zero
				break
			}
			k += 16
			continue
		}
		k += s >> 4
		z := zigzag[k&127%80] & 63
		block[z] = extend(int32(acc>>(64-uint(size))), size) * table[z]
		last = k
		k++
		acc <<= uint(size)
		n -= uint(size)
	}
	r.at, r.acc, r.n = at, acc, n
	if k > 64 {
		return -1
	}
	return last
}
