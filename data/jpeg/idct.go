package jpeg

// The transforms work with 13-bit fractions and keep two bits between their passes, first down the columns, then along
// the rows. For each dimension, results are √8 times the orthonormal transform; the last shift takes that out.
const (
	fraction = 13
	keep     = 2
	half1    = 1 << (fraction - keep - 1)
	half2    = 1 << (fraction + keep + 3 - 1)
	centre   = 128 // of samples
)

// transform writes the samples of a block to the component's plane. Its coefficients are dequantised, and those behind
// the zigzag index last are zero. x and y count blocks.
func (c *component) transform(block *[64]int32, last, x, y int) {
	out := c.plane[((y-c.blocks.Min.Y)*c.stride+x-c.blocks.Min.X)*c.size:]
	switch {
	case last == 0 || c.size == 1:
		v := clamp((block[0]+4)>>3 + centre)
		for i := range c.size {
			row := out[i*c.stride:][:c.size]
			for j := range row {
				row[j] = v
			}
		}
	case c.size == 8:
		idct8(block, last, out, c.stride)
	case c.size == 4:
		idct4(block, out, c.stride)
	default:
		idct2(block, out, c.stride)
	}
}

// idct8 computes libjpeg's "islow" transform: Loeffler's flow graph with 13-bit constants, exact but for the rounding
// at the end of each pass.
func idct8(block *[64]int32, last int, out []uint8, stride int) {
	var rows [64]int32
	columns := 8
	if last < 10 { // in zigzag order the first ten lie in a triangle of four columns
		columns = 4
	}
	for i := range columns {
		in := block[i : i+57 : i+57]
		if in[8]|in[16]|in[24]|in[32]|in[40]|in[48]|in[56] == 0 {
			v := in[0] << keep
			r := rows[i : i+57 : i+57]
			r[0], r[8], r[16], r[24], r[32], r[40], r[48], r[56] = v, v, v, v, v, v, v, v
			continue
		}
		e0, e1, e2, e3 := even8(in[0], in[16], in[32], in[48])
		o0, o1, o2, o3 := odd8(in[8], in[24], in[40], in[56])
		const shift = fraction - keep
		r := rows[i : i+57 : i+57]
		r[0], r[56] = (e0+o0+half1)>>shift, (e0-o0+half1)>>shift
		r[8], r[48] = (e1+o1+half1)>>shift, (e1-o1+half1)>>shift
		r[16], r[40] = (e2+o2+half1)>>shift, (e2-o2+half1)>>shift
		r[24], r[32] = (e3+o3+half1)>>shift, (e3-o3+half1)>>shift
	}
	for i := range 8 {
		in := (*[8]int32)(rows[8*i:])
		e0, e1, e2, e3 := even8(in[0], in[2], in[4], in[6])
		o0, o1, o2, o3 := odd8(in[1], in[3], in[5], in[7])
		const shift = fraction + keep + 3
		const add = half2 + centre<<shift
		o := (*[8]uint8)(out[i*stride:])
		o[0], o[7] = clamp((e0+o0+add)>>shift), clamp((e0-o0+add)>>shift)
		o[1], o[6] = clamp((e1+o1+add)>>shift), clamp((e1-o1+add)>>shift)
		o[2], o[5] = clamp((e2+o2+add)>>shift), clamp((e2-o2+add)>>shift)
		o[3], o[4] = clamp((e3+o3+add)>>shift), clamp((e3-o3+add)>>shift)
	}
}

// even8 returns the part of coefficients 0, 2, 4 and 6 in the first four outputs.
func even8(c0, c2, c4, c6 int32) (e0, e1, e2, e3 int32) {
	z := (c2 + c6) * 4433 // √2·cos(6π/16)
	low := z + c2*6270    // √2·(cos(2π/16) - cos(6π/16))
	high := z - c6*15137  // √2·(cos(2π/16) + cos(6π/16))
	sum := (c0 + c4) << fraction
	diff := (c0 - c4) << fraction
	return sum + low, diff + high, diff - high, sum - low
}

