package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"fovea/training"
	"fovea/training/config"
)

// Limits of gradients in other precisions than float32, against float32 on the same
// provider: least cosine and largest relative norm of the difference, of any parameter.
var gradientLimits = map[string]struct{ cosine, norm float64 }{
	"tf32": {0.9999, 0.01},
	"bf16": {0.998, 0.06},
	"fp16": {0.9999, 0.01},
}

// float32Limit is that of float32 on two providers, of a parameter's largest entry.
const float32Limit = 1e-4

// pass of a model over one batch.
type backward struct {
	loss      float64
	gradients map[string][]float32 // without the loss scale
}

func gradients(ctx context.Context, s *section) error {
	s.table("Every parameter's gradient at drop-path 0.2. The largest difference is a part of the parameter's largest entry; "+
		"norm is that of the difference, relative. Biases of keys, whose gradient is rounding error, are left out of cosine and norm.",
		"model", "compared", "with", "losses differ by", "largest difference", "least cosine", "largest norm", "furthest parameter", "limit", "")
	for _, m := range s.Sizes.Gradients {
		reference, err := s.backward(ctx, m, "cpu", "fp32", false)
		if err != nil {
			return err
		}
		own, err := s.backward(ctx, m, s.Provider, "fp32", false)
		if err != nil {
			return err
		}
		w := own.from(reference)
		s.judge(m, s.Provider+" fp32, no TF32", "cpu fp32", own.loss-reference.loss, w, w.inLargest,
			fmt.Sprintf("largest difference %.0e", float32Limit), w.largest <= float32Limit)
		for _, p := range s.precisions("fp32", "tf32", "bf16", "fp16") {
			if err := s.checkPrecision(ctx, m, p, own); err != nil {
				s.require(false, "%s, %s: %v", m.Name, p, err)
			}
		}
	}
	return nil
}

// checkPrecision compares gradients with those of float32, and those of
// recomputed activations with those of kept ones.
func (s *section) checkPrecision(ctx context.Context, m model, precision string, float32s *backward) (err error) {
	kept := float32s
	if limit, ok := gradientLimits[precision]; ok {
		if kept, err = s.backward(ctx, m, s.Provider, precision, false); err != nil {
			return err
		}
		w := kept.from(float32s)
		s.judge(m, s.Provider+" "+precision, s.Provider+" fp32", kept.loss-float32s.loss, w, w.inCosine,
			fmt.Sprintf("cosine %g, norm %g", limit.cosine, limit.norm), w.cosine >= limit.cosine && w.norm <= limit.norm)
	}
	again, err := s.backward(ctx, m, s.Provider, precision, true)
	if err != nil {
		return err
	}
	w := again.from(kept)
	s.judge(m, precision+`, recompute = "full"`, precision, again.loss-kept.loss, w, w.inLargest, "equal, or largest difference 1e-06",
		w.equal || w.largest <= 1e-6)
	return nil
}

func (s *section) judge(m model, what, with string, loss float64, w worst, where, limit string, ok bool) {
	equal := fmt.Sprintf("%.1e", w.largest)
	if w.equal {
		equal = "equal bits"
	}
	s.row(m.String(), what, with, fmt.Sprintf("%.1e", loss), equal, fmt.Sprintf("%.6f", w.cosine), fmt.Sprintf("%.1e", w.norm), where, limit, verdictOf(ok))
	s.require(ok, "%s, %s: %s", m.Name, what, where)
}

func verdictOf(ok bool) string {
	if ok {
		return pass
	}
	return fail
}

// from is how far gradients lie from others.
func (b *backward) from(want *backward) worst {
	var w worst
	for name, values := range want.gradients {
		d := distanceOf(b.gradients[name], values)
		part := distanceOf(withoutKeys(name, b.gradients[name]), withoutKeys(name, values))
		d.cosine, d.norm = part.cosine, part.norm
		w.see(name, d)
	}
	return w
}

// backward passes once over a fixed batch.
func (s *section) backward(ctx context.Context, m model, provider, precision string, recompute bool) (*backward, error) {
	c := m.config(s.settings, provider, precision)
	c.Model.DropPath = 0.2
	if recompute {
		c.Training.Recompute = "full"
	}
	l, err := s.learner(ctx, c, training.Experiment{})
	if err != nil {
		return nil, fmt.Errorf("%s, %s %s: %w", m, provider, precision, err)
	}
	defer l.Close()
	if err := l.Initialize(func(name string, values []float32) error {
		m.draw(name, values)
		return nil
	}); err != nil {
		return nil, err
	}
	b := noise(m, 1)
	if err := l.Stage(b.images[0], b.targets[0], 0, 0); err != nil {
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
	// A step without a rate, for the loss.
	if err := l.Update(1, 0); err != nil {
		return nil, err
	}
	out.loss, err = l.Settle()
	return out, err
}

// learner makes one that is ready to train.
func (s *section) learner(ctx context.Context, c *config.Config, x training.Experiment) (*training.Bench, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return training.NewBench(ctx, c, classes, x)
}

// draw draws a parameter so that activations keep their size and attention is
// neither flat nor sharp: what a model begins with has gradients near 0.
func (m model) draw(name string, values []float32) {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	rng := rand.New(rand.NewPCG(hash.Sum64(), 7))
	center, spread := 0.0, 0.03
	matrix := func(in int, gain float64) { spread = gain / math.Sqrt(float64(in)) }
	switch {
	case strings.HasSuffix(name, "norm1.weight"), strings.HasSuffix(name, "norm2.weight"), strings.HasSuffix(name, "norm.weight"):
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
