package explain

import (
	"image"
	"image/color"
	"math"
	"slices"

	"github.com/disintegration/imaging"
	"gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/moreland"

	"fovea/data"
)

// Palettes whose order every kind of colour vision keeps: from dark to light, and for signed maps from blue, against
// the class, over grey to red, for it.
var (
	sequential = colourTable(moreland.ExtendedBlackBody())
	diverging  = colourTable(moreland.SmoothBlueRed())
)

func colourTable(m palette.ColorMap) (out [256]color.NRGBA) {
	for i, c := range m.Palette(256).Colors() {
		out[i] = color.NRGBAModel.Convert(c).(color.NRGBA)
	}
	return out
}

// A scale gives values their colours.
type scale struct {
	low, high float64
	colours   *[256]color.NRGBA
}

// newScale returns a scale from the least to the largest of a map's values, or symmetric around 0 for a signed map. Of
// the many values of a gradient by the image 1 % may lie beyond its ends, else a few pixels would leave the others
// without a colour.
func newScale(m Map, values []float32) scale {
	sorted := make([]float64, len(values))
	for i, v := range values {
		sorted[i] = float64(v)
		if m.Method.signed() {
			sorted[i] = math.Abs(sorted[i])
		}
	}
	slices.Sort(sorted)
	last := len(sorted) - 1
	if len(m.Shape) == 3 {
		last = last * 99 / 100
	}
	if m.Method.signed() {
		return scale{-sorted[last], sorted[last], &diverging}
	}
	return scale{sorted[0], sorted[last], &sequential}
}

func (s scale) at(v float64) color.NRGBA {
	part := 0.0
	switch {
	case s.high > s.low:
		part = (v - s.low) / (s.high - s.low)
	case s.low < 0:
		part = 0.5
	}
	return s.colours[int(math.Round(255*min(1, max(0, part))))]
}

// bar returns an image of the scale from its low to its high end.
func (s scale) bar(width, height int) *image.NRGBA {
	bar := image.NewNRGBA(image.Rect(0, 0, width, height))
	for x := range width {
		colour := s.at(s.low + (s.high-s.low)*float64(x)/float64(width-1))
		for y := range height {
			bar.SetNRGBA(x, y, colour)
		}
	}
	return bar
}

// Legend returns the palette of unsigned maps, one pixel high, from the least value to the largest.
func Legend() image.Image { return scale{0, 1, &sequential}.bar(len(sequential), 1) }

// Overlay returns a square image in grey under the colours of its map.
func Overlay(img *image.NRGBA, m Map) *image.NRGBA {
	const opacity = 0.6
	heat, height, width := m.Heat()
	s := newScale(m, heat)
	out := image.NewNRGBA(img.Rect)
	for i, v := range enlarge(heat, height, width, img.Rect.Dx()) {
		p, c := img.Pix[4*i:4*i+4], s.at(float64(v))
		grey := 0.299*float64(p[0]) + 0.587*float64(p[1]) + 0.114*float64(p[2])
		mix := func(x uint8) uint8 { return uint8(math.Round(opacity*float64(x) + (1-opacity)*grey)) }
		copy(out.Pix[4*i:], []uint8{mix(c.R), mix(c.G), mix(c.B), 255})
	}
	return out
}

// leastSide is the side in pixels to which smaller images are enlarged.
const leastSide = 256

// Image returns an image [3,S,S] as it was before mean and deviation were taken off. A small one is enlarged.
func Image(values []float32, t data.EvalTransform) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, t.Size, t.Size))
	plane := t.Size * t.Size
	for i := range plane {
		for c := range 3 {
			v := float64(values[c*plane+i]*t.Std[c]+t.Mean[c]) * 255
			out.Pix[4*i+c] = uint8(math.Round(min(255, max(0, v))))
		}
		out.Pix[4*i+3] = 255
	}
	if t.Size < leastSide {
		return imaging.Resize(out, leastSide, leastSide, imaging.CatmullRom)
	}
	return out
}
