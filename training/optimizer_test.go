package training

import (
	"math"
	"math/rand/v2"
	"testing"

	"fovea/training/config"
)

// TestOptimizersAgree takes the same steps with every optimizer that runs here:
// accumulated, clipped and averaged, with frozen layers, and with gradients that
// are not finite in between, which must change nothing.
func TestOptimizersAgree(t *testing.T) {
	c := config.Defaults()
	c.Name, c.Data.Dir, c.Runtime.Provider = "optimizers", "unused", "cpu"
	c.Data.Size, c.Model.Patch, c.Model.Width, c.Model.Depth, c.Model.Heads = 28, 7, 16, 3, 2
	c.Training.Batch, c.Training.Accumulate, c.Training.EMA, c.Optimizer.Clip = 4, 2, 0.9, 20
	c.Model.Trainable = "blocks.1.*,blocks.2.*,fc_norm.*,head.*"
	open := func(optimizer string) *Learner {
		l, err := NewLearner(t.Context(), c, 5, Experiment{Optimizer: optimizer})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
		return l
	}
	want, got := open(""), open("graphs")
	rng := rand.New(rand.NewPCG(3, 4))
	step := int64(1)
	for i := range 8 {
		overflow := i == 2 || i == 5
		for micro := range 2 {
			for _, p := range want.setup.layout.Params {
				if p.Frozen {
					continue
				}
				g := p.View(want.gradients.Float32())
				for j := range g {
					g[j] = float32(rng.NormFloat64()) * 100
				}
				if overflow && p.Name == "blocks.2.mlp.fc1.weight" {
					g[7] = float32(math.Inf(1))
				}
			}
			copy(got.gradients.Float32(), want.gradients.Float32())
			for _, l := range []*Learner{want, got} {
				if err := l.optimizer.accumulate(micro); err != nil {
					t.Fatal(err)
				}
			}
		}
		before := append([]float32{}, got.parameters.Float32()...)
		for _, l := range []*Learner{want, got} {
			if err := l.optimizer.update(step, 1e-3, 2); err != nil {
				t.Fatal(err)
			}
		}
		if finite := isFinite(got.optimizer.norm()); finite == overflow {
			t.Fatalf("step %d: norm %v", i, got.optimizer.norm())
		}
		if !overflow {
			step++
			if a, b := got.optimizer.norm(), want.optimizer.norm(); math.Abs(a-b) > 1e-5*b || b < c.Optimizer.Clip {
				t.Errorf("step %d: norm %v, want %v", i, a, b)
			}
		}
		changed := false
		for j, x := range got.parameters.Float32() {
			changed = changed || x != before[j]
		}
		if changed == overflow {
			t.Errorf("step %d: overflow %v, but parameters changed %v", i, overflow, changed)
		}
	}
	for name, pair := range map[string][2][]float32{
		"parameters": {got.parameters.Float32(), want.parameters.Float32()}, "average": {got.average.Float32(), want.average.Float32()},
		"moment1": {got.moment1.Float32(), want.moment1.Float32()}, "moment2": {got.moment2.Float32(), want.moment2.Float32()}} {
		var largest, off float64
		for i, x := range pair[1] {
			largest = max(largest, math.Abs(float64(x)))
			off = max(off, math.Abs(float64(x-pair[0][i])))
		}
		if !(off <= 2e-6*largest) || largest == 0 {
			t.Errorf("%s are off by up to %v of %v", name, off, largest)
		}
	}
}
