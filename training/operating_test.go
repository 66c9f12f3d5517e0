package training_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/evaluation"
	"fovea/evaluation/report"
	"fovea/inference"
	"fovea/internal/runfiles"
	"fovea/training"
)

// TestOperatingPointsOfARun: thresholds come from validation, stand in the model and the measures, and decide as the
// model's rule does. They change nothing else.
func TestOperatingPointsOfARun(t *testing.T) {
	c := small(t, fundus(t))
	plain := run(t, c, training.Options{})
	c.Name = "pointed"
	c.Evaluation.OperatingPoints = []string{"youden", "sensitivity 0.9", "specificity 0.9 lower"}
	c.Evaluation.Cut, c.Evaluation.Prevalence = "2_moderate_npdr", 0.1
	r := run(t, c, training.Options{})
	for _, file := range []string{"predictions_test.csv", "metrics_test.csv", "metrics_val.csv"} {
		a, err := os.ReadFile(filepath.Join(plain.Folder, file))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(r.Folder, file)); err != nil || string(a) != string(b) {
			t.Errorf("%s differs: %v", file, err)
		}
	}
	if again := run(t, c, training.Options{Resume: true}); len(again.Measures.Operating) != 2 {
		t.Errorf("a finished run is reported with %+v", again.Measures.Operating)
	}
	d, err := inference.Describe(filepath.Join(r.Folder, runfiles.Model), inference.Description{})
	if err != nil {
		t.Fatal(err)
	}
	measures, err := report.ReadMeasures(filepath.Join(r.Folder, runfiles.Measures("test")))
	if err != nil {
		t.Fatal(err)
	}
	// So few images have no interval that reaches 0.9.
	if len(d.Operating) != 2 || len(measures.Operating) != 2 || !strings.Contains(strings.Join(measures.Warnings, ""),
		`no threshold has the operating point "specificity 0.9 lower"`) {
		t.Fatalf("the model has %+v, the measures have %+v and warn of %q", d.Operating, measures.Operating, measures.Warnings)
	}
	if !measures.Ordered || d.Ordered == nil || !*d.Ordered || len(d.Grades) != 5 {
		t.Errorf("the grades are %v in the measures and %v, %v in the model", measures.Ordered, d.Ordered, d.Grades)
	}
	if p, m := d.Operating[0], measures.Operating[0]; p.ChosenOn != "val" || p.Images != 20 || p.Prevalence != 0.1 ||
		p.Rule != "youden" || p.Threshold != m.Threshold || p.Positive != "2_moderate_npdr" {
		t.Errorf("the first point is %+v in the model and %+v in the measures", p, m.Point)
	}
	rule, err := d.DefaultRule()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(r.Folder, runfiles.Predictions("test")))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := evaluation.ReadTable(f, evaluation.TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, row := range p.Rows {
		counts[rule.Decision(row.Probabilities)]++
	}
	m := measures.Operating[0]
	if reached := counts["2_moderate_npdr or higher"]; reached != m.TruePositives+m.FalsePositives ||
		reached+counts["below 2_moderate_npdr"] != 25 {
		t.Errorf("the model decides %v, the measures count %d and %d", counts, m.TruePositives, m.FalsePositives)
	}
	if _, err := os.Stat(filepath.Join(r.Folder, runfiles.DecisionCurve("test"))); err != nil {
		t.Error(err)
	}

	c.Name, c.Evaluation.Cut = "refused", ""
	if _, err := training.Run(t.Context(), c, training.Options{}); err == nil || !strings.Contains(err.Error(), "needs a cut") {
		t.Errorf("five grades without a cut: %v", err)
	}
}
