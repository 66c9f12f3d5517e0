package main

import (
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"fovea/internal/durable"
)

// curve is the losses of a training.
type curve struct {
	name   string
	losses []float64
}

var colors = []color.RGBA{{0x1f, 0x77, 0xb4, 0xff}, {0xd6, 0x27, 0x28, 0xff}, {0x2c, 0xa0, 0x2c, 0xff}, {0x94, 0x67, 0xbd, 0xff}}

// plotCurves draws pairs of curves, of one colour each, the second dashed, and
// below them how far the two of each pair lie apart.
func plotCurves(path string, curves []curve) error {
	losses, apart := plot.New(), plot.New()
	losses.Y.Label.Text, apart.Y.Label.Text, apart.X.Label.Text = "training loss", "difference", "step"
	apart.Y.Scale, apart.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: 2}
	losses.Legend.Top = true
	for i, c := range curves {
		line, err := lineOf(c.losses, colors[i/2%len(colors)], i%2 == 1)
		if err != nil {
			return err
		}
		losses.Add(line)
		losses.Legend.Add(c.name, line)
		if i%2 == 0 {
			continue
		}
		off := make([]float64, len(c.losses))
		for j := range off {
			off[j] = max(math.Abs(c.losses[j]-curves[i-1].losses[j]), 1e-9) // a logarithm's least
		}
		if line, err = lineOf(off, colors[i/2%len(colors)], false); err != nil {
			return err
		}
		apart.Add(line)
	}
	image := vgimg.NewWith(vgimg.UseWH(20*vg.Centimeter, 20*vg.Centimeter), vgimg.UseDPI(120))
	both := [][]*plot.Plot{{losses}, {apart}}
	for i, row := range plot.Align(both, draw.Tiles{Rows: 2, Cols: 1, PadY: vg.Centimeter, PadX: vg.Millimeter, PadRight: 3 * vg.Millimeter}, draw.New(image)) {
		both[i][0].Draw(row[0])
	}
	return durable.Write(path, func(w io.Writer) error {
		_, err := vgimg.PngCanvas{Canvas: image}.WriteTo(w)
		return err
	})
}

func lineOf(values []float64, c color.Color, dashed bool) (*plotter.Line, error) {
	points := make(plotter.XYs, len(values))
	for i, y := range values {
		points[i] = plotter.XY{X: float64(i + 1), Y: y}
	}
	line, err := plotter.NewLine(points)
	if err != nil {
		return nil, err
	}
	line.Color, line.Width = c, vg.Points(1)
	if dashed {
		line.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
	}
	return line, nil
}
