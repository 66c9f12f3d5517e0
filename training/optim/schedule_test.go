package optim

import (
	"math"
	"testing"
)

// TestRate compares with RETFound's lr_sched.py.
func TestRate(t *testing.T) {
	var golden []struct {
		Base, Min, Warmup, Epochs float64
		Rates                     [][2]float64
	}
	readJSON(t, "schedule.json", &golden)
	for _, c := range golden {
		s := Schedule{c.Base, c.Min, c.Warmup, c.Epochs}
		for _, r := range c.Rates {
			if got := s.Rate(r[0]); math.Abs(got-r[1]) > 1e-12*r[1] {
				t.Errorf("%+v: rate at %v is %v, want %v", s, r[0], got, r[1])
			}
		}
	}
}

func TestRateAtTheEnds(t *testing.T) {
	for _, c := range []struct {
		s           Schedule
		epoch, want float64
	}{
		{Schedule{1e-3, 1e-6, 10, 50}, 50, 1e-6},
		{Schedule{1e-3, 1e-6, 10, 50}, 60, 1e-6},
		{Schedule{1e-3, 1e-6, 0, 50}, 0, 1e-3},
		{Schedule{1e-3, 1e-6, 10, 10}, 10, 1e-6},
		{Schedule{1e-3, 1e-6, 10, 5}, 4, 4e-4},
	} {
		if got := c.s.Rate(c.epoch); math.Abs(got-c.want) > 1e-18 {
			t.Errorf("%+v: rate at %v is %v, want %v", c.s, c.epoch, got, c.want)
		}
	}
}
