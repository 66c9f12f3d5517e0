package transfer_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"fovea/graphs/transfer"
)

// TestReadScores: functions of a softmax are told apart by their values alone.
func TestReadScores(t *testing.T) {
	for _, c := range []struct {
		want transfer.Kind
		of   func(p float64) float64
	}{
		{transfer.ProbabilityScores, func(p float64) float64 { return p }},
		{transfer.ScaledScores, func(p float64) float64 { return 100 * p }},
		{transfer.ScaledScores, func(p float64) float64 { return math.Round(255 * p) }},
		{transfer.NegatedScores, func(p float64) float64 { return -math.Log(p) }},
		{transfer.LogitScores, math.Log},
		{transfer.LogitScores, func(p float64) float64 { return -2 * math.Log(p) }}, // an energy may be anything
		{transfer.SigmoidScores, math.Sqrt},
	} {
		rng := rand.New(rand.NewPCG(1, 2))
		r := transfer.Runs{Rows: 50, Values: map[string][]float64{}}
		for range r.Rows {
			var row [4]float64
			sum := 0.0
			for i := range row {
				row[i] = math.Exp(2 * rng.NormFloat64())
				sum += row[i]
			}
			for _, x := range row {
				r.Values["y"] = append(r.Values["y"], c.of(x/sum))
			}
		}
		if s, err := (&transfer.Ending{Output: "y"}).Read(&r); err != nil || s.Kind != c.want {
			t.Errorf("%+v, %v, want %s", s, err, c.want)
		}
	}
}
