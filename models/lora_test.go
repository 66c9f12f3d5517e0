package models_test

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"fovea/graphs/artifacts"
	"fovea/graphs/vit"
	"fovea/internal/graphtest"
	"fovea/models"
	"fovea/models/imported"
	"fovea/onnx/ort"
)

// golden is a case of tools/oracle/lora.py, computed by peft.
type golden struct {
	Config struct {
		Image, Patch, Width, Depth, Heads, Classes, Batch int64
		Pool                                              vit.Pool
		LayerScale                                        bool `json:"layer_scale"`
	}
	Rules       graphtest.Rules
	LossScale   float32 `json:"loss_scale"`
	Targets     []float32
	DropPath    []float32 `json:"drop_path"`
	Rank        int64
	Alpha       float64
	TargetsLoRA []string `json:"targets_lora"`
	Loss        float32
	Logits      []float32
	Gradients   []graphtest.Description
}

// fill gives the inputs of the case by name.
func (g *golden) fill(t testing.TB) func(name string, x []float32) {
	return func(name string, x []float32) {
		switch name {
		case artifacts.Targets:
			copy(x, g.Targets)
		case artifacts.DropPath:
			copy(x, g.DropPath)
		case artifacts.LossScale:
			x[0] = g.LossScale
		default:
			copy(x, g.Rules.Draw(t, name, len(x)))
		}
	}
}

func (g *golden) model(t *testing.T) *models.Adapted {
	t.Helper()
	c := g.Config
	base, err := models.NewViT(vit.Config{ImageSize: c.Image, Patch: c.Patch, Width: c.Width, Depth: int(c.Depth),
		Heads: c.Heads, Classes: c.Classes, Pool: c.Pool, Form: vit.Form{LayerScale: c.LayerScale}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := models.AddLoRA(base, models.LoRA{Rank: g.Rank, Alpha: g.Alpha, Targets: g.TargetsLoRA}, c.Batch)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLoRAEqualsPeft compares loss, logits and the gradients of adapters and head with peft's, also with activations
// that are computed again.
func TestLoRAEqualsPeft(t *testing.T) {
	const tolerance = 1e-5 // of a gradient's largest entry
	for _, name := range []string{"lora_mean", "lora_cls"} {
		for _, recompute := range []bool{false, true} {
			var want golden
			graphtest.ReadGolden(t, filepath.Join("testdata", name+".json.gz"), &want)
			m := want.model(t)
			frozen := map[string]bool{}
			for _, p := range m.Parameters() {
				frozen[p.Name] = !slices.ContainsFunc(want.Gradients,
					func(d graphtest.Description) bool { return d.Name == p.Name })
			}
			g, err := artifacts.Training(m, want.Config.Batch, artifacts.Options{Frozen: frozen, Recompute: recompute})
			if err != nil {
				t.Fatal(err)
			}
			if got := len(g.Outputs) - 2; got != len(want.Gradients) {
				t.Errorf("%s: there are %d gradients, want %d", name, got, len(want.Gradients))
			}
			got := graphtest.Open(t, g, ort.Options{}).Run(want.fill(t))
			if e := math.Abs(float64(got[artifacts.Loss][0]/want.Loss) - 1); !(e <= 1e-6) {
				t.Errorf("%s: loss is %v, want %v", name, got[artifacts.Loss][0], want.Loss)
			}
			if e := largestDifference(got[artifacts.Logits], want.Logits); !(e <= 1e-5) {
				t.Errorf("%s: logits differ by %.1e", name, e)
			}
			worst := 0.0
			for _, grad := range want.Gradients {
				e, err := grad.Compare(got[artifacts.Grad(grad.Name)], tolerance)
				if err != nil {
					t.Errorf("%s: gradient of %v", name, err)
				}
				worst = max(worst, e)
			}
			t.Logf("%s: worst entry of %d gradients off by %.1e of the largest", name, len(want.Gradients), worst)
		}
	}
}

// TestMergedEqualsAdapted: a model with adapters in its matrices computes what it does with them apart. The matrices of
// exported models have either orientation.
func TestMergedEqualsAdapted(t *testing.T) {
	var c golden
	graphtest.ReadGolden(t, "testdata/lora_mean.json.gz", &c)
	file := func(name string, size int64, targets ...string) *models.Adapted {
		m, err := models.OpenFile(t.Context(), "imported/testdata/"+name, imported.Options{Size: size, Batch: 2, Classes: 3})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		adapted, err := models.AddLoRA(m, models.LoRA{Rank: 2, Alpha: 3, Targets: targets}, 2)
		if err != nil {
			t.Fatal(err)
		}
		return adapted
	}
	for name, m := range map[string]*models.Adapted{"built in": c.model(t),
		"Gemm": file("mlp_dynamo20.onnx", 4, "*"), "MatMul": file("vit_torchscript17.onnx", 8, "onnx::MatMul_*")} {
		values := map[string][]float32{}
		for i, p := range m.Parameters() {
			n := int64(1)
			for _, d := range p.Shape {
				n *= d
			}
			values[p.Name] = make([]float32, n)
			m.Initialize(i, values[p.Name], 1)
			if models.IsAdapter(p.Name) {
				values[p.Name] = graphtest.Fill(p.Name, int(n), 0, 0.3)
			}
		}
		logits := func(of models.Model) []float32 {
			g, err := artifacts.Eval(of, 2)
			if name == "built in" {
				g, err = artifacts.Eval(of, c.Config.Batch)
			}
			if err != nil {
				t.Fatal(err)
			}
			return graphtest.Open(t, g, ort.Options{}).Run(func(name string, x []float32) {
				if known, ok := values[name]; ok {
					copy(x, known)
				} else {
					copy(x, graphtest.Fill("images", len(x), 0, 2))
				}
			})[artifacts.Logits]
		}
		plain, apart := logits(m.Model), logits(m)
		m.Merge(func(name string) []float32 { return values[name] })
		merged := logits(m.Model)
		if e := largestDifference(merged, apart); !(e <= 1e-5) {
			t.Errorf("%s: merged outputs differ by %.1e of the largest", name, e)
		}
		if e := largestDifference(plain, apart); e < 1e-2 {
			t.Errorf("%s: the adapters change outputs by only %.1e", name, e)
		}
	}
}

// largestDifference returns the largest difference of two tensors, as a part of the second's largest entry.
func largestDifference(got, want []float32) float64 {
	off, largest := 0.0, 0.0
	for i, x := range want {
		off = max(off, math.Abs(float64(got[i]-x)))
		largest = max(largest, math.Abs(float64(x)))
	}
	return off / largest
}
