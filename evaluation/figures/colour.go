package figures

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/palette/brewer"
	"gonum.org/v1/plot/vg"
)

var (
	ink       = color.Gray{Y: 0x20}
	frameInk  = color.Gray{Y: 0x60}
	gridInk   = color.Gray{Y: 0xe0}
	otherInk  = color.Gray{Y: 0xc0} // lines that are not told apart
	emptyFill = color.Gray{Y: 0xe6}
)

// okabeIto are the colours of Okabe and Ito (2008) that are dark enough for a line on white: their yellow is left out.
var okabeIto = []color.RGBA{
	{0x00, 0x72, 0xb2, 0xff}, // blue
	{0xd5, 0x5e, 0x00, 0xff}, // vermilion
	{0x00, 0x9e, 0x73, 0xff}, // bluish green
	{0xcc, 0x79, 0xa7, 0xff}, // reddish purple
	{0xe6, 0x9f, 0x00, 0xff}, // orange
	{0x56, 0xb4, 0xe9, 0xff}, // sky blue
	black,
}

// Colour returns the i-th colour of lines and points that are told apart, from 0; the colours repeat.
func Colour(i int) color.RGBA { return okabeIto[i%len(okabeIto)] }

var black = color.RGBA{0x20, 0x20, 0x20, 0xff}

// dashes go with the colours, so that lines differ in a grey print too.
var dashes = [][]vg.Length{nil, {4, 2}, {1.5, 1.5}, {6, 2, 1.5, 2}, {8, 3}, {3, 1}, {1, 2.5}}

// faint returns a colour for the area behind a line, an eighth of the line's on white.
func faint(c color.RGBA) color.Color { return color.NRGBA{R: c.R, G: c.G, B: c.B, A: 0x30} }

// blues returns ColorBrewer's nine-step Blues, interpolated, for v in [0, 1]. The hue goes from light to dark, so every
// kind of colour vision and a grey print keep the order.
func blues(v float64) color.Color {
	steps := brewer.Blues[9].Color
	pos := v * float64(len(steps)-1)
	k := min(int(pos), len(steps)-2)
	t := pos - float64(k)
	mix := func(a, b uint32) uint8 { return uint8(math.Round((float64(a)*(1-t) + float64(b)*t) / 0x101)) }
	r0, g0, b0, _ := steps[k].RGBA()
	r1, g1, b1, _ := steps[k+1].RGBA()
	return color.RGBA{R: mix(r0, r1), G: mix(g0, g1), B: mix(b0, b1), A: 0xff}
}
