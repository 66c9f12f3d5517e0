package data

import (
	"math"
	"testing"
)

// TestOneHotAsTimm compares with timm's mixup_target, which works in float32.
func TestOneHotAsTimm(t *testing.T) {
	var cases []struct {
		Labels    []int
		Classes   int
		Smoothing float64
		Targets   []float64
	}
	readJSON(t, "targets.json", &cases)
	for _, c := range cases {
		got, err := OneHot(c.Labels, c.Classes, c.Smoothing)
		if err != nil || len(got) != len(c.Targets) {
			t.Fatalf("%d targets, %v", len(got), err)
		}
		for i := range got {
			if math.Abs(float64(got[i])-c.Targets[i]) > 1e-7 {
				t.Errorf("%v: target %d is %g, want %g", c.Labels, i, got[i], c.Targets[i])
			}
		}
	}
	for name, err := range map[string]error{
		"label":     second(OneHot([]int{0, 3}, 3, 0)),
		"negative":  second(OneHot([]int{-1}, 3, 0)),
		"smoothing": second(OneHot([]int{0}, 3, 1)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second(_ []float32, err error) error { return err }
