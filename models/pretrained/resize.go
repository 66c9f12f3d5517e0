package pretrained

import "math"

// side returns the side of a square of n patches, or 0 if there is none.
func side(n int64) int64 {
	s := int64(math.Sqrt(float64(max(n, 0))))
	if s*s != n {
		return 0
	}
	return s
}

// tokensBefore returns the number of tokens before a square of patches in a position embedding of n tokens, 0 or 1, or -1.
func tokensBefore(n int64) int64 {
	switch {
	case side(n) > 0:
		return 0
	case side(n-1) > 0:
		return 1
	}
	return -1
}

// resize copies position embeddings [prefix+before²,width] as [prefix+after²,width]. The prefix stays the same. The others
// are interpolated as RETFound's interpolate_pos_embed does with torch.nn.functional.interpolate(mode="bicubic",
// align_corners=False). This is bicubic convolution with a = -0.75, without antialiasing; points outside of the grid
// repeat its edge. Sums are float64.
func resize(to, from []float32, prefix, before, after, width int) {
	copy(to[:prefix*width], from[:prefix*width])
	to, from = to[prefix*width:], from[prefix*width:]
	taps := bicubic(before, after)
	for y, rows := range taps {
		for x, columns := range taps {
			out := to[(y*after+x)*width:][:width]
			for k := range out {
				sum := 0.0
				for _, r := range rows {
					line := 0.0
					for _, c := range columns {
						line += c.weight * float64(from[(r.index*before+c.index)*width+k])
					}
					sum += r.weight * line
				}
				out[k] = float32(sum)
			}
		}
	}
}

// A tap is the weight of an input in an output.
type tap struct {
	index  int
	weight float64
}

// bicubic returns the four inputs of each output along one axis.
func bicubic(before, after int) [][4]tap {
	const a = -0.75
	out := make([][4]tap, after)
	for i := range out {
		center := (float64(i)+0.5)*float64(before)/float64(after) - 0.5
		first := int(math.Floor(center)) - 1
		for j := range out[i] {
			d := math.Abs(center - float64(first+j))
			w := ((a*d-5*a)*d+8*a)*d - 4*a
			if d <= 1 {
				w = ((a+2)*d-(a+3))*d*d + 1
			}
			out[i][j] = tap{min(max(first+j, 0), before-1), w}
		}
	}
	return out
}
