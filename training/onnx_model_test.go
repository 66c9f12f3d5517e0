package training_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/graphs/artifacts"
	"fovea/inference"
	"fovea/internal/progress"
	"fovea/onnx"
	"fovea/onnx/pb"
	"fovea/training"
	"fovea/training/config"
)

// foreign is small for one of the models that PyTorch's exporters wrote.
func foreign(t testing.TB, dir, model string, size int) *config.Config {
	c := small(t, dir)
	c.Model = config.Model{ONNX: filepath.Join("../models/imported/testdata", model), Adaptation: "finetune"}
	c.Data.Size = size
	c.Training.Accumulate, c.Schedule.Epochs = 1, 4
	return c
}

// TestONNXModels fine-tunes a CNN with BatchNormalization, a transformer and an MLP that ends with softmax, as both
// exporters wrote them, with a moving average and as a linear probe: the loss falls, what is deployed scores as the
// run's own test said, and the same seed gives the same bits, stopped and resumed or not.
func TestONNXModels(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	dir := fundus(t)
	for _, test := range []struct {
		model  string
		size   int
		change func(*config.Config)
	}{{"cnn_torchscript17.onnx", 20, nil}, {"vit_torchscript11.onnx", 8, nil}, {"mlp_torchscript9.onnx", 4, nil},
		{"cnn_dynamo18.onnx", 20, func(c *config.Config) {
			c.Training.EMA, c.Training.Accumulate, c.Training.Batch, c.Augment.Mixup = 0.9, 2, 6, 0.2
		}},
		{"vit_dynamo23.onnx", 8, func(c *config.Config) {
			c.Model.Adaptation, c.Optimizer.LR = "linear_probe",
				0.05
		}}} {
		t.Run(test.model, func(t *testing.T) {
			c := foreign(t, dir, test.model, test.size)
			if test.change != nil {
				test.change(c)
			}
			r := run(t, c, training.Options{})
			var losses []float64
			for line := range strings.Lines(outcome(t, r.Folder)["log.txt"]) {
				var epoch struct {
					Loss float64 `json:"train_loss"`
				}
				if err := json.Unmarshal([]byte(line), &epoch); err != nil {
					t.Fatal(err)
				}
				losses = append(losses, epoch.Loss)
			}
			if first, last := losses[0], losses[len(losses)-1]; !(last < first) {
				t.Errorf("the loss goes from %v to %v", first, last)
			}

			again, err := inference.Evaluate(t.Context(),
				inference.EvalOptions{Model: filepath.Join(r.Folder, "model.onnx"),
					Data: dir, Split: "test", Out: t.TempDir(), Runtime: c.Runtime.Engine()})
			if err != nil {
				t.Fatal(err)
			}
			if again.Metrics != r.Test {
				t.Errorf("the deployed model scores %+v, the run said %+v", again.Metrics, r.Test)
			}

			stopped := *c
			stopped.Output.Dir = t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			_, err = training.Run(ctx, &stopped, training.Options{Progress: func(u progress.Update) {
				if strings.HasPrefix(u.Task, "epoch 2/") {
					cancel()
				}
			}})
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("the run was not stopped: %v", err)
			}
			resumed := run(t, &stopped, training.Options{Resume: true})
			same(t, outcome(t, resumed.Folder), outcome(t, r.Folder))
		})
	}
}

