package account

import (
	"fmt"
	"slices"
	"strings"

	"fovea/evaluation"
	"fovea/evaluation/operating"
)

// plainMeasures names the measures of subgroups and units.
var plainMeasures = map[string]string{"roc_auc": "AUC", "recall_positive": "sensitivity",
	"specificity_positive": "specificity", "balanced_accuracy": "balanced accuracy", "quadratic_kappa": "quadratic kappa",
	"ppv": "positive predictive value", "npv": "negative predictive value", "lr_positive": "positive likelihood ratio",
	"lr_negative": "negative likelihood ratio", "ppv_at_prevalence": "positive predictive value at that prevalence",
	"npv_at_prevalence": "negative predictive value at that prevalence"}

func plainMeasure(name string) string {
	if plain := plainMeasures[name]; plain != "" {
		return plain
	}
	return name
}

func estimates(all []evaluation.Estimate) string {
	var parts []string
	for _, m := range all {
		parts = append(parts, estimate(all, m.Name, plainMeasure(m.Name)))
	}
	return join(parts...)
}

// where says when the answer of an operating point is positive.
func where(p operating.Point) string {
	reached, _ := p.Decision()
	return fmt.Sprintf("%s where its probability is at least %.6g", reached, p.Threshold)
}

// sayPoints adds what the thresholds of operating points do on the test.
func (f *folder) sayPoints(w *writer) {
	for _, p := range f.points {
		prevalence := ""
		if p.Prevalence > 0 {
			prevalence = fmt.Sprintf(", with a stated prevalence of %.4g %%", 100*p.Prevalence)
		}
		w.say([]string{inMeasures + ": operating_points"}, "Operating point, %s%s: %s.", where(p.Point), prevalence,
			estimates(p.Measures))
	}
}

// sayUnits adds the results by eye and by patient.
func (f *folder) sayUnits(w *writer) {
	for _, u := range f.assessment.Units {
		if u.Unit == evaluation.ByImage { // the measures of the whole test
			continue
		}
		pool := ""
		if u.Pool != "" {
			pool = fmt.Sprintf(" (%s of the probabilities)", u.Pool)
		}
		w.say([]string{inMeasures + ": units"}, "By %s%s, %d in all: %s.", u.Unit, pool, u.Rows, estimates(u.Measures))
	}
}

// clusters tells of the subgroups that are not kinds of people, such as sites and cameras.
func (f *folder) clusters(w *writer) {
	f.subgroupsBy(w, "Results by site or camera.", func(by string) bool {
		return !slices.Contains([]string{"sex", "age", "eye"}, by)
	})
}

func (f *folder) subgroups(w *writer) {
	f.subgroupsBy(w, "Results by subgroup.", func(string) bool { return true })
}

// subgroupsBy tells of the subgroups by some attributes, or that there are none.
func (f *folder) subgroupsBy(w *writer, missing string, told func(by string) bool) {
	var all []evaluation.Subgroups
	if f.assessment != nil {
		all = f.assessment.Subgroups
	}
	in := []string{inMeasures + ": subgroups"}
	for _, s := range all {
		if !told(s.By) {
			continue
		}
		var groups []string
		for _, g := range s.Groups {
			size := count(g.Rows, "image")
			if g.Patients > 0 {
				size += " of " + count(g.Patients, "patient")
			}
			few := make([]string, len(g.Few))
			for i, name := range g.Few {
				few[i] = plainMeasure(name)
			}
			text := estimates(g.Measures)
			if len(few) > 0 {
				text += fmt.Sprintf(" (too few to judge %s)", strings.Join(few, ", "))
			}
			groups = append(groups, fmt.Sprintf("%s (%s): %s", g.Name, size, text))
		}
		threshold := ""
		if s.Threshold != "" {
			threshold = fmt.Sprintf(" (sensitivity and specificity: %s)", s.Threshold)
		}
		w.say(in, "By %s%s: %s.", s.By, threshold, strings.Join(groups, "; "))
		var gaps []string
		for _, g := range s.Gaps {
			if g.Difference == g.Difference {
				gaps = append(gaps, fmt.Sprintf("%s %.3f (%.3f to %.3f) between %s and %s", plainMeasure(g.Measure), g.Difference,
					g.Low, g.High, g.Best, g.Worst))
			}
		}
		if gaps != nil {
			w.say(in, "Largest gaps: %s.", strings.Join(gaps, "; "))
		}
	}
	if w.text == nil {
		w.lack("%s", missing)
	}
}
