package figures

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// key is a line of a legend.
type key struct {
	words, name string // the name stands behind the words and is shortened
	line        draw.LineStyle
}

// axes is a plot with its legend below it, where it covers nothing.
type axes struct {
	plot *plot.Plot
	tall vg.Length // of the plot
	keys []key
}

const plotHeight = vg.Length(170)

func newAxes(x, y string) *axes {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.X.Padding, p.Y.Padding = 0, 0
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		label := TextStyle(textSize)
		a.Label.TextStyle.Font, a.Label.TextStyle.Color = label.Font, ink
		a.Tick.Label.Font, a.Tick.Label.Color = label.Font, ink
		a.LineStyle = draw.LineStyle{Color: frameInk, Width: 0.6}
		a.Tick.LineStyle, a.Tick.Length = a.LineStyle, 3
	}
	grid := plotter.NewGrid()
	grid.Vertical = draw.LineStyle{Color: gridInk, Width: 0.3}
	grid.Horizontal = grid.Vertical
	p.Add(grid)
	return &axes{plot: p, tall: plotHeight}
}

// unit sets both axes from 0 to 1.
func (a *axes) unit() {
	for _, x := range []*plot.Axis{&a.plot.X, &a.plot.Y} {
		x.Min, x.Max = 0, 1
		x.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "0"}, {Value: 0.2, Label: "0.2"}, {Value: 0.4, Label: "0.4"},
			{Value: 0.6, Label: "0.6"}, {Value: 0.8, Label: "0.8"}, {Value: 1, Label: "1"}}
	}
}

// lineOf returns the style of the k-th line that is told apart from others.
func lineOf(k int) draw.LineStyle {
	return draw.LineStyle{Color: Colour(k), Width: 1.2, Dashes: dashes[k%len(dashes)]}
}

// line adds a line, and its name to the legend unless that is empty.
func (a *axes) line(name string, points plotter.XYs, sty draw.LineStyle) {
	if len(points) > 0 {
		a.plot.Add(&plotter.Line{XYs: points, LineStyle: sty})
	}
	if name != "" {
		a.keys = append(a.keys, key{name: name, line: sty})
	}
}

// band adds the area between two lines over x.
func (a *axes) band(x, low, high []float64, fill color.Color) {
	var outline plotter.XYs
	for i := range x {
		outline = append(outline, plotter.XY{X: x[i], Y: high[i]})
	}
	for i := len(x) - 1; i >= 0; i-- {
		outline = append(outline, plotter.XY{X: x[i], Y: low[i]})
	}
	a.plot.Add(&plotter.Polygon{XYs: []plotter.XYs{outline}, Color: fill})
}

// height returns the height of the axes with their legend.
func (a *axes) height() vg.Length { return a.tall + gap + lineHeight*vg.Length(len(a.keys)) }

// canvas returns the part of a rectangle that the plot takes, above its legend.
func (a *axes) canvas(c draw.Canvas, at vg.Rectangle) draw.Canvas {
	at.Min.Y += lineHeight*vg.Length(len(a.keys)) + gap
	return draw.Crop(draw.Canvas{Canvas: c.Canvas, Rectangle: at}, 0, -gap*2, 0, -gap) // the last tick's label reaches out
}

// drawIn draws into a rectangle: the legend at its foot, the plot above.
func (a *axes) drawIn(c draw.Canvas, at vg.Rectangle) {
	foot := at.Min.Y + lineHeight*vg.Length(len(a.keys))
	a.plot.Draw(a.canvas(c, at))
	const sample = vg.Length(22)
	label := aligned(textSize, text.XLeft, text.YCenter)
	for i, k := range a.keys {
		y := foot - lineHeight*(vg.Length(i)+0.5)
		c.StrokeLine2(k.line, at.Min.X, y, at.Min.X+sample, y)
		c.FillText(label, vg.Point{X: at.Min.X + sample + gap, Y: y},
			k.words+Abbreviate(k.name, label, at.Max.X-at.Min.X-sample-gap-label.Width(k.words)))
	}
}

// figure returns a figure of axes one above the other under a title.
func figure(title string, parts ...*axes) *Figure {
	f := &Figure{width: columnWidth, height: titleHeight + margin}
	for i, a := range parts {
		if i > 0 {
			f.height += 2 * gap
		}
		f.height += a.height()
	}
	top, rooms := f.height-titleHeight, make([]vg.Rectangle, len(parts))
	for i, a := range parts {
		rooms[i] = vg.Rectangle{Min: vg.Point{X: margin, Y: top - a.height()}, Max: vg.Point{X: f.width - margin, Y: top}}
		f.addPlot(a.plot.DataCanvas(a.canvas(draw.Canvas{}, rooms[i])).Rectangle)
		top -= a.height() + 2*gap
	}
	f.draw = func(c draw.Canvas) {
		f.drawTitle(c, title)
		for i, a := range parts {
			a.drawIn(c, rooms[i])
		}
	}
	return f
}
