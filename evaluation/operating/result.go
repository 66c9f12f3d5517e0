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
// The intervals of sensitivity, specificity, PPV and NPV are Wilson's, of a likelihood ratio that of its logarithm, with
// half an image added to each count where one is 0. With several images a patient all are by patient: for a ratio both
// sides are counted as so many independent images as tell as much. At a stated prevalence PPV and NPV follow from the likelihood
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
	by := ""
	if t.clusters != nil {
		by = evaluation.ByPatients
	}
	is := func(i int) bool { return t.positive[i] }
	reaches := func(i int) bool { return t.scores[i] >= p.Threshold }
	not := func(f func(int) bool) func(int) bool { return func(i int) bool { return !f(i) } }
	fraction := func(name string, hits, n int64, counts, hit func(int) bool) (effective float64) {
		tally := evaluation.NewTally(t.clusters)
		for i := range t.scores {
			if counts(i) {
				tally.Add(i, hit(i))
			}
		}
		low, high := tally.Interval(level)
		r.add(name, float64(hits)/float64(n), low, high, evaluation.WilsonScore+by)
		return tally.EffectiveSize() / float64(n)
	}
	fn, tn := r.FalseNegatives, r.TrueNegatives
	x := fraction("sensitivity", tp, tp+fn, is, reaches)
	y := fraction("specificity", tn, tn+fp, not(is), not(reaches))
	fraction("ppv", tp, tp+fp, reaches, is)
	fraction("npv", tn, tn+fn, not(reaches), not(is))
	a, b, c, d := x*float64(tp), x*float64(fn), y*float64(fp), y*float64(tn)
	positive := likelihoodRatio(a, b, c, d, level)
	negative := likelihoodRatio(b, a, d, c, level)
	r.add("lr_positive", positive[0], positive[1], positive[2], LogRatio+by)
	r.add("lr_negative", negative[0], negative[1], negative[2], LogRatio+by)
	if p.Prevalence > 0 {
		odds := p.Prevalence / (1 - p.Prevalence)
		ppv := func(lr float64) float64 { return 1 / (1 + 1/(odds*lr)) }
		npv := func(lr float64) float64 { return 1 / (1 + odds*lr) }
		r.add("ppv_at_prevalence", ppv(positive[0]), ppv(positive[1]), ppv(positive[2]), Bayes+by)
		r.add("npv_at_prevalence", npv(negative[0]), npv(negative[2]), npv(negative[1]), Bayes+by)
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

// likelihoodRatio returns (a/(a+b)) / (c/(c+d)) and its interval.
func likelihoodRatio(a, b, c, d, level float64) [3]float64 {
	x := [4]float64{a, b, c, d}
	ratio := func() float64 { return x[0] / (x[0] + x[1]) / (x[2] / (x[2] + x[3])) }
	value := ratio()
	if a == 0 || b == 0 || c == 0 || d == 0 {
		for i := range x {
			x[i] += 0.5
		}
	}
	se := math.Sqrt(1/x[0] - 1/(x[0]+x[1]) + 1/x[2] - 1/(x[2]+x[3]))
	width := math.Exp(distuv.UnitNormal.Quantile((1+level)/2) * se)
	if a+b == 0 || c+d == 0 {
		return [3]float64{math.NaN(), math.NaN(), math.NaN()}
	}
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
