package figures

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"fovea/evaluation"
)

// Interval is a confidence interval.
type Interval struct{ Low, High float64 }

// Curve is a ROC or precision-recall curve of one class against the rest, or of an average over classes.
type Curve struct {
	Class string
	// X and Y are the corners: false positive rate and recall, or recall and precision. X does not fall.
	X, Y     []float64
	Area     float64          // AUC, or average precision
	Interval *Interval        // of the area; nil: none is written
	Chance   float64          // average precision without knowledge, the share of the class; 0: not written
	Band     *evaluation.Band // drawn behind the curve; nil: none
	Average  bool             // over classes
}

// Average returns the curve of an average over classes, with its band.
func Average(b *evaluation.Band, area float64) Curve {
	return Curve{Class: b.Name, X: b.X, Y: b.Y, Area: area, Band: b, Average: true}
}

// Curves returns the ROC and the precision-recall curve of each class that has them, with the AUC and the average
// precision of [evaluation.PerClass]; of two classes only the second's, which is the positive one. Precision holds from
// the recall before to its own, as the average precision sums it. Errors are those of [evaluation.Predictions.Check].
func Curves(p *evaluation.Predictions) (roc, precision []Curve, err error) {
	classes, err := evaluation.PerClass(p)
	if err != nil {
		return nil, nil, err
	}
	for c, k := range classes {
		if math.IsNaN(k.ROCAUC) || (len(classes) == 2 && c == 0) {
			continue
		}
		r, pr := curvesOf(p, c, k)
		roc, precision = append(roc, r), append(precision, pr)
	}
	return roc, precision, nil
}

// curvesOf returns the curves of a class with their corners from the highest threshold down. Equal probabilities make
// one corner.
func curvesOf(p *evaluation.Predictions, class int, k evaluation.ClassMetrics) (roc, precision Curve) {
	positives, negatives := float64(k.Support), float64(len(p.Rows)-k.Support)
	roc = Curve{Class: k.Class, X: []float64{0}, Y: []float64{0}, Area: k.ROCAUC}
	precision = Curve{Class: k.Class, Area: k.AveragePrecision, Chance: positives / float64(len(p.Rows))}
	rows := slices.SortedFunc(slices.Values(p.Rows), func(a, b evaluation.Prediction) int {
		return cmp.Compare(b.Probabilities[class], a.Probabilities[class])
	})
	hits, before := 0, 0.0
	for i, r := range rows {
		if r.Label == class {
			hits++
		}
		if i+1 < len(rows) && rows[i+1].Probabilities[class] == r.Probabilities[class] {
			continue
		}
		recall := float64(hits) / positives
		roc.X, roc.Y = append(roc.X, float64(i+1-hits)/negatives), append(roc.Y, recall)
		if recall != before {
			share := float64(hits) / float64(i+1)
			precision.X, precision.Y = append(precision.X, before, recall), append(precision.Y, share, share)
			before = recall
		}
	}
	return roc, precision
}

// ROC draws ROC curves.
func ROC(curves []Curve, title string) *Figure {
	a := newAxes("False positive rate (1 − specificity)", "Sensitivity")
	a.line("", plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}}, draw.LineStyle{Color: frameInk, Width: 0.5})
	return a.curves(curves, title, "AUC")
}

// PrecisionRecall draws precision-recall curves.
func PrecisionRecall(curves []Curve, title string) *Figure {
	a := newAxes("Recall (sensitivity)", "Precision")
	return a.curves(curves, title, "AP")
}

// curves draws the six classes of smallest area in colours, for a reader must look at those. All other classes are
// grey, and averages black.
func (a *axes) curves(curves []Curve, title, area string) *Figure {
	a.unit()
	var classes, averages []Curve
	for _, c := range curves {
		if c.Average {
			averages = append(averages, c)
		} else {
			classes = append(classes, c)
		}
	}
	weak := slices.Clone(classes)
	slices.SortStableFunc(weak, func(x, y Curve) int { return cmp.Compare(x.Area, y.Area) })
	if most := len(okabeIto) - 1; len(weak) > most {
		others := weak[most:]
		weak = weak[:most]
		for _, c := range others {
			a.line("", c.points(), draw.LineStyle{Color: otherInk, Width: 0.6})
		}
		a.line(fmt.Sprintf("%d other classes, %s %.3f to %.3f", len(others), area, others[0].Area,
			others[len(others)-1].Area),
			nil, draw.LineStyle{Color: otherInk, Width: 0.6})
	}
	if len(classes) == len(weak) {
		weak = classes // in their order
	}
	colour := func(i int, c Curve) color.RGBA {
		if c.Average {
			return black
		}
		return okabeIto[i]
	}
	drawn := slices.Concat(weak, averages)
	for i, c := range drawn {
		if c.Band != nil {
			a.band(c.Band.X, c.Band.Low, c.Band.High, faint(colour(i, c)))
		}
	}
	for i, c := range drawn {
		words := fmt.Sprintf("%s %.3f", area, c.Area)
		if c.Interval != nil {
			words += fmt.Sprintf(" (%.3f to %.3f)", c.Interval.Low, c.Interval.High)
		}
		if c.Chance > 0 {
			words += fmt.Sprintf(", chance %.3f", c.Chance)
		}
		line := lineOf(i)
		if c.Average {
			line = draw.LineStyle{Color: black, Width: 1.2, Dashes: dashes[i-len(weak)]}
		}
		a.line("", c.points(), line)
		a.keys = append(a.keys, key{words + "  ", c.Class, line})
	}
	return figure(title, a)
}

// points returns the corners of the curve that a picture can show: a ROC of a hundred thousand images has as many.
func (c Curve) points() plotter.XYs {
	const fine = 1.0 / 2000
	var out plotter.XYs
	for i := range c.X {
		if n := len(out); n > 0 && i+1 < len(c.X) &&
			math.Abs(c.X[i]-out[n-1].X) < fine && math.Abs(c.Y[i]-out[n-1].Y) < fine {
			continue
		}
		out = append(out, plotter.XY{X: c.X[i], Y: c.Y[i]})
	}
	return out
}
