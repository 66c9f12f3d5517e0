package vit

import (
	"math"
	"math/rand/v2"
)

// Initialize draws the values of an untrained parameter as RETFound does (models_vit.py, timm's weight initialisation).
// They depend only on the seed and the parameter's index in Parameters.
func (p Parameter) Initialize(values []float32, seed uint64, index int) {
	rng := rand.New(rand.NewPCG(seed, uint64(index)))
	switch p.Init {
	case Zeros:
		clear(values)
	case Ones:
		for i := range values {
			values[i] = 1
		}
	case Small:
		for i := range values {
			values[i] = 1e-5
		}
	case TruncNormal:
		// trunc_normal_(std=0.02) cuts at ±2, a hundred deviations away: the bound never matters but is kept.
		for i := range values {
			values[i] = float32(min(max(0.02*rng.NormFloat64(), -2), 2))
		}
	case TinyNormal:
		for i := range values {
			values[i] = float32(1e-6 * rng.NormFloat64())
		}
	case Latent:
		for i := range values {
			values[i] = float32(min(max(rng.NormFloat64()/math.Sqrt(float64(p.fanIn)), -2), 2))
		}
	case PatchConv:
		bound := 1 / math.Sqrt(float64(p.fanIn))
		for i := range values {
			values[i] = float32(bound * (2*rng.Float64() - 1))
		}
	}
}
