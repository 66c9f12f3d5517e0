package main

import (
	"math"
	"testing"
)

func TestDistance(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		got, want             []float32
		largest, cosine, norm float64
		equal                 bool
	}{
		{[]float32{3, 4}, []float32{3, 4}, 0, 1, 0, true},
		{[]float32{0, 0}, []float32{0, 0}, 0, 1, 0, true},
		{[]float32{3, 5}, []float32{3, 4}, 0.25, 29 / (5 * math.Sqrt(34)), 0.2, false},
		{[]float32{-4, 3}, []float32{3, 4}, 1.75, 0, math.Sqrt2, false},
	} {
		d := distanceOf(c.got, c.want)
		for _, x := range [][2]float64{{d.largest, c.largest}, {d.cosine, c.cosine}, {d.norm, c.norm}} {
			if math.Abs(x[0]-x[1]) > 1e-12 {
				t.Errorf("%v from %v: %+v, want %+v", c.got, c.want, d, c)
			}
		}
		if d.equal != c.equal {
			t.Errorf("%v from %v: equal is %t", c.got, c.want, d.equal)
		}
	}
	var w worst
	w.see("fine", distanceOf([]float32{1, 2}, []float32{1, 2}))
	w.see("broken", distanceOf([]float32{1, nan}, []float32{1, 2}))
	w.see("fine", distanceOf([]float32{1, 2}, []float32{1, 2}))
	if w.largest <= 1e9 || w.cosine >= 0 || w.norm <= 1e9 || w.inCosine != "broken" {
		t.Errorf("with a NaN: %+v", w)
	}
}
