package graphtest

import (
	"fmt"
	"hash/fnv"
)

// Words returns a function for word i of the random words called name: splitmix64 seeded by FNV-1a. Go and Python draw
// the same numbers from a name, so that no golden file has to carry a tensor. See tools/oracle/vit_random.py and
// graphs/artifacts/testdata/README.md.
func Words(name string) func(i int) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	key := h.Sum64()
	return func(i int) uint64 {
		z := key + uint64(i+1)*0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		return z ^ z>>31
	}
}

// Unit returns a word as a number in [0, 1), exact in float32.
func Unit(word uint64) float32 { return float32(word>>40) / (1 << 24) }

// Fill draws n values uniformly from [center-spread, center+spread).
func Fill(name string, n int, center, spread float32) []float32 {
	word := Words(name)
	values := make([]float32, n)
	for i := range values {
		// The conversion keeps compilers from fusing the product and the sum, which would round once instead of twice.
		values[i] = center + float32((2*Unit(word(i))-1)*spread)
	}
	return values
}

// Project returns the dot product of values with the k-th vector of random signs called name.
func Project(name string, k int, values []float32) float64 {
	word := Words(fmt.Sprintf("%s.projection.%d", name, k))
	var sum float64
	for i, v := range values {
		if word(i)>>63 == 1 {
			v = -v
		}
		sum += float64(v)
	}
	return sum
}
