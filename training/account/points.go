package account

import (
	"fmt"
	"strings"

	"fovea/evaluation"
	"fovea/evaluation/checklist"
)

// A breakdown is what metrics_test.json holds beside the measures of all test images, where a run has it.
type breakdown struct {
	Patients  int         `json:"patients"`
	Ordered   *bool       `json:"ordered"`
	Units     []unit      `json:"units"`
	Subgroups []subgroups `json:"subgroups"`
	Points    []point     `json:"operating_points"`
}

// A unit is an eye or a patient, whose images have one answer together.
type unit struct {
	Unit     string                `json:"unit"`
	Pool     string                `json:"pool"`
	Rows     int                   `json:"rows"`
	Measures []evaluation.Estimate `json:"measures"`
}

type subgroups struct {
	By        string `json:"by"`
	Threshold string `json:"threshold"`
	Groups    []struct {
		Name     string                `json:"name"`
		Rows     int                   `json:"rows"`
		Patients int                   `json:"patients"`
		Measures []evaluation.Estimate `json:"measures"`
		Few      []string              `json:"few"`
	} `json:"groups"`
	Gaps []struct {
		Measure    string            `json:"measure"`
		Best       string            `json:"best"`
		Worst      string            `json:"worst"`
		Difference evaluation.Number `json:"difference"`
		Low        evaluation.Number `json:"low"`
		High       evaluation.Number `json:"high"`
	} `json:"gaps"`
}

// A point is a threshold that was chosen before the test.
type point struct {
	Rule       string                `json:"rule"`
	Positive   string                `json:"positive"`
	Threshold  float64               `json:"threshold"`
	ChosenOn   string                `json:"chosen_on"`
	Images     int                   `json:"images"`
	Upper      []string              `json:"upper"`
	Prevalence float64               `json:"prevalence"`
	Measures   []evaluation.Estimate `json:"measures"`
}

func (p point) String() string {
	positive := p.Positive
	if p.Upper != nil {
		positive += " or higher"
	}
	return fmt.Sprintf("%s where its probability is at least %.6g", positive, p.Threshold)
}

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

// sayPoints adds what the thresholds of operating points do on the test.
func (f *folder) sayPoints(w *writer) {
	for _, p := range f.more.Points {
		prevalence := ""
		if p.Prevalence > 0 {
			prevalence = fmt.Sprintf(", with a stated prevalence of %.4g %%", 100*p.Prevalence)
		}
		w.say([]string{inMeasures + ": operating_points"}, "Operating point, %s%s: %s.", p, prevalence, estimates(p.Measures))
	}
}

// sayUnits adds the results by eye and by patient.
func (f *folder) sayUnits(w *writer) {
	for _, u := range f.more.Units {
		if u.Unit == "image" { // the measures of the whole test
			continue
		}
		pool := ""
		if u.Pool != "" {
			pool = fmt.Sprintf(" (%s of the probabilities)", u.Pool)
		}
		w.say([]string{inMeasures + ": units"}, "By %s%s, %d in all: %s.", u.Unit, pool, u.Rows, estimates(u.Measures))
	}
}

func (f *folder) subgroups() checklist.Fact {
	var w writer
	if len(f.more.Subgroups) == 0 {
		w.lack("Results by subgroup.")
		return w.fact()
	}
	in := []string{inMeasures + ": subgroups"}
	for _, s := range f.more.Subgroups {
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
	return w.fact()
}