// odd8 returns the part of coefficients 1, 3, 5 and 7.
func odd8(c1, c3, c5, c7 int32) (o0, o1, o2, o3 int32) {
	z5 := (c7 + c3 + c5 + c1) * 9633 // √2·cos(3π/16)
	z1 := (c7 + c1) * -7373
	z2 := (c5 + c3) * -20995
	z3 := (c7+c3)*-16069 + z5
	z4 := (c5+c1)*-3196 + z5
	return c1*12299 + z1 + z4, c3*25172 + z2 + z3, c5*16819 + z2 + z4, c7*2446 + z1 + z3
}

// even4 returns the part of coefficients 0, 2 and 6 in the first two outputs of a 4-point transform.
//
// The mean of two neighbouring samples of an 8-point transform is a sample of a 4-point transform: cos(x-d) + cos(x+d)
// = 2·cos(x)·cos(d) joins the coefficients k and 8-k, and that of 4 has no part in it. Likewise the mean of two of
// those is a sample of a 2-point transform. The constants are the products of these factors.
func even4(c0, c2, c6 int32) (e0, e1 int32) {
	z := c2*7568 - c6*3135 // cos(2π/16), cos(6π/16)
	return c0<<fraction + z, c0<<fraction - z
}

// odd4 returns the part of coefficients 1, 3, 5 and 7.
func odd4(c1, c3, c5, c7 int32) (o0, o1 int32) {
	// √2·cos(π/8) and √2·cos(3π/8), times cos(π/16), cos(3π/16), cos(5π/16), cos(7π/16)
	return c1*10498 + c3*3686 - c5*2463 - c7*2088, c1*4348 - c3*8900 + c5*5946 - c7*865
}

// idct4 computes means of 2×2 samples.
func idct4(block *[64]int32, out []uint8, stride int) {
	var rows [32]int32
	for i := range 8 {
		if i == 4 {
			continue
		}
		in := block[i : i+57 : i+57]
		r := rows[i : i+25 : i+25]
		if in[8]|in[16]|in[24]|in[40]|in[48]|in[56] == 0 {
			v := in[0] << keep
			r[0], r[8], r[16], r[24] = v, v, v, v
			continue
		}
		e0, e1 := even4(in[0], in[16], in[48])
		o0, o1 := odd4(in[8], in[24], in[40], in[56])
		const shift = fraction - keep
		r[0], r[24] = (e0+o0+half1)>>shift, (e0-o0+half1)>>shift
		r[8], r[16] = (e1+o1+half1)>>shift, (e1-o1+half1)>>shift
	}
	for i := range 4 {
		in := (*[8]int32)(rows[8*i:])
		e0, e1 := even4(in[0], in[2], in[6])
		o0, o1 := odd4(in[1], in[3], in[5], in[7])
		const shift = fraction + keep + 3
		const add = half2 + centre<<shift
		o := (*[4]uint8)(out[i*stride:])
		o[0], o[3] = clamp((e0+o0+add)>>shift), clamp((e0-o0+add)>>shift)
		o[1], o[2] = clamp((e1+o1+add)>>shift), clamp((e1-o1+add)>>shift)
	}
}

// odd2 returns the odd part of a 2-point transform. Its factors are cos(π/8)·cos(kπ/16) for k = 1 and 7, and cos(3π/8)
// instead for 3 and 5.
func odd2(c1, c3, c5, c7 int32) int32 {
	return c1*7423 - c3*2607 + c5*1742 - c7*1477
}

// idct2 computes means of 4×4 samples.
func idct2(block *[64]int32, out []uint8, stride int) {
	var rows [16]int32
	for _, i := range [...]int{0, 1, 3, 5, 7} {
		in := block[i : i+57 : i+57]
		e, o := in[0]<<fraction, odd2(in[8], in[24], in[40], in[56])
		const shift = fraction - keep
		rows[i], rows[8+i] = (e+o+half1)>>shift, (e-o+half1)>>shift
	}
	for i := range 2 {
		in := (*[8]int32)(rows[8*i:])
		e, o := in[0]<<fraction, odd2(in[1], in[3], in[5], in[7])
		const shift = fraction + keep + 3
		const add = half2 + centre<<shift
		row := (*[2]uint8)(out[i*stride:])
		row[0], row[1] = clamp((e+o+add)>>shift), clamp((e-o+add)>>shift)
	}
}

func clamp(v int32) uint8 {
	return uint8(min(max(v, 0), 255))
}
