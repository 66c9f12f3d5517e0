package figures

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"fovea/evaluation/operating"
)

// Benefit draws a decision curve beside treating all and treating none. Points far below 0 are cut off.
func Benefit(c *operating.Curve, title string) *Figure {
	a := newAxes("Threshold probability", "Net benefit")
	a.unit()
	most := 0.05
	for i := range c.Model {
		most = max(most, c.Model[i], c.All[i])
	}
	least := -most / 4
	a.plot.Y.Min, a.plot.Y.Max = least, most*1.05
	a.plot.Y.Tick.Marker = plot.DefaultTicks{}
	line := func(name string, values []float64, sty draw.LineStyle) {
		var points plotter.XYs
		for i, v := range values {
			if v < least {
				if n := len(points); n > 0 && values[i-1] > least { // down to the edge
					share := (values[i-1] - least) / (values[i-1] - v)
					x := c.Thresholds[i-1] + share*(c.Thresholds[i]-c.Thresholds[i-1])
					points = append(points, plotter.XY{X: x, Y: least})
				}
				break
			}
			points = append(points, plotter.XY{X: c.Thresholds[i], Y: v})
		}
		a.line(name, points, sty)
	}
	line("treat all", c.All, lineOf(1))
	line("treat none", make([]float64, len(c.Model)), draw.LineStyle{Color: frameInk, Width: 0.8})
	line("treat by the model", c.Model, lineOf(0))
	return figure(title, a)
}
