package figures

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"fovea/evaluation"
)

const (
	maxLabelWidth = vg.Length(110)
	columnClasses = 8 // more of them get a page's width
	maxCell       = vg.Length(52)
	minCell       = vg.Length(9.5) // room for a label of its own; smaller only if maxSide asks for it
	maxSide       = vg.Length(1400)
	minCellText   = vg.Length(4) // smaller text is left out
	darkShare     = 0.66         // from here on white text has the better contrast
)

// Counts draws the confusion matrix of p, with a cell for each pair of actual class (rows, class 0 at the top) and
// predicted class (columns). A cell shows its number of images and is coloured by it. Errors are those of
// [evaluation.Predictions.Check].
func Counts(p *evaluation.Predictions, title string) (*Figure, error) {
	return confusion(p, title, false)
}

// Confusion draws the confusion matrix of p with each row divided by the images of its actual class. A cell shows the
// fraction in percent, and the number of images below it where it fits. The row of a class without images is grey.
// Errors are those of [evaluation.Predictions.Check].
func Confusion(p *evaluation.Predictions, title string) (*Figure, error) {
	return confusion(p, title, true)
}

func confusion(p *evaluation.Predictions, title string, shares bool) (*Figure, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return &newMatrix(p, title, shares).Figure, nil
}

// A matrix is the layout of a confusion matrix: a square of n cells whose lower left corner is origin, with labels left
// of it and below.
type matrix struct {
	Figure
	title         string
	shares        bool // of the actual class; else counts
	counts        [][]int
	totals        []int // samples of each actual class
	most          int   // the largest count
	rows, columns []string
	cell          vg.Length
	every         int // so many classes share one label: 1 unless they are hundreds
	origin        vg.Point
	slant         float64 // rotation of the column labels, in radians
}

func newMatrix(p *evaluation.Predictions, title string, shares bool) *matrix {
	n := len(p.Classes)
	m := &matrix{title: title, shares: shares, counts: evaluation.ConfusionMatrix(p), totals: make([]int, n)}
	for i, row := range m.counts {
		for _, count := range row {
			m.totals[i] += count
			m.most = max(m.most, count)
		}
	}
	width, label, widest := columnWidth, TextStyle(textSize), maxLabelWidth*0.6
	if n > columnClasses {
		width, widest = pageWidth, maxLabelWidth
	}
	const none = " (no images)"
	var left, below vg.Length
	for i, name := range p.Classes {
		m.columns = append(m.columns, Abbreviate(name, label, widest))
		row := m.columns[i]
		if m.totals[i] == 0 {
			row = Abbreviate(name, label, widest-label.Width(none)) + none
		}
		m.rows = append(m.rows, row)
		left, below = max(left, label.Width(row)), max(below, label.Width(m.columns[i]))
	}
	m.origin.X = margin + lineHeight + left + gap
	m.cell = min(maxCell, maxSide/vg.Length(n), max(minCell, (width-m.origin.X-margin)/vg.Length(n)))
	m.every = int(math.Ceil(float64(textSize*1.2) / float64(m.cell)))
	switch {
	case below <= m.cell-gap:
		below = lineHeight
	case n > columnClasses:
		m.slant = math.Pi / 2
	default:
		m.slant = math.Pi / 4
		below = (below + textSize) * math.Sqrt2 / 2
		// A slanted label ends under its column and starts left of it.
		m.origin.X = max(m.origin.X, margin+lineHeight+below-m.cell/2)
		m.cell = min(m.cell, (width-m.origin.X-margin)/vg.Length(n))
	}
	m.origin.Y = margin + lineHeight + below + gap
	side := m.cell * vg.Length(n)
	m.width = max(m.origin.X+side+margin, width)
	m.height = m.origin.Y + side + lineHeight + titleHeight
	m.Figure.draw = m.paint
	m.addPlot(vg.Rectangle{Min: m.origin, Max: m.origin.Add(vg.Point{X: side, Y: side})})
	return m
}

