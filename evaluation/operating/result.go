package operating

import (
	"fmt"
	"io"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"fovea/evaluation"
)

// A Result is what the threshold of a point does on a set of images. Rates that have no image to count are NaN.
type Result struct {
	Point
	Level          float64               `json:"level"`
	TruePositives  int64                 `json:"true_positives"`
	FalsePositives int64                 `json:"false_positives"`
	TrueNegatives  int64                 `json:"true_negatives"`
	FalseNegatives int64                 `json:"false_negatives"`
	Measures       []evaluation.Estimate `json:"measures"`
}

// Methods of intervals beside Wilson's.
const (
	LogRatio = "log ratio" // of a likelihood ratio (Simel, Samsa and Matchar, 1991)
	Bayes    = "Bayes"     // what follows from that of the likelihood ratio
)

// Apply counts on predictions of the same classes.
//
// The intervals of sensitivity, specificity, PPV and NPV are those of [evaluation.Predictions.Share], of a likelihood ratio
// that of its logarithm, with half an image added to each count where one is 0. Both know patients. At a stated prevalence PPV and NPV follow from the likelihood
// ratios, and so do their intervals, which take the prevalence as certain.
func (p Point) Apply(on *evaluation.Predictions, level float64) (*Result, error) {
	t := &task{point: p}
	if err := t.fill(on); err != nil {
		return nil, err
	}
	reached := t.counts(p.Threshold)
	tp, fp := reached[1], reached[0]
	r := &Result{Point: p, Level: level, TruePositives: tp, FalsePositives: fp, FalseNegatives: t.images[1] - tp,
		TrueNegatives: t.images[0] - fp}
	positive := func(i int) bool { return t.positive[i] }
	negative := func(i int) bool { return !t.positive[i] }
	reaches := func(i int) bool { return t.scores[i] >= p.Threshold }
	below := func(i int) bool { return t.scores[i] < p.Threshold }
	fraction := func(name string, hits, n int64, counts, hit func(i int) bool) {
		low, high := on.Share(counts, hit, level)
		r.add(name, float64(hits)/float64(n), low, high, on.MethodOf(evaluation.WilsonScore))
	}
	fn, tn := r.FalseNegatives, r.TrueNegatives
	fraction("sensitivity", tp, tp+fn, positive, reaches)
	fraction("specificity", tn, tn+fp, negative, below)
	fraction("ppv", tp, tp+fp, reaches, positive)
	fraction("npv", tn, tn+fn, below, negative)
	sizes := [2]float64{on.EffectiveRows(positive, reaches), on.EffectiveRows(negative, reaches)}
	plus := likelihoodRatio([4]int64{tp, fn, fp, tn}, sizes, level)
	minus := likelihoodRatio([4]int64{fn, tp, tn, fp}, sizes, level)
	r.add("lr_positive", plus[0], plus[1], plus[2], on.MethodOf(LogRatio))
	r.add("lr_negative", minus[0], minus[1], minus[2], on.MethodOf(LogRatio))
	if p.Prevalence > 0 {
		odds := p.Prevalence / (1 - p.Prevalence)
		ppv := func(lr float64) float64 { return 1 / (1 + 1/(odds*lr)) }
		npv := func(lr float64) float64 { return 1 / (1 + odds*lr) }
		r.add("ppv_at_prevalence", ppv(plus[0]), ppv(plus[1]), ppv(plus[2]), Bayes)
		r.add("npv_at_prevalence", npv(minus[0]), npv(minus[2]), npv(minus[1]), Bayes)
	}
	return r, nil
}

func (r *Result) add(name string, value, low, high float64, method string) {
	r.Measures = append(r.Measures, evaluation.Estimate{Name: name, Value: evaluation.Number(value),
		Low: evaluation.Number(low), High: evaluation.Number(high), Method: method, Rule: r.rule()})
}

// rule returns the threshold beside a rate.
func (r *Result) rule() string {
	return fmt.Sprintf("p ≥ %.6g, chosen on %s (%s)", r.Threshold, r.ChosenOn, r.Rule)
}

// likelihoodRatio returns (a/(a+b)) / (c/(c+d)) of four counts and its interval, where a+b and c+d tell as much as sizes.
func likelihoodRatio(counts [4]int64, sizes [2]float64, level float64) [3]float64 {
	var x [4]float64
	half := 0.0
	for i, n := range counts {
		if x[i] = float64(n); n == 0 {
			half = 0.5
		}
	}
	ratio := func() float64 { return x[0] / (x[0] + x[1]) / (x[2] / (x[2] + x[3])) }
	value := ratio()
	if x[0]+x[1] == 0 || x[2]+x[3] == 0 {
		return [3]float64{math.NaN(), math.NaN(), math.NaN()}
	}
	for k, size := range sizes {
		share := size / (x[2*k] + x[2*k+1])
		x[2*k], x[2*k+1] = share*x[2*k]+half, share*x[2*k+1]+half
	}
	se := math.Sqrt(1/x[0] - 1/(x[0]+x[1]) + 1/x[2] - 1/(x[2]+x[3]))
	width := math.Exp(distuv.UnitNormal.Quantile((1+level)/2) * se)
	return [3]float64{value, ratio() / width, ratio() * width}
}

// plain names the measures in a table.
var plain = map[string]string{"sensitivity": "Sensitivity", "specificity": "Specificity", "ppv": "PPV", "npv": "NPV",
	"lr_positive": "Likelihood ratio +", "lr_negative": "Likelihood ratio −"}

// Name returns a measure of r as a table calls it.
func (r *Result) Name(measure string) string {
	switch measure {
	case "ppv_at_prevalence":
		return fmt.Sprintf("PPV at a prevalence of %.4g %%", 100*r.Prevalence)
	case "npv_at_prevalence":
		return fmt.Sprintf("NPV at a prevalence of %.4g %%", 100*r.Prevalence)
	}
	return plain[measure]
}

// WriteText writes a point and a line a measure.
func (r *Result) WriteText(w io.Writer) error {
	_, err := fmt.Fprintf(w, "operating point: %s\n  %d of %d positive images reach it, and %d of %d others\n", r.Point,
		r.TruePositives, r.TruePositives+r.FalseNegatives, r.FalsePositives, r.FalsePositives+r.TrueNegatives)
	for _, m := range r.Measures {
		_, err = fmt.Fprintf(w, "  %-40s %8.4f  [%.4f, %.4f]  %s\n", r.Name(m.Name), m.Value, m.Low, m.High, m.Method)
	}
	return err
}
