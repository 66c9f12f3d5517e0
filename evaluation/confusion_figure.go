package evaluation

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"unicode/utf8"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/palette/brewer"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Sizes of the confusion figure, in points (1/72 inch).
const (
	figureDPI     = 150
	figureMargin  = vg.Length(12)
	figureGap     = vg.Length(6)
	titleSize     = vg.Length(14)
	axisSize      = vg.Length(12)
	labelSize     = vg.Length(10)
	maxLabelWidth = vg.Length(170)
	maxCell       = vg.Length(80)
	minCell       = vg.Length(28) // holds two lines; smaller only if maxSide asks for it
	maxSide       = vg.Length(1400)
	minCellText   = vg.Length(5) // smaller text is left out
	darkShare     = 0.66         // from here on white text has the better contrast
	barWidth      = vg.Length(14)
)

var (
	ink       = color.Gray{Y: 0x20}
	frameInk  = color.Gray{Y: 0x60}
	gridInk   = color.Gray{Y: 0xd8}
	zeroInk   = color.Gray{Y: 0xb0}
	emptyFill = color.Gray{Y: 0xe6}
)

// ConfusionFigure draws the confusion matrix of p as a PNG: a cell for each pair
// of actual class (rows, class 0 at the top) and predicted class (columns),
// coloured by its share of the actual class, with that share and the count
// written inside as far as they fit. The row of a class without samples is
// grey. Errors are those of [Predictions.Check] and of w.
func ConfusionFigure(w io.Writer, p *Predictions, title string) error {
	if err := p.Check(); err != nil {
		return err
	}
	f := newConfusionFigure(p, title)
	canvas := vgimg.NewWith(vgimg.UseWH(f.width, f.height), vgimg.UseDPI(figureDPI))
	f.draw(draw.New(canvas))
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(w); err != nil {
		return fmt.Errorf("writing the confusion matrix figure: %w", err)
	}
	return nil
}

// confusionFigure is the layout: the matrix is a square of n cells whose lower
// left corner is origin, with labels left of it and below, the bar to its right.
type confusionFigure struct {
	title         string
	counts        [][]int
	totals        []int    // samples of each actual class
	rows, columns []string // labels of the axes, abbreviated
	cell          vg.Length
	every         int // so many classes share one label: 1 unless they are hundreds
	origin        vg.Point
	slant         float64 // rotation of the column labels, in radians
	width, height vg.Length
}

func newConfusionFigure(p *Predictions, title string) *confusionFigure {
	n := len(p.Classes)
	f := &confusionFigure{title: title, counts: ConfusionMatrix(p)}
	f.totals = make([]int, n)
	for _, r := range p.Rows {
		f.totals[r.Label]++
	}
	label := style(labelSize)
	for i, name := range p.Classes {
		short := abbreviate(name, label, maxLabelWidth)
		f.columns = append(f.columns, short)
		if f.totals[i] == 0 {
			short = abbreviate(name, label, maxLabelWidth-label.Width(" (no samples)")) + " (no samples)"
		}
		f.rows = append(f.rows, short)
	}
	f.cell = max(minCell, min(maxCell, 400/vg.Length(n)))
	f.cell = min(f.cell, maxSide/vg.Length(n))
	f.every = int(math.Ceil(float64(label.Height("x")) * math.Sqrt2 / float64(f.cell)))

	var left, widest vg.Length
	for i := range f.rows {
		left = max(left, label.Width(f.rows[i]))
		widest = max(widest, label.Width(f.columns[i]))
	}
	below := label.Height("x")
	if widest > f.cell-figureGap {
		f.slant = math.Pi / 4
		below = (widest + below) * math.Sqrt2 / 2
		// A slanted label ends under its column and starts left of it.
		left = max(left, below-f.cell/2)
	}
	side := f.cell * vg.Length(n)
	f.origin = vg.Point{
		X: figureMargin + style(axisSize).Height("x") + figureGap + left + figureGap,
		Y: figureMargin + style(axisSize).Height("x") + figureGap + below + figureGap,
	}
	right := 2*figureGap + barWidth + figureGap + label.Width("0.00") + figureGap + label.Height("x")
	f.width = f.origin.X + side + right + figureMargin
	f.height = f.origin.Y + side + 2*figureGap + style(titleSize).Height("x") + figureMargin
	return f
}

