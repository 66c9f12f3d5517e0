package evaluation

import (
	"math"
	"testing"

	"fovea/graphs/graphtest"
)

// The results of tools/oracle/comparison.py, to 1e-9.
func TestTestsEqualPublishedOnes(t *testing.T) {
	var golden struct {
		DeLong []struct {
			Labels, A, B []int
			Top          float64
			AUC          [2]float64
			StdErr       [2]float64 `json:"std_err"`
			Z, P         float64
		}
		McNemar []struct {
			A, B      int
			ExactP    float64 `json:"exact_p"`
			ChiSquare float64 `json:"chi_square"`
			P         float64
		}
	}
	graphtest.ReadGolden(t, "testdata/comparison.json.gz", &golden)
	if len(golden.DeLong) != 60 || len(golden.McNemar) < 50 {
		t.Fatalf("%d and %d cases", len(golden.DeLong), len(golden.McNemar))
	}
	same := func(name string, i int, got, want float64) {
		if math.Abs(got-want) > 1e-9*math.Abs(want)+1e-300 {
			t.Errorf("case %d: %s = %v, want %v", i, name, got, want)
		}
	}
	for i, g := range golden.DeLong {
		table := func(scores []int) placements {
			p := &Predictions{Classes: []string{"no", "yes"}}
			for k, v := range scores {
				q := float64(v) / g.Top
				p.Rows = append(p.Rows, Prediction{Label: g.Labels[k], Probabilities: []float64{1 - q, q}})
			}
			return newPlacements(newSample(p).rankings[1], 1)
		}
		a, b := table(g.A), table(g.B)
		same("AUC", i, a.auc(), g.AUC[0])
		same("standard error", i, float64(a.interval(0.95).StdErr), g.StdErr[0])
		same("standard error of B", i, float64(b.interval(0.95).StdErr), g.StdErr[1])
		d := aucDifference("yes", a, b, 0.95)
		same("z", i, float64(d.Z), g.Z)
		same("p", i, float64(d.P), g.P)
	}
	for i, g := range golden.McNemar {
		m := NewMcNemar(g.A, g.B)
		same("exact p", i, m.ExactP, g.ExactP)
		same("chi-square", i, m.ChiSquare, g.ChiSquare)
		same("p", i, m.P, g.P)
	}
	if m := NewMcNemar(0, 0); m.ExactP != 1 || m.P != 1 {
		t.Errorf("no discordant image: %+v", m)
	}
}
