package figures

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"fovea/evaluation"
)

// A Bin holds the images whose largest probability lies in one part of [0, 1].
type Bin struct {
	Low, High  float64 // the part, High included
	Count      int
	Confidence float64   // mean of the largest probabilities
	Accuracy   float64   // share that is predicted right
	Interval   *Interval // of the accuracy; nil: none is drawn
}

// ReliabilityBins sorts the predictions into n bins of equal width by their largest probability, each with the interval
// of its accuracy by [evaluation.Predictions.Share]. p must pass [evaluation.Predictions.Check].
func ReliabilityBins(p *evaluation.Predictions, n int, level float64) []Bin {
	bins, hits := make([]Bin, n), make([]int, n)
	of := make([]int, len(p.Rows)) // the bin of each row
	for i, r := range p.Rows {
		class := r.Predicted()
		confidence := min(r.Probabilities[class], 1)
		k := BinOf(confidence, n)
		of[i] = k
		bins[k].Count++
		bins[k].Confidence += confidence
		if class == r.Label {
			hits[k]++
		}
	}
	for k := range bins {
		b := &bins[k]
		b.Low, b.High = float64(k)/float64(n), float64(k+1)/float64(n)
		if b.Count > 0 {
			b.Confidence /= float64(b.Count)
			b.Accuracy = float64(hits[k]) / float64(b.Count)
			low, high := p.Share(func(i int) bool { return of[i] == k },
				func(i int) bool { return p.Rows[i].Predicted() == p.Rows[i].Label }, level)
			b.Interval = &Interval{low, high}
		}
	}
	return bins
}

// BinOf returns which of n bins of equal width, from 0, holds a probability.
func BinOf(probability float64, n int) int {
	return max(0, int(math.Ceil(min(probability, 1)*float64(n)))-1)
}

// Wilson returns the interval of a fraction of hits among n > 0, see [evaluation.Wilson].
func Wilson(hits, n int, level float64) Interval {
	low, high := evaluation.Wilson(int64(hits), int64(n), level)
	return Interval{low, high}
}

// Reliability draws, for each bin, the fraction of correct predictions over their mean probability, and below it the
// number of images. interval is the legend of the bins' intervals.
func Reliability(bins []Bin, interval, title string) *Figure {
	a := newAxes("Probability of the predicted class", "Fraction that is right")
	a.unit()
	a.line("perfect calibration", plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}},
		draw.LineStyle{Color: frameInk, Width: 0.6, Dashes: dashes[2]})
	b := newAxes("Probability of the predicted class", "Images")
	b.unit()
	b.plot.Y.Tick.Marker = wholeTicks{}
	bar := lineOf(0)
	most := 1
	for _, x := range bins {
		if x.Count == 0 {
			continue
		}
		most = max(most, x.Count)
		if x.Interval != nil {
			a.line("", plotter.XYs{{X: x.Confidence, Y: x.Interval.Low}, {X: x.Confidence, Y: x.Interval.High}}, bar)
		}
		a.plot.Add(&plotter.Scatter{XYs: plotter.XYs{{X: x.Confidence, Y: x.Accuracy}},
			GlyphStyle: draw.GlyphStyle{Color: okabeIto[0], Radius: 2.2, Shape: draw.CircleGlyph{}}})
		b.plot.Add(&plotter.Polygon{XYs: []plotter.XYs{{{X: x.Low, Y: 0}, {X: x.High, Y: 0},
			{X: x.High, Y: float64(x.Count)}, {X: x.Low, Y: float64(x.Count)}}}, Color: okabeIto[0],
			LineStyle: draw.LineStyle{Color: blues(0), Width: 0.5}})
		words := aligned(textSize, draw.XCenter, draw.YBottom)
		b.plot.Add(&plotter.Labels{XYs: plotter.XYs{{X: (x.Low + x.High) / 2, Y: float64(x.Count)}},
			Labels: []string{fmt.Sprint(x.Count)}, TextStyle: []draw.TextStyle{words}, Offset: vg.Point{Y: 2}})
	}
	a.keys = append(a.keys, key{name: interval + " of a bin", line: bar})
	b.plot.Y.Max = float64(most) * 1.15
	b.tall = 90
	return figure(title, a, b)
}