// TestONNXModelArtifacts: which parameters are trained, how fast, and what the graphs call things.
func TestONNXModelArtifacts(t *testing.T) {
	dir := fundus(t)
	read := func(change func(*config.Config)) map[string]artifacts.Parameter {
		t.Helper()
		c := foreign(t, dir, "cnn_torchscript17.onnx", 20)
		change(c)
		out := t.TempDir()
		if err := training.WriteArtifacts(t.Context(), c, out); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(out, "artifacts.json"))
		if err != nil {
			t.Fatal(err)
		}
		var manifest struct {
			Graphs map[string]struct {
				Inputs, Outputs []struct{ Name string }
			}
			Parameters []artifacts.Parameter
		}
		if err := json.Unmarshal(text, &manifest); err != nil {
			t.Fatal(err)
		}
		parameters := map[string]artifacts.Parameter{}
		var gradients []string
		for _, p := range manifest.Parameters {
			parameters[p.Name] = p
			if !p.Frozen {
				gradients = append(gradients, p.Name+".grad")
			}
		}
		g := manifest.Graphs["training.onnx"]
		var inputs, outputs []string
		for _, v := range g.Inputs {
			inputs = append(inputs, v.Name)
		}
		for _, v := range g.Outputs {
			outputs = append(outputs, v.Name)
		}
		if inputs[0] != "images" || !slices.Contains(inputs, "targets") || slices.Contains(inputs, "drop_path") {
			t.Errorf("inputs are %v", inputs)
		}
		if want := append([]string{"loss", "logits"}, gradients...); !slices.Equal(outputs, want) {
			t.Errorf("outputs are %v, want %v", outputs, want)
		}
		return parameters
	}
	all := read(func(c *config.Config) { c.Optimizer.LayerDecay = 0.5 })
	for name, want := range map[string]artifacts.Parameter{ // stem, depthwise convolution, 1×1 convolution, head
		"stem.0.weight":       {Layer: 0, RateScale: 0.125, WeightDecay: 0.05},
		"stem.2.weight":       {Layer: 0, RateScale: 0.125},
		"stem.2.running_mean": {Layer: 0, RateScale: 0.125, Frozen: true},
		"stem.2.running_var":  {Layer: 0, RateScale: 0.125, Frozen: true},
		"body.0.weight":       {Layer: 1, RateScale: 0.25, WeightDecay: 0.05},
		"body.0.bias":         {Layer: 1, RateScale: 0.25},
		"body.3.weight":       {Layer: 2, RateScale: 0.5, WeightDecay: 0.05},
		"head.weight":         {Layer: 3, RateScale: 1, WeightDecay: 0.05},
		"head.bias":           {Layer: 3, RateScale: 1},
	} {
		got := all[name]
		got.Name, got.Shape = "", nil
		if _, ok := all[name]; !ok || got.Layer != want.Layer || got.RateScale != want.RateScale ||
			got.WeightDecay != want.WeightDecay || got.Frozen != want.Frozen {
			t.Errorf("%s is %+v, want %+v", name, got, want)
		}
	}
	byName := read(func(c *config.Config) { c.Optimizer.LayerPattern = `^(stem|body)\.` })
	for name, want := range map[string]int{"stem.0.weight": 1, "body.0.weight": 2, "body.3.weight": 2,
		"head.weight": 3} {
		if byName[name].Layer != want {
			t.Errorf("by name %s is in layer %d, want %d", name, byName[name].Layer, want)
		}
	}
	for trainable, want := range map[string]string{"!stem.*": "body.0.weight", "head.*, body.3.*": "body.3.weight",
		"!*.bias": "stem.0.weight"} {
		some := read(func(c *config.Config) { c.Model.Trainable = trainable })
		if some[want].Frozen || !some["stem.2.bias"].Frozen || some["head.weight"].Frozen {
			t.Errorf("%q trains %+v", trainable, some)
		}
	}
	frozen := read(func(c *config.Config) { c.Model.Freeze = 2 })
	if !frozen["body.0.weight"].Frozen || frozen["body.3.weight"].Frozen {
		t.Error("model.freeze = 2 does not freeze the first two layers alone")
	}
}

