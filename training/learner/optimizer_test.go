package learner

import (
	"errors"
	"math"
	"math/rand/v2"
	"regexp"
	"testing"

	"fovea/graphs/artifacts"
	"fovea/graphs/vit"
	"fovea/models"
	"fovea/onnx/engine"
	"fovea/training/optim"
)

// TestOptimizersAgree takes the same steps with every optimizer that runs here: accumulated, clipped and averaged, with
// frozen layers, and with gradients that are not finite in between, which must change nothing.
func TestOptimizersAgree(t *testing.T) {
	const clip = 20
	open := func(graphs bool) *Learner {
		l := tinyViT(t, "cpu", func(s *Settings) {
			s.Clip, s.EMA, s.OptimizerGraphs = clip, 0.9, graphs
			s.Layout.Freeze(func(p optim.Param) bool {
				return !regexp.MustCompile(`^(blocks\.[12]|fc_norm|head)\.`).MatchString(p.Name)
			})
		})
		return l
	}
	want, got := open(false), open(true)
	rng := rand.New(rand.NewPCG(3, 4))
	step := int64(1)
	for i := range 8 {
		overflow := i == 2 || i == 5
		for micro := range 2 {
			for _, p := range want.settings.Layout.Params {
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
			if a, b := got.optimizer.norm(), want.optimizer.norm(); math.Abs(a-b) > 1e-5*b || b < clip {
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
		"parameters": {got.parameters.Float32(), want.parameters.Float32()},
		"average":    {got.average.Float32(), want.average.Float32()},
		"moment1":    {got.moment1.Float32(), want.moment1.Float32()},
		"moment2":    {got.moment2.Float32(), want.moment2.Float32()}} {
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

// tinyViT makes a learner for a ViT of 3 blocks with zero parameters: images of 28 pixels, 4 a batch, 2 batches a step,
// 5 classes. change is told its settings.
func tinyViT(t *testing.T, provider string, change func(*Settings)) *Learner {
	t.Helper()
	const batch = 4
	m, err := models.NewViT(vit.Config{ImageSize: 28, Patch: 7, Width: 16, Depth: 3, Heads: 2, Classes: 5,
		Pool: vit.Mean})
	if err != nil {
		t.Fatal(err)
	}
	var tensors []optim.Tensor
	for _, p := range m.Parameters() {
		tensors = append(tensors, optim.Tensor{Name: p.Name, Shape: p.Shape, Layer: p.Layer, Decay: p.Decay})
	}
	s := Settings{AdamW: optim.AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, Accumulate: 2, Images: m.Images(),
		DropPath: 0.2}
	if s.Layout, err = optim.NewLayout(tensors, optim.Decay{Layer: 0.65, Weight: 0.05}); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&s)
	}
	o := artifacts.Options{Frozen: map[string]bool{}}
	for _, p := range s.Layout.Params {
		o.Frozen[p.Name] = p.Frozen
	}
	g, err := artifacts.Training(m, batch, o)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(t.Context(), engine.Settings{Provider: provider}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(s, e, g)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(l.Close(), e.Close()); err != nil {
			t.Error(err)
		}
	})
	return l
}

// TestNormOfManyElements: the norm of a gradient is right for as many elements as a large model has.
func TestNormOfManyElements(t *testing.T) {
	layout, err := optim.NewLayout([]optim.Tensor{{Name: "w", Shape: []int64{5 << 20}}}, optim.Decay{Layer: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := Settings{Layout: layout, AdamW: optim.AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, Accumulate: 1}
	e, err := engine.New(t.Context(), engine.Settings{Provider: "cpu"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var a arenas
	if err := a.allocate(s, e.Device()); err != nil {
		t.Fatal(err)
	}
	defer a.free()
	o, err := newGraphOptimizer(s, &a, e)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	want, rng := 0.0, rand.New(rand.NewPCG(5, 6))
	for i := range a.gradients.Float32() {
		x := float32(rng.NormFloat64())
		a.gradients.Float32()[i] = x
		want += float64(x) * float64(x)
	}
	if err := o.update(1, 0, 1); err != nil {
		t.Fatal(err)
	}
	if got := o.norm(); math.Abs(got/math.Sqrt(want)-1) > 1e-6 {
		t.Errorf("the norm of %d elements is %v, want %v", layout.Size, got, math.Sqrt(want))
	}
}
