package report

import (
	"fmt"
	"math"
	"strings"

	"fovea/evaluation"
	"fovea/evaluation/figures"
)

// verdict is the answer that a page begins with.
type verdict struct {
	Head     string   // one sentence
	Rest     []string // what goes with it
	Cautions []string // what not to conclude
}

func (r *Report) verdict() (verdict, error) {
	var v verdict
	if r.Test != nil {
		return r.tested()
	}
	switch n := len(r.History); {
	case r.Status == Running && n == 0:
		v.Head = "The run has begun; no epoch has ended yet."
	case r.Status == Running:
		v.Head = fmt.Sprintf("The run is in epoch %d of %d; nothing has been tested yet.", min(n+1, r.Epochs), r.Epochs)
	default:
		v.Head = fmt.Sprintf("The run has stopped after %d of %d epochs; nothing has been tested.", n, r.Epochs)
	}
	if r.Best >= 0 {
		val := r.History[r.Best].Val
		v.Rest = append(v.Rest, fmt.Sprintf("Best so far on the validation images is epoch %d, by %s: accuracy %s, AUC %.3f, kappa %.3f.",
			r.Best+1, plainNames[r.Selection], percent(val.Accuracy), val.ROCAUC, val.Kappa))
		v.Cautions = append(v.Cautions, "These are validation figures, and the epoch is chosen by them: they look better than the test will.")
	}
	v.Cautions = append(v.Cautions, r.dataCautions()...)
	return v, nil
}

// tested is the verdict on a finished run.
func (r *Report) tested() (verdict, error) {
	var v verdict
	m, p := r.Test.Metrics, r.Test.Predictions
	classes, err := evaluation.PerClass(p)
	if err != nil {
		return v, err
	}
	n := len(p.Rows)
	commonest := classes[0]
	for _, k := range classes {
		if k.Support > commonest.Support {
			commonest = k
		}
	}
	base := float64(commonest.Support) / float64(n)
	interval := r.Test.accuracyInterval()
	v.Head = fmt.Sprintf("%s of %d test images are classified right (95 %% interval %s to %s).",
		percent(m.Accuracy), n, percent(interval.Low), percent(interval.High))

	compared := fmt.Sprintf("Always saying the commonest class, %s, would be right for %s", quoted(commonest.Class), percent(base))
	switch {
	case interval.Low > base:
		compared += fmt.Sprintf("; the model is better by %.1f points, more than chance explains.", 100*(m.Accuracy-base))
	case interval.High < base:
		compared += "; by this measure the model is worse than that."
	default:
		compared += ", which lies within the interval: by this measure the model is not shown to be better than that."
	}
	others := fmt.Sprintf("The macro AUC is %.3f%s, where 0.5 knows nothing and 1 is perfect. Kappa, the agreement beyond chance, is %.3f%s; "+
		"quadratic kappa, for grades, %.3f%s.", m.ROCAUC, r.Test.bracket("roc_auc"), m.Kappa, r.Test.bracket("kappa"),
		m.QuadraticKappa, r.Test.bracket("quadratic_kappa"))
	v.Rest = []string{compared, others}

	half := 50 * (interval.High - interval.Low)
	v.Cautions = append(v.Cautions, fmt.Sprintf("%d images place the accuracy within about ±%.1f points: smaller differences between models are not shown by it.", n, half))
	var never, few, missed []string
	for _, k := range classes {
		switch {
		case k.Support > 0 && k.Predicted == 0:
			never = append(never, quoted(k.Class))
		case k.Support > 0 && k.Recall < 0.5:
			missed = append(missed, fmt.Sprintf("%s (%s found)", quoted(k.Class), percent(k.Recall)))
		}
		if k.Support < 30 {
			few = append(few, fmt.Sprintf("%s (%d)", quoted(k.Class), k.Support))
		}
	}
	if never != nil {
		v.Cautions = append(v.Cautions, "Never predicted, though there are such images: "+list(never)+".")
	}
	if missed != nil {
		v.Cautions = append(v.Cautions, "More than half are missed of "+list(missed)+".")
	}
	if few != nil {
		v.Cautions = append(v.Cautions, "Fewer than 30 test images, so their figures say little: "+list(few)+".")
	}
	v.Cautions = append(v.Cautions, r.dataCautions()...)
	return v, nil
}

// dataCautions are those that hold whatever the result is.
func (r *Report) dataCautions() []string {
	var out []string
	if leaks := r.Repeats.leaks(); len(leaks) > 0 {
		out = append(out, fmt.Sprintf("%s in more than one split: what is tested was partly seen before, and the figures are too good. See Data.",
			countOf(len(leaks), "image is", "images are")))
	}
	if wrong := r.Repeats.contradictions(); len(wrong) > 0 {
		out = append(out, fmt.Sprintf("%s filed under more than one class. See Data.", countOf(len(wrong), "image is", "images are")))
	}
	return append(out,
		"Whether one patient has images in more than one split cannot be seen here; if so, the figures are too good.",
		"Images of one dataset say nothing about other cameras, clinics and people. This is no medical device.")
}

// estimated is the interval of a measure, nil without one.
func (t *Test) estimated(name string) *figures.Interval {
	if t.Assessment == nil {
		return nil
	}
	for _, e := range t.Assessment.Measures {
		if low, high := float64(e.Low), float64(e.High); e.Name == name && !math.IsNaN(low+high) {
			return &figures.Interval{Low: low, High: high}
		}
	}
	return nil
}

// accuracyInterval is always known.
func (t *Test) accuracyInterval() figures.Interval {
	n := len(t.Predictions.Rows)
	if x := t.estimated("accuracy"); x != nil {
		return *x
	}
	return figures.Wilson(int(math.Round(t.Metrics.Accuracy*float64(n))), n)
}

// bracket is an interval for running text, empty where there is none.
func (t *Test) bracket(name string) string {
	x := t.estimated(name)
	if x == nil {
		return ""
	}
	return fmt.Sprintf(" (%.3f to %.3f)", x.Low, x.High)
}

func percent(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }

func quoted(s string) string { return "“" + s + "”" }

// list joins words, at most five of them.
func list(words []string) string {
	const most = 5
	if n := len(words); n > most {
		words = append(words[:most:most], fmt.Sprintf("%d more", n-most))
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
