package data

import (
	"image"
	"math"
)

// resize returns the part of img in box, in pixels from the origin of img, resized to w×h. It equals Pillow's
// Image.resize(size, BICUBIC, box) to the bit: the antialiased filter has the same fixed-point weights, it runs along
// the rows first and down the columns then, and each pass rounds to 8 bits. Pixels of img outside the box count where
// the filter reaches them. img must be opaque.
//
// It uses one goroutine, since a loader already runs one on each core.
func resize(img *image.NRGBA, box floatRect, w, h int) *image.NRGBA {
	size := img.Rect.Size()
	if box == fullRect(size) && size == image.Pt(w, h) {
		return img
	}
	rows := newFilter(size.Y, box.y0, box.y1, h)
	first, last := rows.reach()
	if box.x0 != 0 || box.x1 != float64(size.X) || w != size.X {
		columns := newFilter(size.X, box.x0, box.x1, w)
		between := image.NewNRGBA(image.Rect(0, 0, w, last-first))
		for y := range last - first {
			columns.alongRow(between.Pix[y*between.Stride:], img.Pix[(first+y)*img.Stride:])
		}
		img = between
		rows.shift(first)
	}
	if box.y0 == 0 && box.y1 == float64(size.Y) && h == size.Y {
		return img
	}
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		rows.downColumns(out.Pix[y*out.Stride:], img, y)
	}
	return out
}

// A floatRect is a rectangle whose edges may lie between pixels.
type floatRect struct{ x0, y0, x1, y1 float64 }

// fullRect returns the rectangle of a whole image.
func fullRect(size image.Point) floatRect { return floatRect{x1: float64(size.X), y1: float64(size.Y)} }

// weightBits is the number of fractional bits of a weight. Of 32 bits, 8 are left for the pixel, and 2 for the sign and
// sums above 1.
const weightBits = 32 - 8 - 2

// A filter resamples one axis: output i is the sum of count[i] inputs from start[i] on, times weights[i·taps:].
type filter struct {
	start, count []int
	taps         int
	weights      []int32
}

// newFilter returns the filter that resamples the inputs from in0 to in1, of size in all, to out outputs.
func newFilter(size int, in0, in1 float64, out int) *filter {
	scale := (in1 - in0) / float64(out)
	stretch := max(scale, 1)
	support := 2 * stretch
	f := &filter{start: make([]int, out), count: make([]int, out), taps: 2*int(math.Ceil(support)) + 1}
	f.weights = make([]int32, out*f.taps)
	raw := make([]float64, f.taps)
	for i := range out {
		centre := in0 + (float64(i)+0.5)*scale
		from := max(int(centre-support+0.5), 0)
		n := min(int(centre+support+0.5), size) - from
		sum := 0.0
		for k := range n {
			raw[k] = bicubic((float64(k+from) - centre + 0.5) * (1 / stretch))
			sum += raw[k]
		}
		for k := range n {
			v := raw[k]
			if sum != 0 {
				v /= sum
			}
			f.weights[i*f.taps+k] = int32(math.Trunc(v*(1<<weightBits) + math.Copysign(0.5, v)))
		}
		f.start[i], f.count[i] = from, n
	}
	return f
}

// bicubic returns Keys' cubic convolution kernel at x, with a = -0.5.
func bicubic(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return (((x-5)*x+8)*x - 4) * a
	}
	return 0
}

// reach returns the range of inputs, from first to before last, that the outputs depend on.
func (f *filter) reach() (first, last int) {
	n := len(f.start) - 1
	return f.start[0], f.start[n] + f.count[n]
}

// shift renumbers the inputs so that first becomes 0.
func (f *filter) shift(first int) {
	for i := range f.start {
		f.start[i] -= first
	}
}

// alongRowGo filters a row of pixels from in to out.
func (f *filter) alongRowGo(out, in []uint8) {
	for i, from := range f.start {
		n := f.count[i]
		p := in[4*from : 4*(from+n)]
		w := f.weights[i*f.taps:][:n]
		r, g, b := int32(1<<(weightBits-1)), int32(1<<(weightBits-1)), int32(1<<(weightBits-1))
		for _, v := range w {
			q := p[:4:4]
			r += int32(q[0]) * v
			g += int32(q[1]) * v
			b += int32(q[2]) * v
			p = p[4:]
		}
		o := out[4*i : 4*i+4 : 4*i+4]
		o[0], o[1], o[2], o[3] = clamp8(r>>weightBits), clamp8(g>>weightBits), clamp8(b>>weightBits), 255
	}
}

// downColumnsGo computes row y of the output from pixel x on.
func (f *filter) downColumnsGo(out []uint8, in *image.NRGBA, y, x int) {
	w := f.weights[y*f.taps:][:f.count[y]]
	from := f.start[y]
	for ; x < in.Rect.Dx(); x++ {
		r, g, b := int32(1<<(weightBits-1)), int32(1<<(weightBits-1)), int32(1<<(weightBits-1))
		at := from*in.Stride + 4*x
		for _, v := range w {
			q := in.Pix[at : at+4 : at+4]
			r += int32(q[0]) * v
			g += int32(q[1]) * v
			b += int32(q[2]) * v
			at += in.Stride
		}
		o := out[4*x : 4*x+4 : 4*x+4]
		o[0], o[1], o[2], o[3] = clamp8(r>>weightBits), clamp8(g>>weightBits), clamp8(b>>weightBits), 255
	}
}

func clamp8(v int32) uint8 {
	return uint8(min(max(v, 0), 255))
}
