package evaluation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func find(t *testing.T, list []Estimate, name string) Estimate {
	t.Helper()
	i := slices.IndexFunc(list, func(e Estimate) bool { return e.Name == name })
	if i < 0 {
		t.Fatalf("no measure %s", name)
	}
	return list[i]
}

func TestAssessmentDoesNotDependOnWorkers(t *testing.T) {
	p := randomPredictions(4, 300)
	var texts []string
	for _, workers := range []int{1, 2, 7} {
		a, err := Assess(t.Context(), p, Intervals{Rounds: 200, Seed: 3, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := a.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, b.String())
	}
	if texts[0] != texts[1] || texts[0] != texts[2] {
		t.Error("the number of workers changes the result")
	}
	a, err := Assess(t.Context(), p, Intervals{Rounds: 200, Seed: 4})
	if err != nil {
		t.Fatal(err)
	}
	var read Assessment
	if err := json.Unmarshal([]byte(texts[0]), &read); err != nil {
		t.Fatal(err)
	}
	if find(t, a.Measures, "accuracy").Value != find(t, read.Measures, "accuracy").Value ||
		find(t, a.Measures, "brier").Low == find(t, read.Measures, "brier").Low {
		t.Error("the seed decides the intervals and nothing else")
	}
}

// With classes of fixed size the recall of a class is a binomial share, whose spread is known; AUC's is DeLong's.
func TestBootstrapWidth(t *testing.T) {
	p := randomPredictions(2, 2000)
	a, err := Assess(t.Context(), p, Intervals{})
	if err != nil {
		t.Fatal(err)
	}
	if a.Positive != "b" || a.Rounds != 2000 || a.Level != 0.95 {
		t.Errorf("%+v", a)
	}
	for _, k := range a.PerClass {
		recall, auc := find(t, k.Measures, "recall"), find(t, k.Measures, "roc_auc")
		r := float64(recall.Value)
		for name, widths := range map[string][2]float64{
			"recall":  {float64(recall.High - recall.Low), 2 * 1.96 * math.Sqrt(r*(1-r)/float64(k.Support))},
			"roc_auc": {float64(auc.High - auc.Low), float64(k.DeLong.High - k.DeLong.Low)},
		} {
			if math.Abs(widths[0]/widths[1]-1) > 0.1 {
				t.Errorf("class %s: %s: interval %.4f wide, want %.4f", k.Class, name, widths[0], widths[1])
			}
		}
		if auc.Value != k.DeLong.AUC && math.Abs(float64(auc.Value-k.DeLong.AUC)) > 1e-14 {
			t.Errorf("AUC %v and %v", auc.Value, k.DeLong.AUC)
		}
	}
}

func TestAssessmentOfUndefined(t *testing.T) {
	p := &Predictions{Classes: []string{"a", "b", "c"}}
	for i := range 4 {
		p.Rows = append(p.Rows, Prediction{Path: "x", Label: i / 3, Probabilities: []float64{0.5, 0.25, 0.25}})
	}
	a, err := Assess(t.Context(), p, Intervals{Rounds: 20})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := a.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `"auc": null`) {
		t.Errorf("no null in\n%s", &b)
	}
	if !slices.ContainsFunc(a.Warnings, func(w string) bool { return strings.Contains(w, "one sample is the same") }) {
		t.Errorf("warnings %q", a.Warnings)
	}
	if err := a.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Intervals{{Rounds: 3}, {Level: 1}, {Level: -1}} {
		if _, err := Assess(t.Context(), p, o); err == nil {
			t.Errorf("no error with %+v", o)
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Assess(stopped, p, Intervals{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// If labels are drawn with the very probabilities of a table, the calibration errors that these show have the mean that
// is told.
func TestECEIfCalibrated(t *testing.T) {
	p := randomPredictions(4, 400)
	a, err := Assess(t.Context(), p, Intervals{Rounds: 20})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	var sum float64
	const draws = 400
	for range draws {
		for i := range p.Rows {
			u, label := rng.Float64(), 0
			for label < 3 && u >= p.Rows[i].Probabilities[label] {
				u -= p.Rows[i].Probabilities[label]
				label++
			}
			p.Rows[i].Label = label
		}
		s := newSample(p)
		tally := s.newTally()
		s.countRows(s.ones(), tally)
		sum += tally.ece
	}
	if want := sum / draws; math.Abs(float64(a.ECEIfCalibrated)/want-1) > 0.05 {
		t.Errorf("%v, by simulation %v", a.ECEIfCalibrated, want)
	}
}

func TestFlawless(t *testing.T) {
	p := &Predictions{Classes: []string{"a", "b"}}
	for i := range 30 {
		p.Rows = append(p.Rows, Prediction{Label: i % 2, Probabilities: []float64{float64(1 - i%2), float64(i % 2)}})
	}
	a, err := Assess(t.Context(), p, Intervals{Rounds: 20})
	if err != nil {
		t.Fatal(err)
	}
	// 30/(30 + 1.95996²) = 0.88649 is the limit of Wilson, and 0.025^(1/15) = 0.78198 the tabulated one of Clopper and
	// Pearson.
	if len(a.Warnings) != 1 || !strings.Contains(a.Warnings[0], "begins at 0.8865") {
		t.Errorf("warnings %q", a.Warnings)
	}
	if d := a.PerClass[1].DeLong; d.AUC != 1 || d.High != 1 || math.Abs(float64(d.Low)-0.78198) > 1e-5 {
		t.Errorf("%+v", d)
	}
	if e := find(t, a.Measures, "ece"); e.Value != 0 || e.Low != 0 || e.High != 0 || a.ECEIfCalibrated != 0 {
		t.Errorf("%+v, %v", e, a.ECEIfCalibrated)
	}
}

// TestOneInterval: what is one number has one interval, by one method, under whatever names it stands.
func TestOneInterval(t *testing.T) {
	for classes, same := range map[int][][]string{
		2: {{"roc_auc", "1 roc_auc", "0 roc_auc"}, {"recall_positive", "1 recall", "0 specificity"},
			{"specificity_positive", "1 specificity", "0 recall"}, {"f1_positive", "1 f1"}},
		4: {{"accuracy", "precision_micro", "recall_micro", "recall_weighted", "f1_micro"},
			{"balanced_accuracy", "recall"}},
	} {
		p := randomPredictions(classes, 60)
		a, err := Assess(t.Context(), p, Intervals{Rounds: 200})
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]Estimate{}
		for _, m := range a.Measures {
			all[m.Name] = m
		}
		for c, k := range a.PerClass {
			for _, m := range k.Measures {
				all[fmt.Sprint(c, " ", m.Name)] = m
			}
			if m := all[fmt.Sprint(c, " roc_auc")]; m.Low != k.DeLong.Low || m.High != k.DeLong.High || m.Method != DeLong {
				t.Errorf("%+v beside %+v", m, k.DeLong)
			}
		}
		for _, names := range same {
			first := all[names[0]]
			for _, name := range names[1:] {
				m := all[name]
				off := max(math.Abs(float64(m.Value-first.Value)), math.Abs(float64(m.Low-first.Low)),
					math.Abs(float64(m.High-first.High)))
				if m.Method != first.Method || first.Method == "" || !(off < 1e-12) {
					t.Errorf("%d classes: %+v and %+v", classes, first, m)
				}
			}
		}
	}
}

func BenchmarkAssess(b *testing.B) {
	p := randomPredictions(5, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Assess(b.Context(), p, Intervals{}); err != nil {
			b.Fatal(err)
		}
	}
}
