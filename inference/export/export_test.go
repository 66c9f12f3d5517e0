package export

import (
	"encoding/json"
	"image"
	"image/draw"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/data"
	"fovea/evaluation"
	"fovea/inference"
	"fovea/onnx"
	"fovea/onnx/engine"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

const (
	models = "../../models/imported/testdata/"
	scans  = "../../data/testdata/kermany_oct_mini"
)

func given(size int) inference.Description {
	return inference.Description{Crop: 0.8, Size: size, Mean: []float32{0.5, 0.4, 0.3}, Std: []float32{0.2, 0.3, 0.4},
		Classes: []string{"CNV", "DME", "DRUSEN", "NORMAL", "other"}}
}

// TestVariants: models of several exporters and opsets give the probabilities of ONNX Runtime on the file that was
// exported, in every opset that can say them.
func TestVariants(t *testing.T) {
	if testing.Short() {
		t.Skip("exports every variant")
	}
	for _, test := range []struct {
		file string
		size int
	}{{"cnn_dynamo18", 20}, {"cnn_torchscript17", 20}, {"vit_dynamo23", 8}, {"vit_torchscript11",
		8}, {"windows_torchscript17", 4},
		{"mlp_torchscript9", 4}, {"mlp_dynamo20", 4}} {
		for _, opset := range []int64{0, 13, 18, 25} {
			dir := t.TempDir()
			r, err := Write(t.Context(), Options{Model: models + test.file + ".onnx", Given: given(test.size), Opset: opset,
				Raw: opset == 0 || opset >= 18, Split: "val", Out: dir, Batch: 2, Runtime: engine.Settings{Provider: "cpu"}})
			if err != nil {
				t.Errorf("%s in opset %d: %v", test.file, opset, err)
				continue
			}
			for _, v := range r.Variants {
				limit := map[string]float64{FP32: 1e-6, FP16: 1e-3, INT8: 1e-2}[v.Name]
				if v.Raw {
					limit += 1e-3 // a level of single pixels
				}
				if v.Noise > limit {
					t.Errorf("%s of %s in opset %d: a probability is off by %g", v.File, test.file, opset, v.Noise)
				}
				checkFile(t, filepath.Join(dir, v.File), v, opset)
			}
			if card := string(read(t, filepath.Join(dir, CardFile))); !strings.Contains(card, "Accuracy was not measured") ||
				!strings.Contains(card, "a model without a run") || strings.Contains(card, "<no value>") {
				t.Errorf("the card of %s:\n%s", test.file, card)
			}
		}
	}
}

func checkFile(t *testing.T, path string, v *Variant, opset int64) {
	t.Helper()
	m, err := onnx.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := onnx.Check(m.Proto); err != nil {
		t.Errorf("%s: %v", path, err)
	}
	if len(m.Proto.OpsetImport) != 1 || opset != 0 && m.Proto.OpsetImport[0].GetVersion() != opset {
		t.Errorf("%s is of %v, not opset %d", path, m.Proto.OpsetImport, opset)
	}
	if v.SHA256 != m.Digest() || v.Outputs[0] != "probabilities" {
		t.Errorf("%+v", v)
	}
	symbol := m.Proto.Graph.Input[0].GetType().GetTensorType().GetShape().GetDim()[0].GetDimParam()
	if want := map[bool]string{false: "batch", true: "height"}[v.Raw]; symbol != want {
		t.Errorf("%s: the first dimension is %q, not %q", path, symbol, want)
	}
}

// TestMeasure: on labelled images each variant has the measures that evaluation computes of its own predictions, beside
// the model's.
func TestMeasure(t *testing.T) {
	if testing.Short() {
		t.Skip("measures every variant")
	}
	dir := t.TempDir()
	r, err := Write(t.Context(), Options{Model: models + "vit_torchscript17.onnx", Given: given(8), Raw: true, Data: scans,
		Split: "test",
		Out:   dir, Batch: 3, Runtime: engine.Settings{Provider: "cpu"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Variants) != 6 || r.Images != 8 || r.Batch != 3 || r.Source == nil {
		t.Fatalf("%d variants, %d images, batches of %d", len(r.Variants), r.Images, r.Batch)
	}
	for _, v := range r.Variants {
		m := v.Measured
		metrics, _, err := evaluation.Compute(m.predictions)
		if err != nil {
			t.Fatal(err)
		}
		accuracy, _ := evaluation.Find(m.Assessment.Measures, "accuracy")
		if float64(accuracy.Value) != metrics.Accuracy || m.Paired.Rows != 8 || m.Largest > 2e-2 || m.Alone <= 0 ||
			(m.Batched > 0) == v.Raw {
			t.Errorf("%s: %+v, accuracy %+v", v.File, m, accuracy)
		}
	}
	var again map[string]any
	if err := json.Unmarshal(read(t, filepath.Join(dir, ReportFile)), &again); err != nil || again["split"] != "test" {
		t.Errorf("%s: %v, %v", ReportFile, err, again)
	}
	card := string(read(t, filepath.Join(dir, CardFile)))
	for _, want := range []string{"model-index:", "split: test", "| [model_int8.onnx](model_int8.onnx) |", "McNemar",
		"| DRUSEN | 2 |",
		`onnxruntime.InferenceSession("model_raw.onnx")`, "resized to 10 pixels", "license: unknown", "Not known here: the model came without a run"} {
		if !strings.Contains(card, want) {
			t.Errorf("the card lacks %q:\n%s", want, card)
		}
	}
	var table strings.Builder
	if err := r.WriteText(&table); err != nil || strings.Count(table.String(), "\n") != 7 {
		t.Errorf("%v\n%s", err, &table)
	}
}

// TestRaw: a model with the preparation inside sees the image that the transform makes, to one level of single pixels,
// whatever its size: enlarged, reduced, odd, upright and lying.
func TestRaw(t *testing.T) {
	t.Run("crop", func(t *testing.T) { testRaw(t, given(20)) })
	d := given(20)
	d.Resize, d.Crop = data.Squash, 0.9
	t.Run("squash", func(t *testing.T) { testRaw(t, d) })
}

func testRaw(t *testing.T, d inference.Description) {
	dir := t.TempDir()
	if _, err := Write(t.Context(), Options{Model: models + "cnn_torchscript17.onnx", Given: d, Variants: []string{FP32},
		Raw:   true,
		Split: "val", Out: dir, Batch: 1, Runtime: engine.Settings{Provider: "cpu"}}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "model_raw.onnx")
	described, err := inference.Describe(path, inference.Description{})
	if err != nil || described.Resize != d.Resize || !described.Raw || described.Input != "image" {
		t.Fatalf("%+v, %v", described, err)
	}
	if _, err := inference.Open(path, described, 1, ort.Options{}); err == nil ||
		!strings.Contains(err.Error(), "only trainer predict takes it") {
		t.Errorf("opened for tensors: %v", err)
	}
	c, err := inference.OpenRaw(path, described, ort.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	plain, err := inference.Describe(filepath.Join(dir, "model.onnx"), inference.Description{})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := inference.Open(filepath.Join(dir, "model.onnx"), plain, 1, ort.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	scan, err := data.Decode(filepath.Join(scans, "test/CNV/CNV-6851127-1.jpeg"))
	if err != nil {
		t.Fatal(err)
	}
	tensor := make([]float32, 3*20*20)
	for _, size := range [][2]int{{5, 7}, {7, 5}, {25, 25}, {20, 20}, {26, 25}, {25, 31}, {64, 48}, {101, 100}, {33, 300},
		{496, 496}} {
		part := image.NewNRGBA(image.Rect(0, 0, size[0], size[1]))
		draw.Draw(part, part.Rect, scan, image.Pt(100, 0), draw.Src)
		if err := described.Transform().Apply(tensor, part, nil); err != nil {
			t.Fatal(err)
		}
		want, err := whole.Classify(tensor, 1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Classify(part)
		if err != nil {
			t.Fatalf("%v: %v", size, err)
		}
		if off := largest(want[0], got); off > 1e-3 {
			t.Errorf("%d×%d pixels: a probability is off by %g", size[0], size[1], off)
		}
	}
}

// TestNamesAndBatch: a model of one image, whose input has the name of the raw one and whose scores have no name that
// means something, is made one of any number.
func TestNamesAndBatch(t *testing.T) {
	m, err := onnx.Open(models + "cnn_torchscript17.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	g := m.Proto.Graph
	rename := map[string]string{g.Input[0].GetName(): "image", g.Output[0].GetName(): "y",
		g.Node[0].GetOutput()[0]: "probabilities"}
	for _, n := range g.Node {
		for _, list := range [][]string{n.Input, n.Output} {
			for i, name := range list {
				if other, ok := rename[name]; ok {
					list[i] = other
				}
			}
		}
	}
	g.Input[0] = onnx.NewValueInfo("image", pb.TensorProto_FLOAT, []int64{1, 3, 20, 20})
	g.Output[0] = onnx.NewValueInfo("y", pb.TensorProto_FLOAT, []int64{1, 5})
	dir := t.TempDir()
	model := filepath.Join(dir, "one.onnx")
	if err := onnx.Save(model, m.Proto, onnx.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err := Write(t.Context(), Options{Model: model, Given: given(20), Raw: true, Data: scans, Split: "test",
		Out: filepath.Join(dir, "out"), Batch: 4,
		Runtime: engine.Settings{Provider: "cpu"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range r.Variants {
		if v.Input != "image" || v.Noise > 2e-3 || v.Measured.Largest > 2e-3 {
			t.Errorf("%+v", v)
		}
		checkFile(t, filepath.Join(dir, "out", v.File), v, 0)
	}
}

// TestJudge: a variant that is right less often, beyond doubt, is warned of; one that differs by chance is not.
func TestJudge(t *testing.T) {
	table := func(wrong int) *evaluation.Predictions {
		p := &evaluation.Predictions{Classes: []string{"a", "b"}}
		for i := range 200 {
			row := evaluation.Prediction{Path: string(rune('a'+i%26)) + strings.Repeat("x", i/26), Label: i % 2,
				Probabilities: []float64{0.9, 0.1}}
			if (i%2 == 1) != (i < wrong) {
				slices.Reverse(row.Probabilities)
			}
			p.Rows = append(p.Rows, row)
		}
		return p
	}
	for wrong, warnings := range map[int]int{0: 0, 3: 0, 40: 2} {
		m := &Measured{predictions: table(wrong)}
		if err := m.compare(t.Context(), &Measured{predictions: table(0)}); err != nil {
			t.Fatal(err)
		}
		v := &Variant{File: "model_int8.onnx", Measured: m}
		v.judge()
		if (len(v.Warnings) > 0) != (warnings > 0) || m.Changed != wrong {
			t.Errorf("%d of 200 wrong: %q, %d changed", wrong, v.Warnings, m.Changed)
		}
	}
}

// TestRefuses: what would lose work or write something else.
func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "model.onnx")
	if err := os.WriteFile(model, read(t, models+"cnn_torchscript17.onnx"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		change func(o *Options)
		want   string
	}{
		{func(o *Options) { o.Out = dir }, "would replace the model that is exported"},
		{func(o *Options) { o.Variants = []string{"int4"} }, `variant "int4" is unknown: fp32, fp16, int8`},
		{func(o *Options) { o.Data, o.Split = scans, "nosplit" }, "nosplit"},
		{func(o *Options) { o.Data, o.Split = scans, "../x" }, "not the name of a folder"},
		{func(o *Options) { o.Opset = 12 }, "opset 12 is not one of 13 to 25"},
		{func(o *Options) { o.Variants = []string{INT8} }, "no weights that are worth 8 bits"},
		{func(o *Options) { o.Data, o.Split, o.Given.Classes = scans, "test", []string{"a", "b", "c", "d", "e"} },
			"classes that"},
	} {
		o := Options{Model: model, Given: given(20), Split: "val", Out: filepath.Join(dir, "out"), Batch: 1,
			Runtime: engine.Settings{Provider: "cpu"}}
		test.change(&o)
		if _, err := Write(t.Context(), o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %q", err, test.want)
		}
	}
}

// TestLicence: RETFound's weights are not for commercial use, and the card says so.
func TestLicence(t *testing.T) {
	var cfg runConfig
	cfg.Model.Weights, cfg.Model.Arch = "RETFound_mae_meh.pth", "vit_large_patch16"
	d := given(8)
	c := newCard(&Report{Model: "runs/x/model.onnx", Variants: []*Variant{{Name: FP32, File: "model.onnx",
		Input: "images"}}}, &d, &runFolder{config: cfg})
	var text strings.Builder
	if err := c.write(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"license: cc-by-nc-4.0", "CC BY-NC 4.0: not for commercial use"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the card lacks %q:\n%s", want, &text)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
