package figures

import (
	"bytes"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"io"
	"regexp"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"fovea/internal/naming"
)

// Sizes in points (1/72 inch).
const (
	columnWidth = vg.Length(241) // 85 mm
	pageWidth   = vg.Length(505) // 178 mm
	margin      = vg.Length(6)
	gap         = vg.Length(3)
	titleSize   = vg.Length(9)
	textSize    = vg.Length(7)
	lineHeight  = vg.Length(10) // of a row of text of textSize

	figureDPI     = 300
	photographDPI = 200
)

// Figure is a drawing that can be written in more than one format.
type Figure struct {
	width, height vg.Length
	draw          func(draw.Canvas) // on white
	photographs   bool              // are most of it, and have no finer detail than photographDPI
	plots         []Box
}

// A Box is a part of a figure, in fractions of its width and height from the upper left corner.
type Box struct{ X, Y, Width, Height float64 }

// Plots returns where the data of the figure is drawn: the square of a confusion matrix, or what each pair of axes
// encloses, from the top down.
func (f *Figure) Plots() []Box { return f.plots }

// addPlot adds a rectangle of the drawing to the plots.
func (f *Figure) addPlot(r vg.Rectangle) {
	f.plots = append(f.plots, Box{X: float64(r.Min.X / f.width), Y: float64(1 - r.Max.Y/f.height),
		Width: float64(r.Size().X / f.width), Height: float64(r.Size().Y / f.height)})
}

// WritePNG writes the figure at 300 pixels an inch, a sheet of images at 200. Errors are those of w.
func (f *Figure) WritePNG(w io.Writer) error {
	dpi := figureDPI
	if f.photographs {
		dpi = photographDPI
	}
	c := vgimg.NewWith(vgimg.UseWH(f.width, f.height), vgimg.UseDPI(dpi))
	f.draw(draw.New(c))
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := e.Encode(w, indexed(c.Image())); err != nil {
		return fmt.Errorf("writing a figure: %w", err)
	}
	return nil
}

// indexed returns an image with a palette if 256 colours are enough, which holds for most drawings. The file is then a
// quarter as large, and written as much faster.
func indexed(img image.Image) image.Image {
	full := img.(*image.RGBA)
	out := image.NewPaletted(full.Bounds(), nil)
	known := map[color.RGBA]uint8{}
	for i := range out.Pix { // both have a pixel after the other
		p := full.Pix[4*i : 4*i+4 : 4*i+4]
		c := color.RGBA{R: p[0], G: p[1], B: p[2], A: p[3]}
		k, ok := known[c]
		if !ok {
			if len(known) == 256 {
				return img
			}
			k = uint8(len(known))
			known[c] = k
			out.Palette = append(out.Palette, c)
		}
		out.Pix[i] = k
	}
	return out
}

// WriteSVG writes the figure with its text as text. Where the font, Liberation Sans, is not installed, another takes
// its place, at the same widths. Errors are those of w.
func (f *Figure) WriteSVG(w io.Writer) error {
	c := vgsvg.NewWith(vgsvg.UseWH(f.width, f.height))
	paper := draw.New(c)
	paper.FillPolygon(color.White, rectangle(vg.Point{}, f.width, f.height)) // a PNG begins white
	f.draw(paper)
	var file bytes.Buffer
	if _, err := c.WriteTo(&file); err != nil {
		return fmt.Errorf("writing a figure: %w", err)
	}
	// Text of ours holds no quotation mark here: it is escaped.
	svg := fixWidths(file.Bytes())
	svg = bytes.ReplaceAll(svg, []byte(`style="font-family:Liberation Sans;`),
		[]byte(`style="font-family:'Liberation Sans',Arial,Helvetica,sans-serif;`))
	if _, err := w.Write(svg); err != nil {
		return fmt.Errorf("writing a figure: %w", err)
	}
	return nil
}

// svgText is a text as package vgsvg writes it: attributes, size, text.
var svgText = regexp.MustCompile(`<text ([^>]*font-size:([0-9.]+)px[^>]*)>([^<]*)</text>`)

// fixWidths writes down how wide each text is, so that it takes no more room in another font.
func fixWidths(svg []byte) []byte {
	return svgText.ReplaceAllFunc(svg, func(text []byte) []byte {
		part := svgText.FindSubmatch(text)
		size, err := strconv.ParseFloat(string(part[2]), 64)
		if err != nil || len(part[3]) == 0 {
			return text
		}
		width := TextStyle(vg.Length(size)).Width(html.UnescapeString(string(part[3])))
		return fmt.Appendf(nil, `<text textLength="%.2f" lengthAdjust="spacingAndGlyphs" %s>%s</text>`, width.Points(),
			part[1], part[3])
	})
}

// drawTitle writes a title at the upper left of a figure.
func (f *Figure) drawTitle(c draw.Canvas, title string) {
	head := aligned(titleSize, text.XLeft, text.YTop)
	c.FillText(head, vg.Point{X: margin, Y: f.height - margin}, Abbreviate(title, head, f.width-2*margin))
}

// titleHeight is the room that a title takes, with what follows it.
const titleHeight = margin + titleSize*1.3 + gap

// TextStyle returns the style of all text: dark Liberation Sans of a size in points. Text is plain, because class names
// may hold what LaTeX would take for a command.
func TextStyle(size vg.Length) text.Style {
	return text.Style{
		Color:   ink,
		Font:    font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size),
		Handler: text.Plain{Fonts: plot.DefaultTextHandler.Cache()},
	}
}

// aligned returns the style of text of a size whose alignment is relative to the point that it is drawn at.
func aligned(size vg.Length, x text.XAlignment, y text.YAlignment) text.Style {
	sty := TextStyle(size)
	sty.XAlign, sty.YAlign = x, y
	return sty
}

// Abbreviate returns s as [naming.Visible] writes it, shortened by an ellipsis to a width.
// It keeps twice as much of the beginning as of the end: names of grades and stages differ at their end too.
func Abbreviate(s string, sty text.Style, width vg.Length) string {
	s = naming.Visible(s)
	runes := []rune(s)
	for kept := len(runes); sty.Width(s) > width && kept > 1; kept-- {
		tail := kept / 3
		short := string(runes[:kept-tail]) + "…" + string(runes[len(runes)-tail:])
		if sty.Width(short) <= width {
			return short
		}
	}
	return s
}

func rectangle(corner vg.Point, width, height vg.Length) []vg.Point {
	x, y := corner.X, corner.Y
	return []vg.Point{{X: x, Y: y}, {X: x + width, Y: y}, {X: x + width, Y: y + height}, {X: x, Y: y + height}}
}

// Size returns width and height in points (1/72 inch).
func (f *Figure) Size() (width, height float64) { return f.width.Points(), f.height.Points() }