func (f *confusionFigure) draw(c draw.Canvas) {
	n := len(f.counts)
	side := f.cell * vg.Length(n)
	c.FillPolygon(color.White, rectangle(vg.Point{}, f.width, f.height))
	for i := range n {
		f.drawRow(c, i)
	}
	if f.cell >= minCell {
		grid := draw.LineStyle{Color: gridInk, Width: 0.4}
		for i := 1; i < n; i++ {
			at := f.cellCorner(i-1, i)
			c.StrokeLine2(grid, f.origin.X, at.Y, f.origin.X+side, at.Y)
			c.StrokeLine2(grid, at.X, f.origin.Y, at.X, f.origin.Y+side)
		}
	}
	frame := rectangle(f.origin, side, side)
	c.StrokeLines(draw.LineStyle{Color: frameInk, Width: 0.75}, append(frame, frame[0]))

	label := style(labelSize)
	for i := 0; i < n; i += f.every {
		row := label
		row.XAlign, row.YAlign = text.XRight, text.YCenter
		c.FillText(row, vg.Point{X: f.origin.X - figureGap, Y: f.cellCorner(i, 0).Y + f.cell/2}, f.rows[i])
		column := label
		column.Rotation = f.slant
		column.XAlign, column.YAlign = text.XCenter, text.YTop
		if f.slant != 0 {
			column.XAlign = text.XRight
		}
		c.FillText(column, vg.Point{X: f.cellCorner(0, i).X + f.cell/2, Y: f.origin.Y - figureGap}, f.columns[i])
	}

	axis := style(axisSize)
	axis.XAlign, axis.YAlign = text.XCenter, text.YBottom
	middle := vg.Point{X: f.origin.X + side/2, Y: f.origin.Y + side/2}
	c.FillText(axis, vg.Point{X: middle.X, Y: figureMargin}, "Predicted class")
	axis.YAlign, axis.Rotation = text.YTop, math.Pi/2
	c.FillText(axis, vg.Point{X: figureMargin, Y: middle.Y}, "Actual class")

	head := style(titleSize)
	head.XAlign, head.YAlign = text.XCenter, text.YBottom
	short := abbreviate(f.title, head, f.width-2*figureMargin)
	x := max(min(middle.X, f.width-figureMargin-head.Width(short)/2), figureMargin+head.Width(short)/2)
	c.FillText(head, vg.Point{X: x, Y: f.origin.Y + side + 2*figureGap}, short)
	f.drawBar(c)
}

// drawRow draws the cells of actual class i.
func (f *confusionFigure) drawRow(c draw.Canvas, i int) {
	side := f.cell * vg.Length(len(f.counts))
	row := rectangle(f.cellCorner(i, 0), side, f.cell)
	if f.totals[i] == 0 {
		c.FillPolygon(emptyFill, row)
		return
	}
	c.FillPolygon(blues(0), row)
	for j := range f.counts[i] {
		f.drawCell(c, i, j)
	}
}

