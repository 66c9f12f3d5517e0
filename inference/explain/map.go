package explain

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// A Map is the result of a method for an image: [h,w], or [3,S,S] of a gradient by the image.
type Map struct {
	Method Method
	Shape  []int
	Values []float32
}

// Heat returns the map as one value a position, row by row. The channels of a gradient are joined as [Method] says.
func (m Map) Heat() (values []float32, height, width int) {
	if len(m.Shape) == 2 {
		return m.Values, m.Shape[0], m.Shape[1]
	}
	height, width = m.Shape[1], m.Shape[2]
	values = make([]float32, height*width)
	for i, v := range m.Values {
		at := &values[i%len(values)]
		if m.Method.signed() {
			*at += v
		} else {
			*at = max(*at, float32(math.Abs(float64(v))))
		}
	}
	return values, height, width
}

// RankCorrelation returns Spearman's ρ of two maps' heat: 1 for the same order of the positions. It is NaN if a map is
// constant.
func RankCorrelation(a, b Map) float64 {
	x, _, _ := a.Heat()
	y, _, _ := b.Heat()
	return stat.Correlation(ranks(x), ranks(y), nil)
}

// ranks returns the place of each value in the ascending order. Equal values get the mean of their places.
func ranks(values []float32) []float64 {
	sorted := slices.Sorted(slices.Values(values))
	out := make([]float64, len(values))
	for i, v := range values {
		first, _ := slices.BinarySearch(sorted, v)
		next, _ := slices.BinarySearch(sorted, math.Nextafter32(v, float32(math.Inf(1))))
		out[i] = float64(first+next-1) / 2
	}
	return out
}

// enlarge resizes a map by bilinear interpolation between the centres of its positions, as
// torch.nn.functional.interpolate with align_corners=False.
func enlarge(values []float32, height, width, side int) []float32 {
	type between struct {
		low, high int
		part      float32 // of high
	}
	places := func(n int) []between {
		out := make([]between, side)
		for i := range out {
			at := max(0, (float64(i)+0.5)*float64(n)/float64(side)-0.5)
			low := int(at)
			out[i] = between{low, min(low+1, n-1), float32(at - float64(low))}
		}
		return out
	}
	rows, columns := places(height), places(width)
	out := make([]float32, 0, side*side)
	for _, r := range rows {
		for _, c := range columns {
			top := values[r.low*width+c.low]*(1-c.part) + values[r.low*width+c.high]*c.part
			bottom := values[r.high*width+c.low]*(1-c.part) + values[r.high*width+c.high]*c.part
			out = append(out, top*(1-r.part)+bottom*r.part)
		}
	}
	return out
}
