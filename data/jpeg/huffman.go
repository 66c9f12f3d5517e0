package jpeg

import "encoding/binary"

// lookBits is the number of bits of a code that are looked up at once.
const lookBits = 10

// A code is a Huffman code. look is indexed by the next lookBits bits. Longer codes are found by their length, in
// canonical order.
type code struct {
	defined bool
	// look holds symbol<<8 | length for codes of up to lookBits bits, and 0 for longer ones.
	look [1 << lookBits]uint16
	// value holds coefficient<<16 | zeros before it<<8 | number of bits where a symbol and its extra bits fit into
	// lookBits, else 0.
	value   [1 << lookBits]int32
	limit   [18]uint32 // first code that is longer than this length, in 16 bits
	offset  [17]int32  // from a code of this length to its index in symbols
	symbols [256]uint8
}

// huffman reads Huffman tables.
func (d *decoder) huffman(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 {
			return errUnsupported
		}
		class, n := b[0]>>4, b[0]&15
		total := 0
		for _, count := range b[1:17] {
			total += int(count)
		}
		if class > 1 || n > 3 || total == 0 || total > 256 || len(b) < 17+total {
			return errUnsupported
		}
		c := &d.dcCode[n]
		if class == 1 {
			c = &d.acCode[n]
		}
		if err := c.build(b[1:17], b[17:17+total]); err != nil {
			return err
		}
		b = b[17+total:]
	}
	return nil
}

// build makes c the code with counts[i-1] codes of length i, for i from 1 to 16.
func (c *code) build(counts, symbols []byte) error {
	*c = code{defined: true}
	copy(c.symbols[:], symbols)
	next, index := uint32(0), 0
	for length := 1; length <= 16; length++ {
		n := int(counts[length-1])
		c.offset[length] = int32(index) - int32(next)
		for range n {
			if length <= lookBits {
				first := next << (lookBits - length)
				for i := first; i < min(first+1<<(lookBits-length), 1<<lookBits); i++ {
					c.look[i] = uint16(symbols[index])<<8 | uint16(length)
				}
			}
			next++
			index++
		}
		if next > 1<<length {
			return errUnsupported
		}
		c.limit[length] = next << (16 - length)
		next <<= 1
	}
	c.limit[17] = 1 << 16
	for i, e := range c.look {
		length, size := int(e&255), int(e>>8&15)
		if length == 0 || size == 0 || length+size > lookBits {
			continue
		}
		extra := int32(i>>(lookBits-length-size)) & (1<<size - 1)
		c.value[i] = extend(extra, size)<<16 | int32(e>>12)<<8 | int32(length+size)
	}
	return nil
}

// extend returns the number that size extra bits stand for.
func extend(extra int32, size int) int32 {
	if extra < 1<<(size-1) {
		return extra + 1 - 1<<size
	}
	return extra
}

// bits reads the entropy-coded data of a scan, most significant bit first. The data has no stuffing and ends in
// padding. So a read behind the end of a segment is harmless, and is noticed afterwards.
type bits struct {
	data []byte
	at   int    // index of the next byte
	acc  uint64 // the next bits, at its top
	n    uint   // number of valid bits in acc, up to 63
}

// padding exceeds the bytes of an MCU: blocks of 64 codes with their extra bits.
const padding = maxBlocks*64*4 + 16

// fill makes at least 56 bits valid.
func (r *bits) fill() {
	r.acc |= binary.BigEndian.Uint64(r.data[r.at:r.at+8]) >> r.n
	r.at += int((63 - r.n) >> 3)
	r.n |= 56
}

// take returns the next n bits, at most 16. They must be valid.
func (r *bits) take(n int) int32 {
	v := int32(r.acc >> (64 - uint(n)))
	r.acc <<= uint(n)
	r.n -= uint(n)
	return v
}

// symbol returns the next symbol of c, or -1 if there is none. Sixteen bits must be valid.
func (r *bits) symbol(c *code) int {
	if e := c.look[r.acc>>(64-lookBits)]; e != 0 {
		r.acc <<= e & 15
		r.n -= uint(e & 15)
		return int(e >> 8)
	}
	return r.longSymbol(c)
}

// longSymbol does what symbol does for codes of more than lookBits bits.
func (r *bits) longSymbol(c *code) int {
	next := uint32(r.acc >> 48)
	for length := lookBits + 1; length <= 16; length++ {
		if next < c.limit[length] {
			i := int32(next>>(16-length)) + c.offset[length]
			r.take(length)
			return int(c.symbols[uint8(i)])
		}
	}
	return -1
}
