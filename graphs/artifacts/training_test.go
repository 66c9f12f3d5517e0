package artifacts_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/graphs/vit"
	"fovea/internal/graphtest"
	"fovea/onnx/ort"
	"fovea/onnx/weights"
)

func (c goldenConfig) vit() vit.Config {
	return vit.Config{ImageSize: int64(c.Image), Patch: int64(c.Patch), Width: int64(c.Width), Depth: c.Depth,
		Heads: int64(c.Heads), Classes: int64(c.Classes), Pool: c.Pool, FCNormTwice: c.FCNormTwice,
		Form: vit.Form{LayerScale: c.LayerScale, Registers: c.Registers, Positions: c.Positions, MLP: c.MLP,
			Hidden: c.Hidden, Bias: c.Bias, PreNorm: c.PreNorm, Grey: c.Grey, Epsilon: c.Epsilon}}
}

// fillFrom gives the golden case's inputs by name.
func (g *golden) fillFrom(t testing.TB) func(name string, x []float32) {
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

// TestTrainingEqualsPyTorch compares loss, logits and every gradient of training.onnx with PyTorch's autograd.
func TestTrainingEqualsPyTorch(t *testing.T) {
	const tolerance = 1e-4 // of a gradient's largest entry
	for _, name := range goldenNames(t) {
		t.Run(name, func(t *testing.T) {
			want := readGolden(t, name)
			g, err := artifacts.Training(artifacts.ViT(want.Config.vit()), int64(want.Config.Batch),
				artifacts.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := graphtest.Open(t, g, ort.Options{}).Run(want.fillFrom(t))
			saveOutputs(t, name, g, got)
			if e := math.Abs(float64(got[artifacts.Loss][0]/want.Loss) - 1); !(e <= 1e-5) {
				t.Errorf("loss is %v, want %v: relative difference %.1e", got[artifacts.Loss][0], want.Loss, e)
			}
			compare(t, artifacts.Logits, got[artifacts.Logits], want.Logits, 1e-4)
			worst, worstName := 0.0, ""
			for _, grad := range want.Gradients {
				e, err := grad.Compare(got[artifacts.Grad(grad.Name)], tolerance)
				if err != nil {
					t.Errorf("gradient of %v", err)
				}
				if e > worst {
					worst, worstName = e, grad.Name
				}
			}
			t.Logf("%d gradients, worst entry off by %.1e of the largest, in %s", len(want.Gradients), worst, worstName)
		})
	}
}

// saveOutputs writes everything that a case computes into the folder that FOVEA_GRADIENTS names, where
// tools/oracle/vit.py --full compares every entry.
func saveOutputs(t *testing.T, name string, g *graphs.Graph, got map[string][]float32) {
	t.Helper()
	dir := os.Getenv("FOVEA_GRADIENTS")
	if dir == "" {
		return
	}
	var tensors []weights.Tensor
	for _, v := range g.Outputs {
		data, err := binary.Append(nil, binary.LittleEndian, got[v.Name])
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, weights.Tensor{Name: v.Name, Type: v.Type, Shape: v.Shape, Data: data})
	}
	if err := weights.Write(filepath.Join(dir, name+".safetensors"), tensors, nil); err != nil {
		t.Fatal(err)
	}
}

// TestEvalEqualsTraining holds eval.onnx against the logits of training.onnx with all paths kept.
func TestEvalEqualsTraining(t *testing.T) {
	for _, name := range []string{"vit_tiny_mean", "vit_tiny_mean_twice", "vit_tiny_cls", "vit_tiny_dinov2",
		"vit_form_registers", "vit_form_dinov3_plus", "vit_form_giant", "vit_form_clip", "vit_form_mirage"} {
		t.Run(name, func(t *testing.T) {
			c := readGolden(t, name)
			fill := c.fillFrom(t)
			keepAll := func(name string, x []float32) {
				fill(name, x)
				if name == artifacts.DropPath {
					for i := range x {
						x[i] = 1
					}
				}
			}
			training, err := artifacts.Training(artifacts.ViT(c.Config.vit()), int64(c.Config.Batch),
				artifacts.Options{})
			if err != nil {
				t.Fatal(err)
			}
			eval, err := artifacts.Eval(artifacts.ViT(c.Config.vit()), int64(c.Config.Batch))
			if err != nil {
				t.Fatal(err)
			}
			want := graphtest.Open(t, training, ort.Options{}).Run(keepAll)[artifacts.Logits]
			got := graphtest.Open(t, eval, ort.Options{}).Run(keepAll)[artifacts.Logits]
			compare(t, "eval logits", got, want, 1e-6)
		})
	}
}

// compare checks that entries differ by at most tolerance of the largest.
func compare(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d entries, want %d", what, len(got), len(want))
	}
	largest := 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(float64(v)))
	}
	for i := range want {
		if e := math.Abs(float64(got[i] - want[i])); !(e <= tolerance*largest) {
			t.Fatalf("%s: entry %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}
