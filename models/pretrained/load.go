package pretrained

import (
	"errors"
	"math/rand/v2"

	"fovea/internal/parallel"
)

// headDeviation is the standard deviation of a new head's weights. headStream is the stream of random numbers that they
// are drawn from.
const (
	headDeviation = 2e-5
	headStream    = 1 << 32
)

// Load fills the parameters of a model, on all cores. view returns the elements of the model's i-th parameter, with the
// values of an untrained model. A parameter that the file lacks keeps them. A head that is not taken from the file is
// drawn from seed.
func (m *Match) Load(view func(parameter int) []float32, seed uint64) error {
	errs := make([]error, len(m.Assignments))
	parallel.Each(0, len(errs), func(i int) {
		a := m.Assignments[i]
		errs[i] = a.Load(view(a.Parameter))
	})
	for i, p := range m.model {
		switch {
		case m.head:
		case p.Name == "head.weight":
			DrawHead(view(i), seed)
		case p.Name == "head.bias":
			clear(view(i))
		}
	}
	return errors.Join(errs...)
}

// DrawHead draws the weight of a new head.
func DrawHead(weight []float32, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, headStream))
	for i := range weight {
		weight[i] = float32(headDeviation * rng.NormFloat64())
	}
}
