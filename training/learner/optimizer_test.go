package learner

import (
	"errors"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"

	"fovea/graphs/artifacts"
	"fovea/graphs/vit"
	"fovea/models"
	"fovea/onnx/engine"
	"fovea/training/optim"
)

// TestHostOptimizer takes steps that are accumulated, clipped and averaged, with frozen layers, and compares them with
// the formulas of AdamW in float64. Gradients that are not finite in between must change nothing.
func TestHostOptimizer(t *testing.T) {
	const clip, average, rate = 20, 0.9, 1e-3
	l := tinyViT(t, "cpu", func(s *Settings) {
		s.Clip, s.EMA = clip, average
		s.Layout.Freeze(func(p optim.Param) bool {
			return !regexp.MustCompile(`^(blocks\.[12]|fc_norm|head)\.`).MatchString(p.Name)
		})
	})
	size := l.settings.Layout.Size
	parameters, averages := make([]float64, size), make([]float64, size)
	first, second, sum := make([]float64, size), make([]float64, size), make([]float64, size)
	rng := rand.New(rand.NewPCG(3, 4))
	step := 1.0
	for i := range 8 {
		overflow := i == 2 || i == 5
		clear(sum)
		for micro := range 2 {
			for _, p := range l.settings.Layout.Params {
				if p.Frozen {
					continue
				}
				g := p.View(l.gradients.Float32())
				for j := range g {
					g[j] = float32(rng.NormFloat64()) * 100
				}
				if overflow && p.Name == "blocks.2.mlp.fc1.weight" {
					g[7] = float32(math.Inf(1))
				}
				for j, x := range g {
					sum[p.Offset+j] += float64(x) / 2
				}
			}
			if err := l.optimizer.accumulate(micro); err != nil {
				t.Fatal(err)
			}
		}
		before := append([]float32{}, l.parameters.Float32()...)
		if err := l.optimizer.update(int64(step), rate, 2); err != nil {
			t.Fatal(err)
		}
		norm := floats.Norm(sum, 2)
		if overflow {
			if isFinite(l.optimizer.norm()) || !slices.Equal(before, l.parameters.Float32()) {
				t.Fatalf("step %d: the norm is %v, or parameters changed", i, l.optimizer.norm())
			}
			continue
		}
		if got := l.optimizer.norm(); math.Abs(got-norm) > 1e-5*norm || norm < clip {
			t.Errorf("step %d: norm %v, want %v", i, got, norm)
		}
		for _, p := range l.settings.Layout.Params {
			if p.Frozen {
				continue
			}
			lr := rate * p.LRScale
			for j := p.Offset; j < p.Offset+p.Size; j++ {
				g := sum[j] * clip / norm
				first[j] = 0.9*first[j] + 0.1*g
				second[j] = 0.999*second[j] + 0.001*g*g
				m, v := first[j]/(1-math.Pow(0.9, step)), second[j]/(1-math.Pow(0.999, step))
				parameters[j] = parameters[j]*(1-lr*p.WeightDecay) - lr*m/(math.Sqrt(v)+1e-8)
				averages[j] = average*averages[j] + (1-average)*parameters[j]
			}
		}
		step++
	}
	for name, pair := range map[string]struct {
		got  []float32
		want []float64
	}{
		"parameters": {l.parameters.Float32(), parameters}, "average": {l.average.Float32(), averages},
		"moment1": {l.moment1.Float32(), first}, "moment2": {l.moment2.Float32(), second}} {
		var largest, off float64
		for i, x := range pair.want {
			largest = max(largest, math.Abs(x))
			off = max(off, math.Abs(x-float64(pair.got[i])))
		}
		if !(off <= 2e-6*largest) || largest == 0 {
			t.Errorf("%s are off by up to %v of %v", name, off, largest)
		}
	}
}

// TestAccumulate compares the sum over micro-batches with the tree that defines it, bit for bit. Up to three
// micro-batches the tree is the sum one after another.
func TestAccumulate(t *testing.T) {
	const size = 1000
	gradients := func(micro int) []float32 {
		rng := rand.New(rand.NewPCG(uint64(micro), 5))
		out := make([]float32, size)
		for i := range out {
			out[i] = float32(rng.NormFloat64() * math.Exp2(float64(rng.IntN(30)-15)))
		}
		return out
	}
	add := func(a, b []float32) []float32 {
		out := make([]float32, size)
		for i := range out {
			out[i] = a[i] + b[i]
		}
		return out
	}
	g := make([][]float32, 7)
	for i := range g {
		g[i] = gradients(i)
	}
	layout, err := optim.NewLayout([]optim.Tensor{{Name: "w", Shape: []int64{size}}}, optim.Decay{})
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int][]float32{
		1: g[0],
		2: add(g[0], g[1]),
		3: add(add(g[0], g[1]), g[2]),
		4: add(add(g[0], g[1]), add(g[2], g[3])),
		5: add(add(add(g[0], g[1]), add(g[2], g[3])), g[4]),
		7: add(add(add(g[0], g[1]), add(g[2], g[3])), add(add(g[4], g[5]), g[6])),
	} {
		var a arenas
		s := Settings{Layout: layout, Accumulate: n}
		if err := a.allocate(s, nil); err != nil {
			t.Fatal(err)
		}
		o := newHostOptimizer(s, &a)
		for step := range 2 { // the second finds what the first has left
			for i := range n {
				copy(a.gradients.Float32(), g[i])
				if err := o.accumulate(i); err != nil {
					t.Fatal(err)
				}
			}
			got := a.gradients
			if n > 1 {
				got = a.sums[0]
			}
			if !slices.Equal(got.Float32()[:size], want) {
				t.Errorf("step %d of %d micro-batches: another sum", step, n)
			}
		}
		if err := a.free(); err != nil {
			t.Error(err)
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