func (m *matrix) paint(c draw.Canvas) {
	n := len(m.counts)
	side := m.cell * vg.Length(n)
	for i := range n {
		m.drawRow(c, i)
	}
	if m.every == 1 {
		grid := draw.LineStyle{Color: gridInk, Width: 0.3}
		for i := 1; i < n; i++ {
			at := m.cellCorner(i-1, i)
			c.StrokeLine2(grid, m.origin.X, at.Y, m.origin.X+side, at.Y)
			c.StrokeLine2(grid, at.X, m.origin.Y, at.X, m.origin.Y+side)
		}
	}
	frame := rectangle(m.origin, side, side)
	c.StrokeLines(draw.LineStyle{Color: frameInk, Width: 0.6}, append(frame, frame[0]))

	row := aligned(textSize, text.XRight, text.YCenter)
	column := aligned(textSize, text.XRight, text.YTop)
	column.Rotation = m.slant
	switch m.slant {
	case 0:
		column.XAlign = text.XCenter
	case math.Pi / 2:
		column.YAlign = text.YCenter
	}
	for i := 0; i < n; i += m.every {
		c.FillText(row, vg.Point{X: m.origin.X - gap, Y: m.cellCorner(i, 0).Y + m.cell/2}, m.rows[i])
		c.FillText(column, vg.Point{X: m.cellCorner(0, i).X + m.cell/2, Y: m.origin.Y - gap}, m.columns[i])
	}

	axis := aligned(textSize, text.XCenter, text.YBottom)
	middle := vg.Point{X: m.origin.X + side/2, Y: m.origin.Y + side/2}
	c.FillText(axis, vg.Point{X: middle.X, Y: margin}, "Predicted class")
	axis.YAlign, axis.Rotation = text.YTop, math.Pi/2
	c.FillText(axis, vg.Point{X: margin, Y: middle.Y}, "Actual class")
	m.drawTitle(c, m.title)
	note := aligned(textSize, text.XLeft, text.YTop)
	words := fmt.Sprintf("images; strongest blue: %d", m.most)
	if m.shares {
		words = "percent of the actual class; strongest blue: 100"
		if m.twoLines() {
			words += "; images below"
		}
	}
	c.FillText(note, vg.Point{X: margin, Y: m.height - titleHeight + gap}, Abbreviate(words, note, m.width-2*margin))
}

// drawRow draws the cells of actual class i.
func (m *matrix) drawRow(c draw.Canvas, i int) {
	side := m.cell * vg.Length(len(m.counts))
	row := rectangle(m.cellCorner(i, 0), side, m.cell)
	if m.totals[i] == 0 {
		c.FillPolygon(emptyFill, row)
		return
	}
	c.FillPolygon(blues(0), row)
	for j, count := range m.counts[i] {
		if count > 0 {
			m.drawCell(c, i, j)
		}
	}
}

// twoLines reports whether a cell has room for a fraction and a count.
func (m *matrix) twoLines() bool { return m.shares && m.cell >= 2.6*textSize }

// drawCell draws the images of actual class i that were predicted as class j. A cell without any stays as light as it
// is.
func (m *matrix) drawCell(c draw.Canvas, i, j int) {
	count := m.counts[i][j]
	shade := float64(count) / float64(m.most)
	lines := []string{fmt.Sprint(count)}
	if m.shares {
		shade = float64(count) / float64(m.totals[i])
		percent := fmt.Sprintf("%.0f", 100*shade)
		if percent == "0" {
			percent = "<1"
		}
		if lines = []string{percent, lines[0]}; !m.twoLines() {
			lines = lines[:1]
		}
	}
	corner := m.cellCorner(i, j)
	c.FillPolygon(blues(shade), rectangle(corner, m.cell, m.cell))
	// The largest size at which the widest line fits.
	sty := aligned(textSize, text.XCenter, text.YCenter)
	var widest vg.Length
	for _, line := range lines {
		widest = max(widest, sty.Width(line))
	}
	if room := m.cell * 0.9; widest > room {
		sty.Font.Size *= room / widest
	}
	if sty.Font.Size < minCellText || m.cell < textSize {
		return
	}
	if shade > darkShare {
		sty.Color = color.White
	}
	for k, line := range lines {
		lift := (vg.Length(len(lines)-1)/2 - vg.Length(k)) * sty.Font.Size * 1.2
		c.FillText(sty, vg.Point{X: corner.X + m.cell/2, Y: corner.Y + m.cell/2 + lift}, line)
	}
}

// cellCorner returns the lower left corner of a cell; row 0 is at the top.
func (m *matrix) cellCorner(i, j int) vg.Point {
	return vg.Point{
		X: m.origin.X + m.cell*vg.Length(j),
		Y: m.origin.Y + m.cell*vg.Length(len(m.counts)-1-i),
	}
}
