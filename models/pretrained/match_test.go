package pretrained

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/graphs/vit"
	"fovea/internal/graphtest"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
)

// large is RETFound in depth, at width 2 with 2 x 2 patches.
var large = vit.Config{ImageSize: 4, Patch: 2, Width: 2, Depth: 24, Heads: 1, Classes: 5, Pool: vit.Mean}

// parameters lists a model's; those of two blocks are found in every golden file.
func parameters(c vit.Config) (out []Parameter) {
	for _, p := range c.Parameters() {
		out = append(out, Parameter{p.Name, p.Shape})
	}
	return out
}

func open(t testing.TB, path string) *weights.File {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// unpack opens a file of testdata that is compressed.
func unpack(t testing.TB, name string) *weights.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, graphtest.Unzip(t, filepath.Join("testdata", name+".gz")), 0o644); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

func match(t testing.TB, f *weights.File, model []Parameter) *Match {
	t.Helper()
	m, err := New(f, model, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// load fills a model that holds sevens.
func load(t testing.TB, m *Match) map[string][]float32 {
	t.Helper()
	out := map[string][]float32{}
	for _, p := range m.model {
		n := int64(1)
		for _, d := range p.Shape {
			n *= d
		}
		out[p.Name] = slices.Repeat([]float32{7}, int(n))
	}
	if err := m.Load(func(i int) []float32 { return out[m.model[i].Name] }, 3); err != nil {
		t.Fatal(err)
	}
	return out
}

func floats(t weights.Tensor) []float32 {
	out := make([]float32, len(t.Data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
	}
	return out
}

// equal compares the loaded parameters of a model with a golden file, bit by bit.
func equal(t *testing.T, what string, m *Match, got map[string][]float32, golden *weights.File, except ...string) {
	t.Helper()
	for _, name := range m.Report.Loaded {
		if slices.Contains(except, name) {
			continue
		}
		want, ok := golden.Lookup(name)
		if !ok || !slices.Equal(got[name], floats(want)) {
			t.Errorf("%s: %s is %v, want %v", what, name, got[name], floats(want))
		}
	}
}

// RETFound's pre-training files give what PyTorch's non-strict loading gives: four parameters are missing, 106 tensors
// are unexpected.
func TestPretrainingFile(t *testing.T) {
	golden := unpack(t, "mae.safetensors")
	for _, dtype := range []string{"float32", "float16", "bfloat16"} {
		for _, format := range []string{"zip", "legacy"} {
			f := unpack(t, fmt.Sprintf("mae_%s_%s.pth", dtype, format))
			m := match(t, f, parameters(large))
			r := m.Report
			if !slices.Equal(r.Missing, []string{"fc_norm.weight", "fc_norm.bias", "head.weight", "head.bias"}) {
				t.Errorf("%s, %s: missing %v", dtype, format, r.Missing)
			}
			decoder := 0
			for _, name := range r.Unexpected {
				if strings.HasPrefix(name, "decoder_") {
					decoder++
				} else if !slices.Contains([]string{"mask_token", "norm.weight", "norm.bias"}, name) {
					t.Errorf("%s, %s: %s is unexpected", dtype, format, name)
				}
			}
			if len(r.Unexpected) != 106 || decoder != 103 || len(r.Loaded) != 292 || r.Dict != "model" ||
				r.Resized != nil || r.Dropped != nil || r.Transposed || r.Filled != 292 || r.Backbone != 292 {
				t.Errorf("%s, %s: %d unexpected, %d of the decoder, %d loaded: %+v", dtype, format, len(r.Unexpected),
					decoder, len(r.Loaded), r)
			}
			got := load(t, m)
			equal(t, dtype+", "+format, m, got, golden)
			if got["fc_norm.weight"][0] != 7 {
				t.Error("what is missing has changed")
			}
			if slices.Max(got["head.bias"]) != 0 || slices.Min(got["head.bias"]) != 0 {
				t.Errorf("head.bias is %v", got["head.bias"])
			}
		}
	}
}

// With the class token's pooling only the head is new.
func TestClassPooling(t *testing.T) {
	c := large
	c.Pool = vit.Class
	m := match(t, unpack(t, "mae_float16_zip.pth"), parameters(c))
	if r := m.Report; !slices.Equal(r.Missing, []string{"head.weight", "head.bias"}) || len(r.Unexpected) != 104 {
		t.Errorf("%+v", r)
	}
}

// DINOv2's names become timm's; its grid of 3 x 3 patches becomes 2 x 2.
func TestTeacher(t *testing.T) {
	c := large
	c.Depth, c.Pool, c.LayerScale = 2, vit.Class, true
	m := match(t, open(t, filepath.Join("testdata", "teacher.pth")), parameters(c))
	r := m.Report
	if r.Dict != "teacher.backbone" || !slices.Equal(r.Resized, []string{"pos_embed"}) || len(r.Unexpected) != 2 ||
		!slices.Equal(r.Missing, []string{"head.weight", "head.bias"}) {
		t.Errorf("%+v", r)
	}
	equal(t, "teacher", m, load(t, m), unpack(t, "mae.safetensors"), "pos_embed",
		"blocks.0.ls1.gamma", "blocks.0.ls2.gamma", "blocks.1.ls1.gamma", "blocks.1.ls2.gamma")
}

// PaddlePaddle's Linear weights are transposed, also the square ones.
func TestPaddle(t *testing.T) {
	c := large
	c.Depth = 2
	m := match(t, open(t, filepath.Join("testdata", "vit.pdparams")), parameters(c))
	if r := m.Report; !r.Transposed || r.Dict != "" || len(r.Loaded) != 28 {
		t.Errorf("%+v", r)
	}
	equal(t, "pdparams", m, load(t, m), unpack(t, "mae.safetensors"))
}

// write makes a safetensors file of a model's parameters, changed by edit.
func write(t *testing.T, model []Parameter, edit func(*weights.Tensor)) *weights.File {
	t.Helper()
	var tensors []weights.Tensor
	for _, p := range model {
		x := weights.Tensor{Name: p.Name, Type: pb.TensorProto_FLOAT, Shape: slices.Clone(p.Shape)}
		if edit(&x); x.Name == "" {
			continue
		}
		n := int64(4)
		for _, d := range x.Shape {
			n *= d
		}
		if x.Data == nil {
			x.Data = make([]byte, n)
		}
		tensors = append(tensors, x)
	}
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := weights.Write(path, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

// A fine-tuned file has a head, of as many classes or of others. It is not taken, and the new one is as RETFound's.
func TestFineTunedFile(t *testing.T) {
	c := large
	c.Width, c.Classes = 64, 500
	other := c
	other.Classes = 7
	for _, file := range []vit.Config{c, other} {
		m := match(t, write(t, parameters(file), func(*weights.Tensor) {}), parameters(c))
		r := m.Report
		if len(r.Loaded) != 294 || !slices.Equal(r.Dropped, []string{"head.weight", "head.bias"}) ||
			!slices.Equal(r.Missing, []string{"head.weight", "head.bias"}) || r.Unexpected != nil {
			t.Errorf("%+v", r)
		}
		head := load(t, m)["head.weight"]
		sum, squares := 0.0, 0.0
		for _, v := range head {
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
		n := float64(len(head))
		// Five standard errors of 32,000 draws.
		if mean, std := sum/n, math.Sqrt(squares/n); math.Abs(mean) > 5*2e-5/math.Sqrt(n) ||
			math.Abs(std-2e-5) > 5*2e-5/math.Sqrt(2*n) {
			t.Errorf("mean %v, standard deviation %v", mean, std)
		}
	}
}

func TestRefuses(t *testing.T) {
	c := large
	c.Depth = 2
	model := parameters(c)
	infinity := binary.LittleEndian.AppendUint32(nil, 0x7f800000)
	deeper := c
	deeper.Depth = 3
	scaled := c
	scaled.LayerScale = true
	for _, test := range []struct {
		file  []Parameter
		edit  func(*weights.Tensor)
		want  string
		allow bool // what allowMissing makes of it
	}{
		{model, func(x *weights.Tensor) {
			if strings.HasPrefix(x.Name, "blocks.1.mlp") {
				x.Name = ""
			}
		}, "fills 24 of the 28 parameters of the model's backbone; its names are most like those of the layout \"timm\"; the file lacks blocks.1.mlp.fc1.weight, blocks.1.mlp.fc1.bias", true},
		{model, func(x *weights.Tensor) {
			if x.Name == "blocks.0.norm1.weight" {
				x.Shape = []int64{4}
			}
		}, "blocks.0.norm1.weight is [4] in the file and [2] in the model", false},
		{model, func(x *weights.Tensor) {
			if x.Name == "pos_embed" {
				x.Shape = []int64{1, 8, 2}
			}
		}, "pos_embed is [1 8 2] in the file and [1 5 2] in the model", false},
		{model, func(x *weights.Tensor) {
			if x.Name == "blocks.0.attn.qkv.weight" { // one alone is not PaddlePaddle's
				x.Shape = []int64{2, 6}
			}
		}, "blocks.0.attn.qkv.weight is [2 6] in the file and [6 2] in the model", false},
		{model, func(x *weights.Tensor) {
			if x.Name == "cls_token" {
				x.Type = pb.TensorProto_INT32
			}
		}, "cls_token is of type int32 instead of a float", false},
		{model, func(x *weights.Tensor) { x.Name += "_x" }, "none of the model's 32 parameters", false},
		{parameters(deeper), func(x *weights.Tensor) {}, "the model lacks blocks.2.attn", true},
		{parameters(scaled), func(x *weights.Tensor) { x.Name = "backbone." + x.Name },
			"the model lacks blocks.0.ls1.gamma", true},
		{append(parameters(c), Parameter{"backbone.cls_token", []int64{1, 1, 2}}), func(x *weights.Tensor) {},
			"the model lacks backbone.cls_token", true},
	} {
		f := write(t, test.file, test.edit)
		if _, err := New(f, model, Options{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want one with %q", err, test.want)
		}
		if _, err := New(f, model, Options{Allow: []string{"*"}}); (err == nil) != test.allow {
			t.Errorf("allowed to be missing: error %v", err)
		}
	}
	m := match(t, write(t, model, func(x *weights.Tensor) {
		if x.Name == "norm.bias" || x.Name == "blocks.1.norm2.bias" {
			x.Data = append(make([]byte, 4), infinity...)
		}
	}), model)
	err := m.Load(func(i int) []float32 {
		n := int64(1)
		for _, d := range model[i].Shape {
			n *= d
		}
		return make([]float32, n)
	}, 0)
	if err == nil || !strings.Contains(err.Error(), "element 1 of blocks.1.norm2.bias is not finite") {
		t.Errorf("error %v", err)
	}
}
