package trained_test

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/internal/graphtest"
	"fovea/internal/numbers"
	"fovea/models/trained"
	"fovea/onnx/ort"
	"fovea/onnx/ort/install"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
)

// A layout of testdata/layouts.json: the file that a project writes for a small model, and the logits of one image.
type layout struct {
	Shapes map[string][]int64
	Logits [2][]float32 // at 16 and 24 pixels; nil: the project resizes positions otherwise
}

func readLayouts(t *testing.T) map[string]layout {
	t.Helper()
	text, err := os.ReadFile("testdata/layouts.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]layout
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// tensors draws those of the file.
func (l layout) tensors() (out []weights.Tensor) {
	for name, shape := range l.Shapes {
		n, center := 1, float32(0)
		for _, d := range shape {
			n *= int(d)
		}
		switch {
		case len(shape) == 1 && strings.HasSuffix(name, "weight"):
			center = 1
		case strings.HasSuffix(name, "gamma"), strings.HasSuffix(name, "lambda1"):
			center = 0.5
		}
		out = append(out, weights.Tensor{Name: name, Type: pb.TensorProto_FLOAT, Shape: shape,
			Data: numbers.Bytes(graphtest.Fill(name, n, center, 0.2))})
	}
	return out
}

func write(t *testing.T, tensors []weights.Tensor) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := weights.Write(path, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// logits opens a file and classifies the drawn image.
func logits(t *testing.T, path string, size int64) []float32 {
	t.Helper()
	c, err := trained.Open(path, trained.Settings{Heads: 2}, size)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer c.Close()
	session, err := ort.NewSessionOf(c.Proto, ort.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	tensors := map[string]*ort.Tensor{}
	for name, shape := range map[string][]int64{"images": {1, 3, size, size}, "logits": {1, 3}, "probabilities": {1, 3}} {
		x, err := ort.NewTensor(pb.TensorProto_FLOAT, shape...)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		if err := session.Bind(name, x); err != nil {
			t.Fatal(err)
		}
		tensors[name] = x
	}
	copy(tensors["images"].Float32(), graphtest.Fill("images", int(3*size*size), 0, 1))
	if err := session.Run(); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(tensors["logits"].Float32())
}

// The files that timm, Meta's code, MAE and transformers write give the logits of their models, at the size of the file
// and at another.
func TestLayouts(t *testing.T) {
	if _, err := install.Load(t.Context(), install.Source{}); err != nil {
		t.Fatal(err)
	}
	for name, l := range readLayouts(t) {
		path := write(t, l.tensors())
		for i, size := range []int64{16, 24} {
			got := logits(t, path, size)
			for k, want := range l.Logits[i] {
				if len(got) != 3 || math.Abs(float64(got[k]-want)) > 1e-5 {
					t.Errorf("%s, %d pixels: %v, want %v", name, size, got, l.Logits[i])
					break
				}
			}
		}
	}
}

// A weight file that is no classifier is refused, with what it is.
func TestRefuses(t *testing.T) {
	base := readLayouts(t)["timm"]
	damaged := base.tensors()
	for _, x := range damaged {
		if x.Name == "norm.bias" {
			copy(x.Data[4:], []byte{0, 0, 0xc0, 0x7f}) // NaN
		}
	}
	if _, err := trained.Open(write(t, damaged), trained.Settings{Heads: 2}, 0); err == nil ||
		!strings.Contains(err.Error(), "element 1 of norm.bias is not finite") {
		t.Errorf("error %v", err)
	}
	for _, test := range []struct {
		edit     func(l layout)
		settings trained.Settings
		size     int64
		want     string
	}{
		{func(l layout) { delete(l.Shapes, "head.weight"); delete(l.Shapes, "head.bias") }, trained.Settings{Heads: 2}, 0,
			`a Vision Transformer of width 32 with 2 blocks, in the layout "timm", but no head`},
		{func(l layout) { l.Shapes["head.weight"] = []int64{3, 96} }, trained.Settings{Heads: 2}, 0,
			"whose head reads 96 features instead of 32"},
		{func(l layout) { delete(l.Shapes, "head.bias") }, trained.Settings{Heads: 2}, 0, "the file lacks head.bias"},
		{func(l layout) { delete(l.Shapes, "pos_embed") }, trained.Settings{Heads: 2}, 0, "the file lacks pos_embed"},
		{func(l layout) { l.Shapes["fc_norm.weight"] = []int64{32} }, trained.Settings{Heads: 2}, 0, "the file lacks fc_norm.bias"},
		{func(l layout) { delete(l.Shapes, "blocks.0.norm2.bias") }, trained.Settings{Heads: 2}, 0, "the file lacks blocks.0.norm2.bias"},
		{func(l layout) { l.Shapes["dist_token"] = []int64{1, 1, 32} }, trained.Settings{Heads: 2}, 0, "the model lacks dist_token"},
		{func(layout) {}, trained.Settings{Heads: 3}, 0, "which cannot have 3 heads: say their number with -set model.heads=N"},
		{func(layout) {}, trained.Settings{Heads: 2}, 15, "a size of 15 pixels is no multiple of the patches"},
		{func(layout) {}, trained.Settings{Heads: 2, From: "ema"}, 0,
			`no model at model.weights_from = "ema": the one that is found without this setting is at "the top of the file"`},
		{func(layout) {}, trained.Settings{Heads: 2}, 160000, "a size of 160000 pixels is too large"},
		{func(l layout) {
			for name, shape := range base.Shapes {
				l.Shapes["a."+name], l.Shapes["b."+name] = shape, shape
				delete(l.Shapes, name)
			}
		}, trained.Settings{Heads: 2}, 0, `twice, below "a" and below "b": say in model.weights_from`},
	} {
		l := layout{Shapes: maps.Clone(base.Shapes)}
		test.edit(l)
		c, err := trained.Open(write(t, l.tensors()), test.settings, test.size)
		if err == nil {
			c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want one with %q", err, test.want)
		}
	}
}
