package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"fovea/tools/worker"
	"fovea/training"
)

// A gradientLimit bounds the differences of every parameter's gradient: the largest as a part of the parameter's
// largest entry, or the cosine and the relative norm.
type gradientLimit struct{ largest, cosine, norm float64 }

var (
	// float32Limit holds on two providers.
	float32Limit = gradientLimit{largest: 1e-4}
	// recomputeLimit holds for recomputed activations against kept ones.
	recomputeLimit = gradientLimit{largest: 1e-6}
	// precisionLimits hold against float32 on the same provider.
	precisionLimits = map[string]gradientLimit{
		"tf32": {cosine: 0.9999, norm: 0.01},
		"bf16": {cosine: 0.998, norm: 0.06},
		"fp16": {cosine: 0.9999, norm: 0.01},
	}
)

// A backward has the results of a pass over one batch.
type backward struct {
	loss      float64
	gradients map[string][]float32 // without the loss scale
}

func gradients(ctx context.Context, s *section) error {
	s.table("Every parameter's gradient at drop-path 0.2. The largest difference is a part of the parameter's largest "+
		"entry; norm is that of the difference, relative. Biases of keys, whose gradient is rounding error, are left out "+
		"of cosine and norm.",
		"model", "compared", "with", "losses differ by", "largest difference", "least cosine", "largest norm",
		"furthest parameter", "limit", "")
	for _, m := range s.Sizes.Gradients {
		reference, err := s.backward(ctx, m, "cpu", "fp32", "none")
		if err != nil {
			return err
		}
		own, err := s.backward(ctx, m, s.Provider, "fp32", "none")
		if err != nil {
			return err
		}
		s.compareGradients(m, s.Provider+" fp32, no TF32", "cpu fp32", own, reference, float32Limit)
		for _, p := range s.precisions("fp32", "tf32", "bf16", "fp16") {
			if err := s.checkPrecision(ctx, m, p, own); err != nil {
				s.require(false, "%s, %s: %v", m.Name, p, err)
			}
		}
	}
	return nil
}

// checkPrecision compares gradients with those of float32, fp32, and those of recomputed activations with those of kept
// ones.
func (s *section) checkPrecision(ctx context.Context, m worker.Model, precision string, fp32 *backward) (err error) {
	kept := fp32
	if limit, ok := precisionLimits[precision]; ok {
		if kept, err = s.backward(ctx, m, s.Provider, precision, "none"); err != nil {
			return err
		}
		s.compareGradients(m, s.Provider+" "+precision, s.Provider+" fp32", kept, fp32, limit)
	}
	again, err := s.backward(ctx, m, s.Provider, precision, "full")
	if err != nil {
		return err
	}
	s.compareGradients(m, precision+`, recompute = "full"`, precision, again, kept, recomputeLimit)
	return nil
}

func (s *section) compareGradients(m worker.Model, what, with string, got, want *backward, limit gradientLimit) {
	var w worst
	for name, values := range want.gradients {
		d := distanceOf(got.gradients[name], values)
		part := distanceOf(withoutKeys(name, got.gradients[name]), withoutKeys(name, values))
		d.cosine, d.norm = part.cosine, part.norm
		w.see(name, d)
	}
	ok, furthest := w.largest <= limit.largest, w.inLargest
	limits := fmt.Sprintf("largest difference %.0e", limit.largest)
	if limit.largest == 0 {
		ok, furthest = w.cosine >= limit.cosine && w.norm <= limit.norm, w.inCosine
		limits = fmt.Sprintf("cosine %g, norm %g", limit.cosine, limit.norm)
	}
	s.judge(ok, fmt.Sprintf("%s, %s: %s", m.Name, what, furthest),
		m.String(), what, with, fmt.Sprintf("%.1e", got.loss-want.loss), w.String(), fmt.Sprintf("%.6f", w.cosine),
		fmt.Sprintf("%.1e", w.norm), furthest, limits)
}

// backward passes once over a fixed batch.
func (s *section) backward(ctx context.Context, m worker.Model, provider, precision, recompute string) (
	*backward, error) {

	c := s.config(m, precision)
	c.Runtime.Provider, c.Training.Recompute = provider, recompute
	l, err := training.NewBench(ctx, c, worker.Classes, training.Experiment{})
	if err != nil {
		return nil, fmt.Errorf("%s, %s %s: %w", m, provider, precision, err)
	}
	defer l.Close()
	if err := l.Initialize(func(name string, values []float32) error {
		drawParameter(m, name, values)
		return nil
	}); err != nil {
		return nil, err
	}
	b := worker.Noise(m, 1)
	if err := l.Stage(b.Images[0], b.Targets[0], 0, 0); err != nil {
		return nil, err
	}
	if err := l.ForwardBackward(); err != nil {
		return nil, err
	}
	out := &backward{gradients: map[string][]float32{}}
	scale := float32(l.LossScale())
	err = l.Gradients(func(name string, gradient []float32) {
		g := slices.Clone(gradient)
		for i := range g {
			g[i] /= scale
		}
		out.gradients[name] = g
	})
	if err != nil {
		return nil, err
	}
	if err := l.Update(1, 0); err != nil { // a step without a rate, for the loss
		return nil, err
	}
	out.loss, err = l.Settle()
	return out, err
}

// drawParameter draws a parameter so that activations keep their size and attention is neither flat nor sharp. The
// gradients of a model that has not been trained are near 0.
func drawParameter(m worker.Model, name string, values []float32) {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	rng := rand.New(rand.NewPCG(hash.Sum64(), 7))
	center, spread := 0.0, 0.03
	matrix := func(in int, gain float64) { spread = gain / math.Sqrt(float64(in)) }
	switch {
	case strings.HasSuffix(name, "norm1.weight"), strings.HasSuffix(name, "norm2.weight"),
		strings.HasSuffix(name, "norm.weight"):
		center, spread = 1, 0.1
	case name == "patch_embed.proj.weight":
		matrix(3*m.Patch*m.Patch, 0.6)
	case strings.HasSuffix(name, "attn.qkv.weight"):
		matrix(m.Width, 1.2)
	case strings.HasSuffix(name, "attn.proj.weight"), strings.HasSuffix(name, "mlp.fc1.weight"):
		matrix(m.Width, 0.7)
	case strings.HasSuffix(name, "mlp.fc2.weight"):
		matrix(4*m.Width, 0.7)
	case name == "head.weight":
		spread = 0.1
	}
	for i := range values {
		values[i] = float32(center + spread*rng.NormFloat64())
	}
}