// drawCell draws actual class i, which has samples, predicted as class j.
func (f *confusionFigure) drawCell(c draw.Canvas, i, j int) {
	share := ratio(f.counts[i][j], f.totals[i])
	corner := f.cellCorner(i, j)
	if share > 0 {
		c.FillPolygon(blues(share), rectangle(corner, f.cell, f.cell))
	}
	size := min(f.cell*0.3, 12)
	if size < minCellText {
		return
	}
	lines := []string{fmt.Sprintf("%.2f", share), fmt.Sprint(f.counts[i][j])}
	if share == 0 {
		lines = []string{"0"}
	}
	// The largest size at which the widest line and both heights fit.
	sty := style(size)
	var widest vg.Length
	for _, line := range lines {
		widest = max(widest, sty.Width(line))
	}
	if room := f.cell * 0.86; widest > room {
		sty.Font.Size *= room / widest
	}
	if sty.Font.Size < minCellText {
		return
	}
	sty.XAlign, sty.YAlign = text.XCenter, text.YCenter
	switch {
	case share == 0:
		sty.Color = zeroInk
	case share > darkShare:
		sty.Color = color.White
	}
	for k, line := range lines {
		lift := (vg.Length(len(lines)-1)/2 - vg.Length(k)) * sty.Font.Size * 1.2
		c.FillText(sty, vg.Point{X: corner.X + f.cell/2, Y: corner.Y + f.cell/2 + lift}, line)
	}
}

// drawBar draws the colour scale, as tall as the matrix.
func (f *confusionFigure) drawBar(c draw.Canvas) {
	const steps = 256
	side := f.cell * vg.Length(len(f.counts))
	corner := vg.Point{X: f.origin.X + side + 2*figureGap, Y: f.origin.Y}
	for k := range steps {
		y := side * vg.Length(k) / steps
		// To the top each time, so that no seam shows between the steps.
		at := vg.Point{X: corner.X, Y: corner.Y + y}
		c.FillPolygon(blues(float64(k)/(steps-1)), rectangle(at, barWidth, side-y))
	}
	frame := rectangle(corner, barWidth, side)
	line := draw.LineStyle{Color: frameInk, Width: 0.75}
	c.StrokeLines(line, append(frame, frame[0]))

	sty := style(labelSize)
	sty.YAlign = text.YCenter
	for _, v := range []float64{0, 0.25, 0.5, 0.75, 1} {
		y := corner.Y + side*vg.Length(v)
		x := corner.X + barWidth
		c.StrokeLine2(line, x, y, x+figureGap/2, y)
		c.FillText(sty, vg.Point{X: x + figureGap, Y: y}, fmt.Sprintf("%.2f", v))
	}
	sty.XAlign, sty.YAlign, sty.Rotation = text.XCenter, text.YBottom, math.Pi/2
	c.FillText(sty, vg.Point{X: f.width - figureMargin, Y: f.origin.Y + side/2}, "Share of the actual class")
}

// cellCorner is the lower left corner of a cell; row 0 is at the top.
func (f *confusionFigure) cellCorner(i, j int) vg.Point {
	return vg.Point{
		X: f.origin.X + f.cell*vg.Length(j),
		Y: f.origin.Y + f.cell*vg.Length(len(f.counts)-1-i),
	}
}

// style is plain sans-serif text: class names may hold what LaTeX would take for
// a command.
func style(size vg.Length) text.Style {
	return text.Style{
		Color:   ink,
		Font:    font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size),
		Handler: text.Plain{Fonts: plot.DefaultTextHandler.Cache()},
	}
}

// abbreviate shortens s to a width by an ellipsis. It keeps twice as much of the
// beginning as of the end: names of grades and stages differ at their end too.
func abbreviate(s string, sty text.Style, width vg.Length) string {
	for kept := utf8.RuneCountInString(s); sty.Width(s) > width && kept > 1; kept-- {
		runes := []rune(s)
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

// blues is ColorBrewer's nine-step Blues, interpolated, for v in [0, 1]: one hue
// from light to dark, which every kind of colour vision and a grey print keep
// in order.
func blues(v float64) color.Color {
	steps := brewer.Blues[9].Color
	pos := v * float64(len(steps)-1)
	k := min(int(pos), len(steps)-2)
	t := pos - float64(k)
	mix := func(a, b uint32) uint16 { return uint16(math.Round(float64(a)*(1-t) + float64(b)*t)) }
	r0, g0, b0, _ := steps[k].RGBA()
	r1, g1, b1, _ := steps[k+1].RGBA()
	return color.RGBA64{R: mix(r0, r1), G: mix(g0, g1), B: mix(b0, b1), A: 0xffff}
}
