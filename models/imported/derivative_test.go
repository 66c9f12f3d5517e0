package imported

import (
	"math"
	"testing"
)

// TestDifferences: a derivative is found within its error, which is large where there is none, at a kink.
func TestDifferences(t *testing.T) {
	find := func(f func(t float64) float64) derivative {
		d, err := differences(func(t float64) (float64, error) { return f(t), nil })
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := find(func(t float64) float64 { return float64(float32(math.Exp(2 * t))) })
	if math.Abs(d.value-2) > 3*d.error || d.error > 1e-3 {
		t.Errorf("of exp(2t): %+v", d)
	}
	if d := find(func(t float64) float64 { return t + 3*math.Max(t, 0) }); d.error < 1.5 {
		t.Errorf("of a kink from 1 to 4: %+v", d)
	}
}