// TestONNXModelOfFixedBatch: a model that takes so many images and no others is trained with as many, and tested on any
// number.
func TestONNXModelOfFixedBatch(t *testing.T) {
	dir := fundus(t)
	c := foreign(t, dir, "cnn_torchscript17.onnx", 20)
	c.Training.Batch = 7 // of 45, 20 and 25 images
	edit(t, c, func(g *pb.GraphProto) {
		g.Input[0].Type.GetTensorType().Shape.Dim[0].Value = &pb.TensorShapeProto_Dimension_DimValue{DimValue: 7}
	})
	r := run(t, c, training.Options{})
	few := filepath.Join(t.TempDir(), "few")
	var want []string
	for line := range strings.Lines(outcome(t, r.Folder)["predictions_test.csv"]) {
		path, _, _ := strings.Cut(line, ",")
		if class := filepath.Dir(path); len(want) == 0 || len(want) > 0 && !strings.Contains(want[len(want)-1], class) {
			want = append(want, line)
			if len(want) > 1 {
				if err := os.MkdirAll(filepath.Join(few, class), 0o755); err != nil {
					t.Fatal(err)
				}
				copyFile(t, filepath.Join(dir, path), filepath.Join(few, path))
			}
		}
	}
	out := t.TempDir()
	if _, err := inference.Evaluate(t.Context(), inference.EvalOptions{Model: filepath.Join(r.Folder, "model.onnx"),
		Data:  few,
		Split: "test", Out: out, Runtime: c.Runtime.Engine()}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(out, "predictions_test.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != strings.Join(want, "") || len(want) != 6 {
		t.Errorf("predictions of %d images are\n%s, the run's were\n%s", len(want)-1, got, strings.Join(want, ""))
	}

	deployed := &config.Config{Model: config.Model{ONNX: filepath.Join(r.Folder, "model.onnx")}}
	edit(t, deployed, func(g *pb.GraphProto) {
		images, err := onnx.NewTensor("images", pb.TensorProto_FLOAT, []int64{7, 3, 20, 20}, make([]byte, 4*7*3*20*20))
		if err != nil {
			t.Fatal(err)
		}
		g.Input, g.Initializer = nil, append(g.Initializer, images)
	})
	if _, err := inference.Evaluate(t.Context(), inference.EvalOptions{Model: deployed.Model.ONNX, Data: few,
		Split: "test", Out: out,
		Runtime: c.Runtime.Engine()}); err == nil || !strings.Contains(err.Error(), "it has 0 inputs") {
		t.Errorf("a model without an input: %v", err)
	}
}

// changed lists the initializers of a run's model.onnx that are not those of the file it was made of.
func changed(t *testing.T, c *config.Config, r *training.Result) map[string]bool {
	t.Helper()
	before, err := onnx.Open(c.Model.ONNX)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	after, err := onnx.Open(filepath.Join(r.Folder, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	out := map[string]bool{}
	for _, tensor := range after.Proto.Graph.Initializer {
		old := onnx.Initializer(before.Proto.Graph, tensor.GetName())
		if old == nil || !slices.Equal(old.GetRawData(), tensor.GetRawData()) {
			out[tensor.GetName()] = true
		}
	}
	return out
}

// TestONNXModelProbe: a linear probe changes nothing but the head, whatever other parameters are called.
func TestONNXModelProbe(t *testing.T) {
	dir := fundus(t)
	c := foreign(t, dir, "vit_dynamo18.onnx", 8)
	c.Model.Adaptation = "linear_probe"
	if got := changed(t, c, run(t, c, training.Options{})); !got["head.weight"] || !got["head.bias"] ||
		got["position"] || got["norm.weight"] {
		t.Errorf("changed are %v", got)
	}

	c = foreign(t, dir, "cnn_torchscript17.onnx", 20)
	c.Model.Adaptation, c.Optimizer.WeightDecay, c.Optimizer.LR = "linear_probe", 0.5, 0.1
	edit(t, c, func(g *pb.GraphProto) {
		onnx.Initializer(g, "body.3.weight").Name = proto.String("head.fc1.weight")
		for _, n := range g.Node {
			if i := slices.Index(n.Input, "body.3.weight"); i >= 0 {
				n.Input[i] = "head.fc1.weight"
			}
		}
	})
	if got := changed(t, c, run(t, c, training.Options{})); len(got) != 2 || !got["head.weight"] || !got["head.bias"] {
		t.Errorf("changed are %v", got)
	}
}

// edit makes model.onnx a changed copy.
func edit(t *testing.T, c *config.Config, change func(*pb.GraphProto)) {
	t.Helper()
	m, err := onnx.Open(c.Model.ONNX)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	change(m.Proto.Graph)
	c.Model.ONNX = filepath.Join(t.TempDir(), "edited.onnx")
	if err := onnx.Save(c.Model.ONNX, m.Proto, onnx.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestONNXModelAverage: what is not trained is to the bit that of the file, with a moving average of the parameters,
// summed gradients and clipping too.
func TestONNXModelAverage(t *testing.T) {
	c := foreign(t, fundus(t), "cnn_torchscript17.onnx", 20)
	c.Training.EMA, c.Training.Accumulate, c.Optimizer.Clip = 0.9, 2, 0.1
	c.Model.Trainable = "!body.3.weight"
	got := changed(t, c, run(t, c, training.Options{}))
	if got["body.3.weight"] || got["stem.2.running_mean"] || got["stem.2.running_var"] || !got["stem.2.weight"] ||
		!got["body.3.bias"] {
		t.Errorf("changed are %v", got)
	}
}

func TestONNXModelErrors(t *testing.T) {
	dir := fundus(t)
	good := func() *config.Config { return foreign(t, dir, "cnn_torchscript17.onnx", 20) }
	for _, test := range []struct {
		want   string
		change func(*config.Config)
	}{
		{"no such file", func(c *config.Config) { c.Model.ONNX = "absent.onnx" }},
		{`takes images of 4×4 pixels: set data.size = 4`,
			func(c *config.Config) { c.Model.ONNX = "../models/imported/testdata/mlp_dynamo20.onnx" }},
		{`no linear layer or value "fc"; it ends with "/head/head.2/Gemm" (8 features → 5 classes)`,
			func(c *config.Config) { c.Model.Head = "fc" }},
		{"a head reads float32 [N,F]", func(c *config.Config) { c.Model.Head = "/stem/stem.0/Conv_output_0" }},
		{`"stem.9.*" matches none of the 13 parameters`, func(c *config.Config) { c.Model.Trainable = "stem.9.*" }},
		{"leave no parameter to train", func(c *config.Config) { c.Model.Trainable = "!*" }},
		{"leave no parameter to train", func(c *config.Config) { c.Model.Freeze = 99 }},
		{`leaves out head.weight, which is new and random`, func(c *config.Config) { c.Model.Trainable = "body.*" }},
		{`optimizer.layer_pattern: it matches no parameter: they are called such as "body.`,
			func(c *config.Config) { c.Optimizer.LayerPattern = "block" }},
	} {
		c := good()
		test.change(c)
		if _, err := training.Run(t.Context(), c, training.Options{}); err == nil ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("error is %v, want one with %q", err, test.want)
		}
		if _, err := os.Stat(filepath.Join(c.Output.Dir, c.Name)); err == nil {
			t.Errorf("%s: there is a run folder", test.want)
		}
	}
}

// TestONNXModelRefusedFirst: what cannot be trained is refused before the images are decoded, of which one is damaged
// here.
func TestONNXModelRefusedFirst(t *testing.T) {
	dir := fundus(t)
	damaged, err := filepath.Glob(filepath.Join(dir, "train/*/*"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(damaged[0], nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c := foreign(t, dir, "cnn_torchscript17.onnx", 20)
	c.Model.Head, c.Model.Adaptation = "/body/body.3/Conv", "linear_probe"
	edit(t, c, func(g *pb.GraphProto) { // its result is pooled
		g.Node = slices.DeleteFunc(g.Node, func(n *pb.NodeProto) bool { return n.GetOpType() == "Add" })
		for _, n := range g.Node {
			if n.GetOpType() == "GlobalAveragePool" {
				n.Input[0] = "/body/body.3/Conv_output_0"
			}
		}
		g.Node = slices.DeleteFunc(g.Node, func(n *pb.NodeProto) bool {
			return strings.HasPrefix(n.GetName(), "/body/body.4") || n.GetOpType() == "Gemm"
		})
		g.Output[0].Name = proto.String("/head/head.1/Flatten_output_0")
	})
	if _, err := training.Run(t.Context(), c, training.Options{}); err == nil ||
		!strings.Contains(err.Error(), "there are no features for a linear probe") {
		t.Errorf("error is %v", err)
	}
}

// TestONNXModelResume: a run goes on with the same model, wherever its files are now, and needs them no more when it is
// finished.
func TestONNXModelResume(t *testing.T) {
	c := foreign(t, fundus(t), "cnn_torchscript17.onnx", 20)
	want := run(t, c, training.Options{})
	c.Output.Dir = t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	before := t.TempDir()
	c.Model.ONNX = external(t, c.Model.ONNX, before)
	_, err := training.Run(ctx, c, training.Options{Progress: func(u progress.Update) {
		if strings.HasPrefix(u.Task, "epoch 2/") {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}

	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(before, moved); err != nil {
		t.Fatal(err)
	}
	c.Model.ONNX = filepath.Join(moved, "model.onnx")
	data, err := os.ReadFile(c.Model.ONNX + ".data")
	if err != nil {
		t.Fatal(err)
	}
	data[0] ^= 1
	for _, refused := range []bool{true, false} {
		if err := os.WriteFile(c.Model.ONNX+".data", data, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err = training.Run(t.Context(), c, training.Options{Resume: true})
		if refused != (err != nil) || refused &&
			!strings.Contains(err.Error(), "not the file that the run was started with") {
			t.Errorf("resumed with weights that changed, %v: %v", refused, err)
		}
		data[0] ^= 1
	}
	same(t, outcome(t, filepath.Join(c.Output.Dir, c.Name)), outcome(t, want.Folder))

	c.Data.Dir = "absent"
	if err := os.RemoveAll(moved); err != nil {
		t.Fatal(err)
	}
	if again := run(t, c, training.Options{Resume: true}); again.BestEpoch != want.BestEpoch {
		t.Errorf("a finished run is reported as %+v, want %+v", again, want)
	}
	c.Model.ONNX = "other.onnx"
	if _, err := training.Run(t.Context(), c, training.Options{Resume: true}); err == nil ||
		!strings.Contains(err.Error(), "model.onnx was") {
		t.Errorf("a finished run of another model: %v", err)
	}
}

// external copies a model into a folder, with its weights in a file beside it.
func external(t *testing.T, model, dir string) string {
	t.Helper()
	m, err := onnx.Open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	path := filepath.Join(dir, "model.onnx")
	if err := onnx.Save(path, m.Proto, onnx.SaveOptions{External: true, Threshold: 1}); err != nil {
		t.Fatal(err)
	}
	return path
}
