package explain

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fovea/graphs/artifacts"
	"fovea/graphs/vit"
	"fovea/internal/graphtest"
	"fovea/internal/numbers"
	"fovea/onnx"
	"fovea/onnx/ort/install"
	"fovea/onnx/pb"
)

func TestMain(m *testing.M) {
	if _, err := install.Load(context.Background(), install.Source{}); err != nil {
		fmt.Fprintf(os.Stderr, "these tests need ONNX Runtime: %v\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// A golden holds the maps of PyTorch and captum, from tools/oracle/explain.py.
type golden struct {
	Steps    int
	Classes  []int
	Scores   []byte
	Gap      []float64 // captum's convergence delta
	Maps     map[Method][]byte
	Features []byte

	Images []byte // of an exported model
	Config struct {
		Image, Patch, Width, Depth, Heads, Classes, Batch int64
		Pool                                              vit.Pool
	}
	Rules graphtest.Rules
}

const exportedModels = "../../models/imported/testdata/"

// built writes the model file of a ViT that is drawn, and draws two images.
func (g *golden) built(t testing.TB) (path string, images []float32) {
	t.Helper()
	c := vit.Config{ImageSize: g.Config.Image, Patch: g.Config.Patch, Width: g.Config.Width, Depth: int(g.Config.Depth),
		Heads: g.Config.Heads, Classes: g.Config.Classes, Pool: g.Config.Pool}
	graph, err := artifacts.Inference(c)
	if err != nil {
		t.Fatal(err)
	}
	m, err := graph.Model()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Parameters() {
		n := int64(1)
		for _, d := range p.Shape {
			n *= d
		}
		initializer, err := onnx.NewTensor(p.Name, pb.TensorProto_FLOAT, p.Shape, bytesOf(g.Rules.Draw(t, p.Name, int(n))))
		if err != nil {
			t.Fatal(err)
		}
		m.Graph.Initializer = append(m.Graph.Initializer, initializer)
	}
	m.Graph.Input = m.Graph.Input[:1]
	path = filepath.Join(t.TempDir(), "model.onnx")
	if err := onnx.Save(path, m, onnx.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	size := 3 * int(c.ImageSize*c.ImageSize)
	return path, g.Rules.Draw(t, "images", int(g.Config.Batch)*size)[:2*size]
}

func bytesOf(values []float32) []byte {
	var out []byte
	for _, v := range values {
		b := math.Float32bits(v)
		out = append(out, byte(b), byte(b>>8), byte(b>>16), byte(b>>24))
	}
	return out
}

// compare fails if values are further off than a part of the largest that is wanted.
func compare(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s has %d values, want %d", what, len(got), len(want))
		return
	}
	largest, off := 0.0, 0.0
	for i, w := range want {
		largest = max(largest, math.Abs(float64(w)))
		off = max(off, math.Abs(float64(got[i]-w)))
	}
	if !(off <= tolerance*largest) || largest == 0 {
		t.Errorf("%s is off by %.1e of the largest value, %g", what, off/largest, largest)
	}
	t.Logf("%-14s off by %.1e of the largest", what, off/largest)
}

// task is a model's file, with the images and the methods that the golden has.
func (g *golden) task(t testing.TB, model string) (path string, images []float32, methods []Method) {
	t.Helper()
	path, images = exportedModels+model+".onnx", numbers.Decode[float32](g.Images)
	if g.Images == nil {
		path, images = g.built(t)
	}
	for _, m := range Methods {
		if g.Maps[m] != nil {
			methods = append(methods, m)
		}
	}
	return path, images, methods
}

// TestMaps compares every method with PyTorch and captum, on models of Fovea and of PyTorch's exporters.
func TestMaps(t *testing.T) {
	for _, test := range []struct{ model, golden string }{
		{"vit_tiny_mean", "vit_tiny_mean"}, {"vit_tiny_cls", "vit_tiny_cls"}, {"cnn_torchscript17", "cnn_torchscript17"},
		{"vit_torchscript11", "vit_torchscript11"}, {"vit_dynamo18", "vit_torchscript11"},
	} {
		t.Run(test.model, func(t *testing.T) {
			var g golden
			graphtest.ReadGolden(t, "testdata/"+test.golden+".json.gz", &g)
			path, images, methods := g.task(t, test.model)
			m, err := Open(t.Context(), path, Options{Methods: methods, Batch: 5, Steps: g.Steps})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			all, err := m.Explain(images, []int{-1, g.Classes[1]})
			if err != nil {
				t.Fatal(err)
			}
			if len(all) != 2 || all[0].Class != g.Classes[0] || all[1].Class != g.Classes[1] {
				t.Fatalf("classes differ from %v: %+v", g.Classes, all)
			}
			compare(t, "scores", slices.Concat(all[0].Scores, all[1].Scores), numbers.Decode[float32](g.Scores), 2e-6)
			for k, method := range methods {
				compare(t, string(method), slices.Concat(all[0].Maps[k].Values, all[1].Maps[k].Values), numbers.Decode[float32](g.Maps[method]), 5e-6)
			}
			for i, e := range all {
				if gap := e.Integral.Gap(); !(gap <= 1e-3) {
					t.Errorf("image %d: the integral lacks %.1e: %+v", i, gap, *e.Integral)
				}
				if delta := e.Integral.Sum - (e.Integral.Score - e.Integral.Baseline); math.Abs(delta-g.Gap[i]) > 1e-5 {
					t.Errorf("image %d: the integral is off by %g, captum's by %g", i, delta, g.Gap[i])
				}
			}
		})
	}
}
