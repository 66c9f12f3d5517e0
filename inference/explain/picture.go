package explain

import (
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"io"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"fovea/evaluation/figures"
)

// Sizes of a row of panels in pixels; text is drawn at 144 of them an inch.
const (
	margin    = 24
	gap       = 16
	nameLine  = 34
	titleLine = 28
	barHeight = 12
	labelLine = 26
)

// A panels is the picture of an image: itself and, beside it, below a map each.
type panels struct {
	name, class string
	image       *image.NRGBA // a square
	maps        []Map
}

func (p panels) size() image.Point {
	n, side := 1+len(p.maps), p.image.Rect.Dx()
	return image.Pt(2*margin+n*side+(n-1)*gap, nameLine+titleLine+side+gap/2+barHeight+labelLine+margin/2)
}

// draw draws the panels with their upper left corner at a point.
func (p panels) draw(c canvas, at image.Point) {
	side := p.image.Rect.Dx()
	x, y := at.X+margin, at.Y
	width := p.size().X - 2*margin
	c.text(image.Pt(x, y+nameLine-8), p.name, width-c.width(p.class)-gap, text.XLeft)
	c.text(image.Pt(x+width, y+nameLine-8), p.class, width, text.XRight)
	top := y + nameLine + titleLine
	c.paste(p.image, image.Pt(x, top))
	c.text(image.Pt(x, top-8), "image", side, text.XLeft)
	for _, m := range p.maps {
		x += side + gap
		values, _, _ := m.Heat()
		s := newScale(m, values)
		c.paste(Overlay(p.image, m), image.Pt(x, top))
		c.text(image.Pt(x, top-8), string(m.Method), side, text.XLeft)
		below := top + side + gap/2
		c.paste(s.bar(side, barHeight), image.Pt(x, below))
		label := below + barHeight + labelLine - 7
		c.text(image.Pt(x, label), fmt.Sprintf("%.3g", s.low), side/2, text.XLeft)
		c.text(image.Pt(x+side, label), fmt.Sprintf("%.3g", s.high), side/2, text.XRight)
	}
}

// A canvas is a white picture to put images and text on.
type canvas struct {
	image  draw.Image
	canvas vgdraw.Canvas
}

const dpi = 144

func newCanvas(size image.Point) canvas {
	c := vgimg.NewWith(vgimg.UseImage(image.NewRGBA(image.Rectangle{Max: size})), vgimg.UseDPI(dpi)) // white
	return canvas{c.Image(), vgdraw.New(c)}
}

func (c canvas) paste(img image.Image, at image.Point) {
	draw.Draw(c.image, img.Bounds().Add(at), img, image.Point{}, draw.Src)
}

// text writes a line with its baseline at a point, shortened to a width in pixels.
func (c canvas) text(at image.Point, s string, width int, align text.XAlignment) {
	style := figures.TextStyle(10)
	style.XAlign, style.YAlign = align, text.YBottom
	points := func(pixels int) vg.Length { return vg.Length(pixels) * vg.Inch / dpi }
	c.canvas.FillText(style, vg.Point{X: points(at.X), Y: points(c.image.Bounds().Dy() - at.Y)},
		figures.Abbreviate(s, style, points(width)))
}

func (c canvas) width(s string) int { return int(figures.TextStyle(10).Width(s) / vg.Inch * dpi) }

// writePicture writes panels, one row below the other, as a PNG.
func writePicture(w io.Writer, rows []panels) error {
	var size image.Point
	for _, p := range rows {
		size = image.Pt(max(size.X, p.size().X), size.Y+p.size().Y)
	}
	c := newCanvas(size)
	at := image.Point{}
	for _, p := range rows {
		p.draw(c, at)
		at.Y += p.size().Y
	}
	if err := png.Encode(w, c.image); err != nil {
		return fmt.Errorf("writing a picture: %w", err)
	}
	return nil
}
