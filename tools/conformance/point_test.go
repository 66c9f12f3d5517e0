package conformance

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// nudged returns the case's point moved a little, so that elements are neither equal nor exactly at a kink of a
// function. Even tries move towards 0, odd ones away from it, because some functions end at ±1.
func nudged(c testCase, try int) values {
	rng := rand.New(rand.NewPCG(c.seed(), uint64(try)))
	out := values{}
	for _, in := range c.model.Graph.Input {
		for _, x := range c.values[in.GetName()] {
			shift := 0.02 + 0.06*rng.Float64()
			switch v := float64(x); {
			case v == 0 && rng.IntN(2) == 0:
				shift = -shift
			case v != 0 && try%2 == 0:
				shift *= -v
			case v != 0:
				shift *= v
			}
			if x-x == 0 {
				x = float32(float64(x) + shift) // as float32, in which the gradient is computed
			}
			out[in.GetName()] = append(out[in.GetName()], float64(x))
		}
	}
	return out
}

// seed returns the same number for a case and for the one that writes it out.
func (c testCase) seed() uint64 {
	h := fnv.New64a()
	h.Write([]byte(c.key().direct().name))
	return h.Sum64()
}

func draw(rng *rand.Rand, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(float32(2*rng.Float64() - 1))
	}
	return out
}

func product(shape []int64) int {
	n := 1
	for _, d := range shape {
		n *= int(d)
	}
	return n
}

// distance returns the largest difference of two lists, as a part of the largest magnitude. It leaves out elements that
// are no finite number.
func distance(x, y []float64) float64 {
	if len(x) != len(y) {
		return math.Inf(1)
	}
	difference, largest := 0.0, 1e-3
	for i := range y {
		if d := math.Abs(x[i] - y[i]); !math.IsNaN(d) && !math.IsInf(d, 0) {
			difference, largest = max(difference, d), max(largest, math.Abs(y[i]))
		}
	}
	return difference / largest
}
