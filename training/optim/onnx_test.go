package optim_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/onnx/ort"
	"fovea/onnx/ort/install"
	"fovea/training/optim"
)

// TestOptimizerGraph takes three steps with optimizer.onnx and with Step.
func TestOptimizerGraph(t *testing.T) {
	if _, err := install.Load(t.Context(), install.Source{}); err != nil {
		t.Fatal(err)
	}
	g, err := artifacts.Optimizer()
	if err != nil {
		t.Fatal(err)
	}
	model, err := g.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	s, err := ort.NewSession(model, ort.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const n = 1000
	x := map[string][]float32{}
	for _, info := range append(s.Inputs(), s.Outputs()...) {
		var shape []int64
		if len(info.Shape) > 0 {
			shape = []int64{n}
		}
		v, err := ort.NewTensor(graphs.Float32, shape...)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		if err := s.Bind(info.Name, v); err != nil {
			t.Fatal(err)
		}
		x[info.Name] = v.Float32()
	}

	const lr, scale = 1e-3, 0.25
	a := optim.DefaultAdamW()
	group := optim.Group{Start: 0, End: n, LRScale: 0.65, WeightDecay: 0.05}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		x["parameter"][i] = rng.Float32() - 0.5
	}
	p, first, second := append([]float32{}, x["parameter"]...), make([]float32, n), make([]float32, n)
	for step := int64(1); step <= 3; step++ {
		for i := range n {
			x["gradient"][i] = float32(rng.NormFloat64())
		}
		bias1, bias2 := 1-math.Pow(a.Beta1, float64(step)), 1-math.Pow(a.Beta2, float64(step))
		for name, v := range map[string]float64{"gradient_scale": scale, "rate": lr * group.LRScale / bias1,
			"shrink": 1 - lr*group.LRScale*group.WeightDecay, "beta1": a.Beta1, "weight1": 1 - a.Beta1,
			"beta2": a.Beta2, "weight2": 1 - a.Beta2, "correction2": math.Sqrt(bias2), "epsilon": a.Eps} {
			x[name][0] = float32(v)
		}
		if err := s.Run(); err != nil {
			t.Fatal(err)
		}
		a.Step(step, lr, scale, []optim.Group{group}, p, x["gradient"], first, second, 1)
		for name, want := range map[string][]float32{"parameter": p, "moment1": first, "moment2": second} {
			got := x[name+".next"]
			for i := range want {
				if e := math.Abs(float64(got[i] - want[i])); e > 1e-6*math.Abs(float64(want[i]))+1e-8 {
					t.Fatalf("step %d: %s[%d] is %v, want %v", step, name, i, got[i], want[i])
				}
			}
			copy(x[name], got)
		}
	}
}
