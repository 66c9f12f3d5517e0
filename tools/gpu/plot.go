package main

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// curve is the losses of a training.
type curve struct {
	name   string
	losses []float64
}

// plotCurves draws pairs of curves, of one colour each, the second dashed.
func plotCurves(path string, curves []curve) error {
	colors := []color.RGBA{{0x1f, 0x77, 0xb4, 0xff}, {0xd6, 0x27, 0x28, 0xff}, {0x2c, 0xa0, 0x2c, 0xff}, {0x94, 0x67, 0xbd, 0xff}}
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = "step", "training loss"
	p.Legend.Top = true
	p.BackgroundColor = color.White
	for i, c := range curves {
		points := make(plotter.XYs, len(c.losses))
		for j, loss := range c.losses {
			points[j] = plotter.XY{X: float64(j + 1), Y: loss}
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return err
		}
		line.Color, line.Width = colors[i/2%len(colors)], vg.Points(1)
		if i%2 == 1 {
			line.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
		}
		p.Add(line)
		p.Legend.Add(c.name, line)
	}
	return p.Save(20*vg.Centimeter, 12*vg.Centimeter, path)
}
