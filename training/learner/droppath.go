package learner

import "math/rand/v2"

// keepProbabilities returns 1 - rate·i/(depth-1) for both branches of block i (timm's stochastic depth rule).
func keepProbabilities(rate float64, depth int) []float32 {
	keep := make([]float32, 2*depth)
	for i := range keep {
		keep[i] = 1
		if depth > 1 {
			keep[i] = float32(1 - rate*float64(i/2)/float64(depth-1))
		}
	}
	return keep
}

// drawDropPath chooses the residual branches of a batch to drop.
func (l *Learner) drawDropPath(factors []float32, epoch, index int) {
	const stream = 0xD209 // keeps these draws apart from others of the same seed
	rng := rand.New(rand.NewPCG(l.settings.Seed^stream<<48, uint64(epoch)<<32|uint64(index)))
	batch := len(factors) / len(l.keep)
	for i := range factors {
		keep := l.keep[i/batch]
		factors[i] = 0
		if rng.Float32() < keep {
			factors[i] = 1 / keep
		}
	}
}
