package explain

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
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
		bar := image.NewNRGBA(image.Rect(0, 0, side, barHeight))
		for i := range side {
			colour := s.at(s.low + (s.high-s.low)*float64(i)/float64(side-1))
			draw.Draw(bar, image.Rect(i, 0, i+1, barHeight), image.NewUniform(colour), image.Point{}, draw.Src)
		}
		below := top + side + gap/2
		c.paste(bar, image.Pt(x, below))
		low, high := s.labels()
		c.text(image.Pt(x, below+barHeight+labelLine-7), low, side/2, text.XLeft)
		c.text(image.Pt(x+side, below+barHeight+labelLine-7), high, side/2, text.XRight)
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

// text writes a line with its baseline at a point, shortened in its middle to fit.
// A line break in a name does not break the line.
func (c canvas) text(at image.Point, s string, width int, align text.XAlignment) {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, s)
	style := label
	style.XAlign = align
	for n := utf8.RuneCountInString(s); c.width(s) > width && n > 3; n-- {
		r := []rune(s)
		s = string(r[:n/2-1]) + "…" + string(r[n/2+1:])
	}
	points := func(pixels int) vg.Length { return vg.Length(pixels) * vg.Inch / dpi }
	c.canvas.FillText(style, vg.Point{X: points(at.X), Y: points(c.image.Bounds().Dy() - at.Y)}, s)
}

func (c canvas) width(s string) int { return int(label.Width(s) / vg.Inch * dpi) }

// label is plain text: names may hold what LaTeX would take for a command.
var label = text.Style{
	Color:   color.Gray{Y: 0x20},
	Font:    font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, 10),
	Handler: text.Plain{Fonts: plot.DefaultTextHandler.Cache()},
	YAlign:  text.YBottom,
}

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
