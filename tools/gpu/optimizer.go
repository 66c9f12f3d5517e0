package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"fovea/tools/worker"
	"fovea/training"
)

const (
	optimizerSteps = 20
	overflowAt     = 7
)

// optimizers gives the same gradients to the kernels and to the CPU's optimizer.
func optimizers(ctx context.Context, s *section) error {
	if !s.cuda() {
		return skip("the kernels are a GPU's")
	}
	m := s.Sizes.Gradients[len(s.Sizes.Gradients)-1]
	s.table(fmt.Sprintf("%s: %d steps of two micro-batches, with clipping, layer-wise decay and EMA, "+
		"an infinite gradient in step %d. Differences are parts of the range's largest entry.",
		m, optimizerSteps, overflowAt),
		"range", "largest difference", "limit", "")
	want, err := s.optimize(ctx, m, "cpu")
	if err != nil {
		return err
	}
	got, err := s.optimize(ctx, m, "cuda")
	if err != nil {
		return err
	}
	for _, name := range []string{"parameters", "exp_avg", "exp_avg_sq", "average"} {
		d := distanceOf(got[name], want[name])
		s.judge(d.equal, name, name, d.String(), "equal bits")
	}
	return nil
}

// optimize takes the steps and returns the state that they leave.
func (s *section) optimize(ctx context.Context, m worker.Model, provider string) (map[string][]float32, error) {
	c := s.config(m, "fp32")
	c.Runtime.Provider, c.Training.Accumulate, c.Training.EMA, c.Optimizer.Clip = provider, 2, 0.99, 1
	l, err := training.NewBench(ctx, c, worker.Classes, training.Experiment{})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	taken := int64(0)
	for step := 1; step <= optimizerSteps; step++ {
		for micro := range 2 {
			if err := l.Inject(func(name string, g []float32) { drawGradient(name, g, step, micro) }); err != nil {
				return nil, err
			}
		}
		if err := l.Update(taken+1, 1e-3*float64(step)/optimizerSteps); err != nil {
			return nil, err
		}
		_, err := l.Settle()
		if (err != nil) != (step == overflowAt) {
			return nil, fmt.Errorf("step %d, with an infinite gradient: %t, ended with %v", step, step == overflowAt, err)
		}
		if err == nil {
			taken++
		}
	}
	out := map[string][]float32{}
	return out, l.State(func(name string, values []float32) { out[name] = slices.Clone(values) })
}

// pool returns random numbers. To draw each gradient anew would take minutes.
var pool = sync.OnceValue(func() []float32 {
	rng := rand.New(rand.NewPCG(5, 6))
	values := make([]float32, 1<<20-3)
	for i := range values {
		values[i] = rng.Float32() - 0.5
	}
	return values
})

func drawGradient(name string, g []float32, step, micro int) {
	hash := fnv.New64a()
	fmt.Fprint(hash, name, step, micro)
	values := pool()
	start := int(hash.Sum64() % uint64(len(values)))
	for n := copy(g, values[start:]); n < len(g); {
		n += copy(g[n:], values)
	}
	if step == overflowAt && (name == "norm.weight" || name == "fc_norm.weight") {
		g[len(g)/2] = float32(math.Inf(1))
	}
}
