package evaluation

import (
	"flag"
	"math"
	"testing"

	"fovea/internal/graphtest"
)

var comparisonFile = flag.String("comparison", "testdata/comparison.json.gz", "what tools/oracle/comparison.py wrote")

// The results of tools/oracle/comparison.py, to 1e-9.
func TestTestsEqualPublishedOnes(t *testing.T) {
	var golden struct {
		DeLong []struct {
			Labels, A, B []int
			Top          float64
			AUC          [2]float64
			StdErr       [2]float64 `json:"std_err"`
			Interval     [2]float64
			Z, P         Number
		}
		McNemar []struct {
			A, B      int
			ExactP    float64 `json:"exact_p"`
			ChiSquare float64 `json:"chi_square"`
			P         float64
		}
		Holm   []struct{ P, Holm []float64 }
		Rounds []struct {
			Values           []float64
			Value, Level     float64
			Corrected, Basic [2]float64
		}
	}
	graphtest.ReadGolden(t, *comparisonFile, &golden)
	if len(golden.DeLong) != 60 || len(golden.McNemar) < 40 {
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
		ours := a.interval(0.95)
		same("standard error", i, float64(ours.StdErr), g.StdErr[0])
		same("lower limit", i, float64(ours.Low), g.Interval[0])
		same("upper limit", i, float64(ours.High), g.Interval[1])
		same("standard error of B", i, float64(b.interval(0.95).StdErr), g.StdErr[1])
		d := aucDifference("yes", a, b, 0.95)
		if math.IsNaN(float64(g.Z)) {
			if !math.IsNaN(float64(d.Z)) || !math.IsNaN(float64(d.P)) {
				t.Errorf("case %d: a test without variance: %+v", i, d)
			}
			continue
		}
		same("z", i, float64(d.Z), float64(g.Z))
		same("p", i, float64(d.P), float64(g.P))
	}
	for i, g := range golden.McNemar {
		m := NewMcNemar(g.A, g.B)
		same("exact p", i, m.ExactP, g.ExactP)
		same("chi-square", i, m.ChiSquare, g.ChiSquare)
		same("p", i, m.P, g.P)
	}
	for i, g := range golden.Holm {
		for k, p := range holm(g.P) {
			same("Holm's p", i, p, g.Holm[k])
		}
	}
	for i, g := range golden.Rounds {
		rounds := replicates{g.Values}
		low, high := rounds.interval(0, g.Value, g.Level)
		same("lower corrected percentile", i, low, g.Corrected[0])
		same("upper corrected percentile", i, high, g.Corrected[1])
		low, high = rounds.basicInterval(0, g.Value, g.Level)
		same("lower basic limit", i, low, g.Basic[0])
		same("upper basic limit", i, high, g.Basic[1])
	}
	if got := holm([]float64{math.NaN(), 0.03, 0.02}); !math.IsNaN(got[0]) || got[1] != 0.04 || got[2] != 0.04 {
		t.Errorf("with an undefined p: %v", got)
	}
	if m := NewMcNemar(0, 0); m.ExactP != 1 || m.P != 1 {
		t.Errorf("no discordant image: %+v", m)
	}
}
