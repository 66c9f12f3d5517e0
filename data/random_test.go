package data

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestStreams: the first draws of neighbouring samples, epochs and seeds are uniform, each by itself and in pairs.
func TestStreams(t *testing.T) {
	for name, seeds := range map[string]func(i uint64) (seed, epoch, stream uint64){
		"seeds":   func(i uint64) (uint64, uint64, uint64) { return i, 0, 0 },
		"epochs":  func(i uint64) (uint64, uint64, uint64) { return 0, i, 0 },
		"samples": func(i uint64) (uint64, uint64, uint64) { return 0, 0, i },
	} {
		const n, bins = 100_000, 10
		counts, pairs := make([]int, bins), make([]int, bins*bins)
		last := 0
		var src rand.PCG // reused, as by a worker
		for i := range uint64(n) {
			seed, epoch, stream := seeds(i)
			seedSource(&src, seed, epoch, stream)
			bin := int(rand.New(&src).Float64() * bins)
			counts[bin]++
			pairs[last*bins+bin]++
			last = bin
		}
		for what, p := range map[string]float64{
			"draws": uniformity(counts, n),
			"pairs": uniformity(pairs, n),
		} {
			t.Logf("%s: %s: p = %.3f", name, what, p)
			if p < 0.001 {
				t.Errorf("%s: the first %s are not uniform, p = %g", name, what, p)
			}
		}
	}
	if slices.Equal(permutation(50, 1, 0), permutation(50, 1, 1)) {
		t.Error("two epochs have the same order")
	}
}
