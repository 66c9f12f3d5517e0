package main

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// nudged is the case's point moved a little, so that elements are not equal or
// exactly where a function has a kink: towards 0 in even tries, away from it in
// odd ones, because functions end at ±1.
func nudged(c testCase, try int) values {
	rng := rand.New(rand.NewPCG(c.seed(), uint64(try)))
	out := values{}
	for _, in := range c.model.Graph.Input {
		for _, x := range c.values[in.GetName()] {
			by := 0.02 + 0.06*rng.Float64()
			switch v := float64(x); {
			case v == 0 && rng.IntN(2) == 0:
				by = -by
			case v != 0 && try%2 == 0:
				by *= -v
			case v != 0:
				by *= v
			}
			if x-x == 0 {
				x = float32(float64(x) + by) // as float32, in which the gradient is computed
			}
			out[in.GetName()] = append(out[in.GetName()], float64(x))
		}
	}
	return out
}

// seed is the same for a case and for that which writes it out.
func (c testCase) seed() uint64 {
	h := fnv.New64a()
	h.Write([]byte(c.key().of().name))
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

// distance is the largest difference of two lists, as a part of the largest
// magnitude. Elements that are no finite number are left out.
func distance(x, y []float64) float64 {
	if len(x) != len(y) {
		return math.Inf(1)
	}
	off, largest := 0.0, 1e-3
	for i := range y {
		if d := math.Abs(x[i] - y[i]); !math.IsNaN(d) && !math.IsInf(d, 0) {
			off, largest = max(off, d), max(largest, math.Abs(y[i]))
		}
	}
	return off / largest
}
