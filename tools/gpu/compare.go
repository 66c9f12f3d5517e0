package main

import (
	"fmt"
	"math"
	"strings"
)

// A distance measures how far values lie from those that they should be.
type distance struct {
	largest float64 // difference, as a part of the largest entry
	cosine  float64
	norm    float64 // of the difference, relative
	equal   bool    // to the bit
}

// String returns the largest difference.
func (d distance) String() string {
	if d.equal {
		return "equal bits"
	}
	return fmt.Sprintf("%.1e", d.largest)
}

// distanceOf compares values of the same length.
func distanceOf(got, want []float32) distance {
	d := distance{equal: len(got) == len(want)}
	var largest, most, dot, gg, ww, dd float64
	for i, w := range want {
		g, w := float64(got[i]), float64(w)
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			d.equal = false
		}
		if math.IsNaN(g) {
			return distance{largest: math.NaN(), cosine: math.NaN(), norm: math.NaN()}
		}
		largest, most = max(largest, math.Abs(g-w)), max(most, math.Abs(w))
		dot, gg, ww, dd = dot+g*w, gg+g*g, ww+w*w, dd+(g-w)*(g-w)
	}
	if most == 0 && largest == 0 {
		return distance{cosine: 1, equal: d.equal}
	}
	d.largest, d.cosine, d.norm = largest/most, dot/math.Sqrt(gg*ww), math.Sqrt(dd/ww)
	return d
}

// withoutKeys leaves out the middle third of the bias of queries, keys and values. The bias of the keys shifts all
// scores of a query alike, and softmax undoes that. So its gradient is 0. Floating point makes a rounding error of it,
// in which no two programs agree.
func withoutKeys(name string, values []float32) []float32 {
	if !strings.HasSuffix(name, "attn.qkv.bias") {
		return values
	}
	n := len(values) / 3
	return append(append([]float32(nil), values[:n]...), values[2*n:]...)
}

// A worst is the furthest of several distances, with the names where it was found.
type worst struct {
	distance
	inLargest, inCosine string
}

func (w *worst) see(name string, d distance) {
	if w.inLargest == "" {
		*w = worst{d, name, name}
		return
	}
	if further(d.largest, w.largest) {
		w.largest, w.inLargest = d.largest, name
	}
	if further(-d.cosine, -w.cosine) {
		w.cosine, w.inCosine = d.cosine, name
	}
	if further(d.norm, w.norm) {
		w.norm = d.norm
	}
	w.equal = w.equal && d.equal
}

// further reports whether x is larger than y. NaN is the largest.
func further(x, y float64) bool { return !math.IsNaN(y) && !(x <= y) }

// differences returns the mean and the largest absolute difference.
func differences(a, b []float64) (mean, largest float64) {
	for i := range a {
		d := math.Abs(a[i] - b[i])
		mean += d / float64(len(a))
		if further(d, largest) {
			largest = d
		}
	}
	return mean, largest
}

// asEqualRuns reports whether a difference is 0, or at most 10 times that of two equal runs.
func asEqualRuns(difference, equalRuns float64) bool {
	return difference == 0 || equalRuns > 0 && difference <= 10*equalRuns
}

func differenceText(x float64) string {
	if x == 0 {
		return "equal bits"
	}
	return fmt.Sprintf("differ by %.1e", x)
}
