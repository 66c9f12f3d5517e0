package report

import (
	"cmp"
	"math"
	"slices"

	"fovea/evaluation"
)

// A LabelError is a row whose label is probably wrong.
type LabelError struct {
	Row    int     // index of the prediction
	Class  int     // that the row probably has
	Margin float64 // probability of the label less that of the most probable other class: the lower, the surer
}

// LabelErrors returns the rows whose label is probably wrong, the surest first, by confident learning (Northcutt et
// al., "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021). The threshold of a class is the mean
// probability that its own rows give it. A row counts for the most probable class that reaches its threshold; rows that
// count for another class than their label are returned, in the order of their margin, unless no class is more probable
// than the label. It is what cleanlab calls "confident_learning" and "normalized_margin".
// p must pass [evaluation.Predictions.Check], and the model must not have been trained on its rows.
func LabelErrors(p *evaluation.Predictions) []LabelError {
	const (
		rounding = 1e-6 // a probability that is less below another counts as equal
		least    = 2e-6 // of a threshold
	)
	thresholds, support := make([]float64, len(p.Classes)), make([]float64, len(p.Classes))
	for _, r := range p.Rows {
		thresholds[r.Label] += r.Probabilities[r.Label]
		support[r.Label]++
	}
	for c := range thresholds {
		if thresholds[c] = max(thresholds[c]/support[c], least); support[c] == 0 {
			thresholds[c] = math.Inf(1)
		}
	}
	var out []LabelError
	for i, r := range p.Rows {
		reached, class := 0, 0
		for c, v := range r.Probabilities {
			if v >= thresholds[c]-rounding {
				if reached++; reached == 1 {
					class = c
				}
			}
		}
		if reached > 1 {
			class = r.Predicted()
		}
		other := 0.0
		for c, v := range r.Probabilities {
			if c != r.Label {
				other = max(other, v)
			}
		}
		if margin := r.Probabilities[r.Label] - other; reached > 0 && class != r.Label && margin <= -rounding {
			out = append(out, LabelError{i, class, margin})
		}
	}
	slices.SortStableFunc(out, func(a, b LabelError) int { return cmp.Compare(a.Margin, b.Margin) })
	return out
}
