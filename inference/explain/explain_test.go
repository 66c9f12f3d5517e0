package explain

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/data"
	"fovea/graphs"
	"fovea/inference"
	"fovea/internal/graphtest"
	"fovea/internal/numbers"
	"fovea/onnx"
)

func read(t testing.TB, name string) *golden {
	t.Helper()
	g := new(golden)
	graphtest.ReadGolden(t, "testdata/"+name+".json.gz", g)
	return g
}

func open(t testing.TB, path string, o Options) *Model {
	t.Helper()
	m, err := Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestRandomize is the test of Adebayo and others (2018): with shuffled weights every map is another. Shuffling is the
// same each time.
func TestRandomize(t *testing.T) {
	if testing.Short() {
		t.Skip("differentiates several models")
	}
	for _, name := range []string{"vit_tiny_mean", "vit_tiny_cls"} {
		path, images := read(t, name).built(t)
		o := Options{Methods: Methods, Batch: 2, Steps: 16}
		learned, err := open(t, path, o).Explain(images, []int{1, 1})
		if err != nil {
			t.Fatal(err)
		}
		o.Randomize = true
		random, err := open(t, path, o).Explain(images, []int{1, 1})
		if err != nil {
			t.Fatal(err)
		}
		again, err := open(t, path, o).Explain(images, []int{1, 1})
		if err != nil {
			t.Fatal(err)
		}
		for i := range learned {
			for k, method := range Methods {
				// Of 49 patches chance gives a deviation of 0.14, of 784 pixels 0.04.
				if c := RankCorrelation(learned[i].Maps[k], random[i].Maps[k]); !(math.Abs(c) < 0.5) {
					t.Errorf("%s, image %d: %s has a rank correlation of %.2f with the map of shuffled weights", name, i, method, c)
				} else {
					t.Logf("%s, image %d: %s %.2f", name, i, method, c)
				}
				if c := RankCorrelation(again[i].Maps[k], random[i].Maps[k]); c < 1-1e-9 {
					t.Errorf("%s differs when weights are shuffled again: %v", method, c)
				}
			}
		}
	}
}

// TestClasses: a map is that of the class asked for, and rollout of none.
func TestClasses(t *testing.T) {
	path, images := read(t, "vit_tiny_cls").built(t)
	m := open(t, path, Options{Methods: Methods, Batch: 3, Steps: 8})
	image := images[:len(images)/2]
	var maps [2][]Map
	for class := range maps {
		e, err := m.Explain(image, []int{class})
		if err != nil {
			t.Fatal(err)
		}
		maps[class] = e[0].Maps
	}
	for k, method := range Methods {
		if c := RankCorrelation(maps[0][k], maps[1][k]); (c > 1-1e-9) != (method == Rollout) {
			t.Errorf("%s of two classes has a rank correlation of %v", method, c)
		}
	}
	for _, test := range []struct {
		images  []float32
		classes []int
		want    string
	}{
		{images[:5], nil, "5 values are not 1 to 3 images [3,28,28]"},
		{nil, nil, "0 values"},
		{append(images, images...), nil, "are not 1 to 3 images"},
		{image, []int{5}, "class 5: the model has 5, counted from 0"},
		{image, []int{1, 2}, "2 classes for 1 images"},
	} {
		if _, err := m.Explain(test.images, test.classes); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error is %v, want one with %q", err, test.want)
		}
	}
}

// TestOneImage: a model of one image at a time gives the maps of one of several.
func TestOneImage(t *testing.T) {
	for _, name := range []string{"vit_tiny_mean", "vit_tiny_cls", "vit_torchscript11", "cnn_torchscript17"} {
		g := read(t, name)
		path, images, methods := g.task(t, name)
		all, err := open(t, path, Options{Methods: methods, Batch: 1, Steps: g.Steps}).Explain(images[:len(images)/2], nil)
		if err != nil {
			t.Fatal(err)
		}
		if all[0].Class != g.Classes[0] {
			t.Errorf("class %d, want %d", all[0].Class, g.Classes[0])
		}
		for k, method := range methods {
			got := all[0].Maps[k].Values
			compare(t, string(method), got, numbers.Decode[float32](g.Maps[method])[:len(got)], 5e-6)
		}
	}
}

// TestDefault: without a method a model gets the map that it can have.
func TestDefault(t *testing.T) {
	for name, want := range map[string]Method{"vit_dynamo18": Relevance, "cnn_dynamo18": GradCAM, "windows_torchscript17": GradCAM,
		"vit_dynamo23": Relevance} {
		m, err := Open(t.Context(), exportedModels+name+".onnx", Options{Batch: 2})
		if err != nil {
			t.Error(err)
			continue
		}
		if len(m.Methods) != 1 || m.Methods[0] != want {
			t.Errorf("%s has %v, want %s", name, m.Methods, want)
		}
		m.Close()
	}
}

