package operating

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"fovea/evaluation"
)

// Two copies of each image tell no more than one: thresholds and intervals by patient are the same.
func TestCopiesTellNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	one := &evaluation.Predictions{Classes: []string{"no", "yes"}, Attributes: []string{"patient"}}
	two := &evaluation.Predictions{Classes: one.Classes, Attributes: one.Attributes}
	for i := range 150 {
		x := evaluation.Prediction{Label: i % 2, Attributes: []string{fmt.Sprint(i)}}
		p := 1 / (1 + math.Exp(-1.5*(rng.NormFloat64()+float64(2*x.Label-1))))
		x.Probabilities = []float64{1 - p, p}
		one.Rows = append(one.Rows, x)
		two.Rows = append(two.Rows, x, x)
	}
	var rules []Rule
	for _, text := range []string{"youden", "sensitivity 0.8 lower", "specificity 0.8 lower"} {
		r, err := ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, r)
	}
	want, _, err := Choose(one, "val", "", 0.95, rules)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := Choose(two, "val", "", 0.95, rules)
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	for i := range want {
		if got[i].Threshold != want[i].Threshold {
			t.Errorf("%s: threshold %v of copies, %v without", rules[i], got[i].Threshold, want[i].Threshold)
		}
		want[i].Prevalence, got[i].Prevalence = 0.1, 0.1
		a, errA := want[i].Apply(one, 0.95)
		b, errB := got[i].Apply(two, 0.95)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		for k, m := range a.Measures {
			c := b.Measures[k]
			if math.Abs(float64(m.Low-c.Low)) > 1e-12 || math.Abs(float64(m.High-c.High)) > 1e-12 ||
				!strings.HasSuffix(c.Method, " by patient") || strings.HasSuffix(m.Method, " by patient") {
				t.Errorf("%+v of copies, %+v without", c, m)
			}
		}
	}
	two.Attributes = nil
	if narrow, err := got[0].Apply(two, 0.95); err != nil || narrow.Measures[0].Method != evaluation.WilsonScore {
		t.Error(narrow, err)
	}
}
