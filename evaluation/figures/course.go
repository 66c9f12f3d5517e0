package figures

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"
)

// Series is a figure over the epochs, the first of which is epoch 1. NaN is left out.
type Series struct {
	Name   string
	Values []float64
}

// Course draws series over the epochs. best is the index of an epoch that is marked, -1 none. Values outside [0, 1] are
// allowed.
func Course(series []Series, best int, unit, title string) *Figure {
	a := newAxes("Epoch", unit)
	a.epochs(series)
	for i, s := range series {
		a.line(s.Name, s.points(), lineOf(i))
		if best >= 0 && best < len(s.Values) && !math.IsNaN(s.Values[best]) {
			a.plot.Add(&plotter.Scatter{XYs: plotter.XYs{{X: float64(best + 1), Y: s.Values[best]}},
				GlyphStyle: draw.GlyphStyle{Color: Colour(i), Radius: 2.2, Shape: draw.CircleGlyph{}}})
		}
	}
	if best >= 0 {
		low, high := a.plot.Y.Min, a.plot.Y.Max
		a.line(fmt.Sprintf("selected epoch: %d", best+1),
			plotter.XYs{{X: float64(best + 1), Y: low}, {X: float64(best + 1), Y: high}},
			draw.LineStyle{Color: frameInk, Width: 0.6, Dashes: dashes[2]})
	}
	return figure(title, a)
}

// Rates draws the learning rate of each layer over the epochs, from light, the first, to dark, the last, on a scale of
// powers of ten. Of many layers only some are named. A rate of 0 has no place on the scale and is left out.
func Rates(layers []Series, title string) *Figure {
	a := newAxes("Epoch", "Learning rate")
	layers = slices.Clone(layers)
	low, high := math.Inf(1), 0.0
	for i := range layers {
		layers[i].Values = slices.Clone(layers[i].Values)
		for k, y := range layers[i].Values {
			if !(y > 0) || math.IsInf(y, 1) {
				layers[i].Values[k] = math.NaN()
				continue
			}
			low, high = min(low, y), max(high, y)
		}
	}
	if high == 0 {
		low, high = 1e-6, 1e-3
	}
	a.epochs(layers)
	every := (len(layers) + 6) / 7
	for i, s := range layers {
		name, shade := "", 1.0
		if len(layers) > 1 {
			shade = 0.4 + 0.6*float64(i)/float64(len(layers)-1)
		}
		if i == len(layers)-1 || (i%every == 0 && i+every/2 < len(layers)-1) {
			name = s.Name
		}
		a.line(name, s.points(), draw.LineStyle{Color: blues(shade), Width: 1})
	}
	a.plot.Y.Scale, a.plot.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: 2}
	a.plot.Y.Min = math.Pow(10, math.Floor(math.Log10(low/1.01)))
	a.plot.Y.Max = math.Pow(10, math.Ceil(math.Log10(high)))
	return figure(title, a)
}

// epochs sets the range of the axes to that of series.
func (a *axes) epochs(series []Series) {
	last, low, high := 2, math.Inf(1), math.Inf(-1)
	for _, s := range series {
		last = max(last, len(s.Values))
		for _, y := range s.Values {
			if !math.IsNaN(y) && !math.IsInf(y, 0) {
				low, high = min(low, y), max(high, y)
			}
		}
	}
	if low > high {
		low, high = 0, 1
	}
	if low == high {
		low, high = low-0.05, high+0.05
	}
	room := 0.04 * (high - low)
	a.plot.X.Min, a.plot.X.Max = 1, float64(last)
	a.plot.X.Tick.Marker = wholeTicks{}
	a.plot.Y.Min, a.plot.Y.Max = low-room, high+room
}

func (s Series) points() plotter.XYs {
	var out plotter.XYs
	for i, y := range s.Values {
		if !math.IsNaN(y) && !math.IsInf(y, 0) {
			out = append(out, plotter.XY{X: float64(i + 1), Y: y})
		}
	}
	return out
}

// wholeTicks are ticks at whole numbers: epochs, images.
type wholeTicks struct{}

// Ticks implements [plot.Ticker].
func (wholeTicks) Ticks(low, high float64) []plot.Tick {
	const most = 7
	step := 1.0
	for k := 0; (high-low)/step > most; k++ {
		step *= []float64{2, 2.5, 2}[k%3] // 1, 2, 5, 10
	}
	var out []plot.Tick
	for x := math.Ceil(low/step) * step; x <= high; x += step {
		out = append(out, plot.Tick{Value: x, Label: strconv.FormatFloat(x, 'f', -1, 64)})
	}
	return out
}