// saved writes the model of a graph.
func saved(t *testing.T, build func(g *graphs.Graph)) string {
	t.Helper()
	g := graphs.New("small")
	build(g)
	model, err := g.Model()
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/small.onnx"
	if err := onnx.Save(path, model, onnx.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNotFinite: scores and maps that are no numbers are errors about their image.
func TestNotFinite(t *testing.T) {
	path := saved(t, func(g *graphs.Graph) { // the root of a sum that may be negative, or 0, where its slope is infinite
		x := g.Input("images", graphs.Float32, 2, 3, 8, 8)
		g.Output("logits", g.Apply("Sqrt", nil, g.ReduceSum(x, false, 2, 3)))
	})
	m := open(t, path, Options{Methods: []Method{Gradient, Integrated}, Batch: 2, Steps: 4})
	for value, want := range map[float32]string{-1: "the model's scores of the image are not finite", 0: "the values of its map, method gradient, are not finite", 2: ""} {
		images := make([]float32, 2*3*8*8)
		for i := range images {
			if images[i] = 1; i >= 3*8*8 {
				images[i] = value
			}
		}
		_, err := m.Explain(images, nil)
		var image *ImageError
		if want == "" && err == nil {
			continue
		}
		if !errors.As(err, &image) || image.Index != 1 || !errors.Is(err, ErrNotFinite) || !strings.Contains(err.Error(), want) {
			t.Errorf("of pixels %v the error is %v", value, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	features := saved(t, func(g *graphs.Graph) {
		x := g.Input("images", graphs.Float32, 2, 3, 8, 8)
		g.Output("maps", g.Relu(x))
	})
	wide := saved(t, func(g *graphs.Graph) {
		x := g.Input("images", graphs.Float32, 2, 3, 8, 4)
		g.Output("logits", g.ReduceSum(x, false, 2, 3))
	})
	two := saved(t, func(g *graphs.Graph) {
		x, y := g.Input("images", graphs.Float32, 2, 3, 8, 8), g.Input("age", graphs.Float32, 2, 3)
		g.Output("logits", g.Add(y, g.ReduceSum(x, false, 2, 3)))
	})
	// Attention of rank 3 within four windows of four tokens, which could be four heads.
	windows := saved(t, func(g *graphs.Graph) {
		x := g.Reshape(g.Input("images", graphs.Float32, 2, 3, 8, 8), 8, 4, 12)
		identity := make([]float32, 12*12)
		for i := range 12 {
			identity[13*i] = 1
		}
		q := g.MatMul(x, g.Floats(identity, 12, 12), graphs.NoTrans)
		y := g.MatMul(g.Softmax(g.MatMul(q, x, graphs.TransB), -1), x, graphs.NoTrans)
		g.Output("logits", g.ReduceMean(g.Reshape(y, 2, 16, 12), false, 1))
	})
	for _, test := range []struct {
		path string
		o    Options
		want string
	}{
		{windows, Options{Methods: []Method{Relevance}, Batch: 2}, "its attention is not between all tokens of an image"},
		{exportedModels + "cnn_dynamo18.onnx", Options{Methods: []Method{Rollout}, Batch: 2}, "method rollout: the model has no attention that can be read: its graph has no softmax over pairs of tokens"},
		{exportedModels + "windows_torchscript17.onnx", Options{Methods: []Method{Relevance}, Batch: 2}, "its attention is not between all tokens of an image"},
		{exportedModels + "mlp_dynamo20.onnx", Options{Methods: []Method{GradCAM}, Batch: 2}, "neither tokens with attention nor a feature map"},
		{exportedModels + "mlp_dynamo20.onnx", Options{Batch: 0}, "a batch of 0 images"},
		{exportedModels + "mlp_dynamo20.onnx", Options{Methods: []Method{Integrated}, Batch: 2}, "0 steps"},
		{features, Options{Batch: 2}, "the model has no output float32 [N,C], the scores of classes"},
		{wide, Options{Batch: 2}, "images are float32 [N,3,S,S]"},
		{two, Options{Batch: 2}, "the model has 2 inputs"},
		{"testdata/none.onnx", Options{Batch: 2}, "no such file"},
	} {
		m, err := Open(t.Context(), test.path, test.o)
		if err == nil {
			m.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error is %v, want one with %q", err, test.want)
		}
	}
	if _, err := ParseMethods("rollout,gradcam"); err == nil || !strings.Contains(err.Error(), `unknown method "gradcam": the methods are rollout, relevance, grad-cam`) {
		t.Errorf("error is %v", err)
	}
}

// TestFeatures compares the features with timm's forward_head(…, pre_logits=True).
func TestFeatures(t *testing.T) {
	for _, name := range []string{"vit_tiny_mean", "vit_tiny_cls"} {
		g := read(t, name)
		path, images := g.built(t)
		f, err := OpenFeatures(t.Context(), path, Options{Batch: 3})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, err := f.Compute(images)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, name, got, numbers.Decode[float32](g.Features), 2e-6)
	}
	if _, err := OpenFeatures(t.Context(), exportedModels+"windows_torchscript17.onnx", Options{Batch: 2}); err != nil {
		t.Error(err)
	}
}

// TestReplaced: an image that changes after it was checked is an error, as in evaluation.
func TestReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.png")
	write := func(level uint8) {
		var file bytes.Buffer
		if err := png.Encode(&file, &image.Gray{Pix: bytes.Repeat([]byte{level}, 64), Stride: 8, Rect: image.Rect(0, 0, 8, 8)}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(1)
	in := &Input{Images: []string{path}, Description: &inference.Description{Size: 8, Crop: 1, Mean: []float32{0, 0, 0},
		Std: []float32{1, 1, 1}}}
	ignore := func([]float32, []string) error { return nil }
	if err := errors.Join(in.verify(t.Context()), in.each(t.Context(), "", 1, ignore)); err != nil {
		t.Fatal(err)
	}
	write(2)
	if err := in.each(t.Context(), "", 1, ignore); !errors.Is(err, data.ErrReplaced) {
		t.Errorf("the error is %v", err)
	}
}
