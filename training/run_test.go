package training_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/evaluation"
	"fovea/inference"
	"fovea/internal/progress"
	"fovea/onnx"
	"fovea/onnx/weights"
	"fovea/training"
	"fovea/training/config"
)

// fundus is a few of the RetinaMNIST photographs in the layout of a dataset.
func fundus(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for split, count := range map[string]int{"train": 9, "val": 4, "test": 5} {
		source := filepath.Join("../data/testdata/retinamnist", split)
		classes, err := os.ReadDir(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, class := range classes {
			files, err := os.ReadDir(filepath.Join(source, class.Name()))
			if err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(dir, split, class.Name())
			if err := os.MkdirAll(to, 0o755); err != nil {
				t.Fatal(err)
			}
			for _, f := range files[:count] {
				copyFile(t, filepath.Join(source, class.Name(), f.Name()), filepath.Join(to, f.Name()))
			}
		}
	}
	return dir
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// small is a config that trains in a second and uses everything random.
func small(t testing.TB, dir string) *config.Config {
	c := config.Defaults()
	c.Name, c.Data.Dir, c.Output.Dir = "small", dir, t.TempDir()
	c.Data.Size, c.Data.CropPct = 28, 1
	c.Model.Patch, c.Model.Width, c.Model.Depth, c.Model.Heads = 7, 32, 2, 2
	c.Augment.QuarterTurns, c.Augment.Shift, c.Augment.Smoothing = true, 0.1, 0.1
	c.Optimizer.LR, c.Optimizer.Clip = 1e-3, 1
	c.Schedule.Epochs, c.Schedule.Warmup = 3, 1
	c.Training.Batch, c.Training.Accumulate = 5, 2
	c.Runtime.Provider = "cpu"
	return c
}

func run(t testing.TB, c *config.Config, o training.Options) *training.Result {
	t.Helper()
	o.NoFigures = true // they take longer than the rest
	r, err := training.Run(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// outcome is what must not differ between equal runs.
func outcome(t testing.TB, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range []string{"metrics_test.csv", "metrics_test.json", "metrics_val.csv", "predictions_test.csv",
		"log.txt", "model.onnx",
		"checkpoints/last/model.safetensors", "checkpoints/last/optimizer.safetensors",
		"checkpoints/best/model.safetensors"} {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(content)
	}
	return out
}

func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if name == "model.onnx" { // its metadata hold the name of the run
			continue
		}
		if got[name] != want[name] {
			t.Errorf("%s differs", name)
		}
	}
}

func TestRunFolder(t *testing.T) {
	c := small(t, fundus(t))
	r := run(t, c, training.Options{})
	for _, name := range []string{"config.toml", "log.txt", "metrics_val.csv", "metrics_test.csv",
		"predictions_test.csv",
		"model.onnx", "confusion_matrix_test.png", "metrics_test.json", "checkpoints/best/state.json",
		"checkpoints/last/state.json", "tensorboard"} {
		if _, err := os.Stat(filepath.Join(r.Folder, name)); err != nil {
			t.Error(err)
		}
	}
	if lines := strings.Count(outcome(t, r.Folder)["log.txt"], "\n"); lines != c.Schedule.Epochs {
		t.Errorf("log.txt has %d lines", lines)
	}

	again, err := config.Read(filepath.Join(r.Folder, "config.toml"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	again.Output.Dir = t.TempDir()
	same(t, outcome(t, run(t, again, training.Options{}).Folder), outcome(t, r.Folder))

	// Another seed is another run.
	again.Seed, again.Output.Dir = 1, t.TempDir()
	if outcome(t, run(t, again, training.Options{}).Folder)["log.txt"] == outcome(t, r.Folder)["log.txt"] {
		t.Error("the seed changes nothing")
	}

	if _, err := training.Run(t.Context(), c, training.Options{}); err == nil ||
		!strings.Contains(err.Error(), "finished run") {
		t.Errorf("a finished run is overwritten: %v", err)
	}
	if r2 := run(t, c, training.Options{Resume: true}); r2.Test != r.Test || r2.BestEpoch != r.BestEpoch ||
		r2.Duration <= 0 || r2.Duration > r.Duration {
		t.Errorf("a finished run is reported as %+v, it was %+v", r2, r)
	}
}

// TestEvaluateEqualsTest: offline evaluation of model.onnx is the test pass.
func TestEvaluateEqualsTest(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a model")
	}
	c := small(t, fundus(t))
	r := run(t, c, training.Options{})
	for _, batch := range []int{0, 3} {
		o := inference.EvalOptions{Model: filepath.Join(r.Folder, "model.onnx"), Data: c.Data.Dir, Split: "test",
			Out: t.TempDir(), Batch: batch, Runtime: c.Runtime.Engine()}
		m, err := inference.Evaluate(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if m.Metrics != r.Test {
			t.Errorf("batch %d: evaluation gives %+v, the run's test %+v", batch, m.Metrics, r.Test)
		}
		for _, name := range []string{"metrics_test.csv", "predictions_test.csv"} {
			got, err := os.ReadFile(filepath.Join(o.Out, name))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != outcome(t, r.Folder)[name] {
				t.Errorf("batch %d: %s differs", batch, name)
			}
		}
	}
}

// TestModelIsTheBestCheckpoint: model.onnx has exactly the weights of checkpoints/best and describes itself.
func TestModelIsTheBestCheckpoint(t *testing.T) {
	r := run(t, small(t, fundus(t)), training.Options{})
	best, err := weights.Open(filepath.Join(r.Folder, "checkpoints/best/model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer best.Close()
	model, err := onnx.Open(filepath.Join(r.Folder, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if err := onnx.Check(model.Proto); err != nil {
		t.Error(err)
	}
	for _, want := range best.Tensors {
		initializer := onnx.Initializer(model.Proto.Graph, want.Name)
		if initializer == nil {
			t.Errorf("model.onnx has no %s", want.Name)
			continue
		}
		if data, err := onnx.Data(initializer); err != nil || !bytes.Equal(data, want.Data) {
			t.Errorf("%s differs: %v", want.Name, err)
		}
	}
	if classes, _ := onnx.Metadata(model.Proto, "fovea.classes"); !strings.Contains(classes, "3_severe_npdr") {
		t.Errorf("the classes are %s", classes)
	}
}

// TestDINOv2 trains DINOv2's variant on fundus photographs, writes its artifacts and evaluates its model.
func TestDINOv2(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	c := small(t, fundus(t))
	c.Model.Arch = "vit_small_patch14_dinov2"
	c.Schedule.Epochs = 2
	r := run(t, c, training.Options{})
	m, err := inference.Evaluate(t.Context(), inference.EvalOptions{Model: filepath.Join(r.Folder, "model.onnx"),
		Data: c.Data.Dir, Split: "test", Out: t.TempDir(), Runtime: c.Runtime.Engine()})
	if err != nil {
		t.Fatal(err)
	}
	if m.Metrics != r.Test {
		t.Errorf("evaluation gives %+v, the run's test %+v", m.Metrics, r.Test)
	}
	out := t.TempDir()
	if err := training.WriteArtifacts(t.Context(), c, out); err != nil {
		t.Fatal(err)
	}
	f, err := weights.Open(filepath.Join(out, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var names []string
	for _, p := range f.Tensors {
		names = append(names, p.Name)
	}
	// Those of timm's vit_small_patch14_dinov2 with two blocks.
	for _, name := range []string{"norm.weight", "blocks.0.ls1.gamma", "blocks.1.ls2.gamma"} {
		if !slices.Contains(names, name) {
			t.Errorf("the model has no %s", name)
		}
	}
	if len(names) != 36 {
		t.Errorf("the model has %d parameters, want 36", len(names))
	}
	manifest, err := os.ReadFile(filepath.Join(out, "artifacts.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(manifest, []byte(`"blocks.1.ls2.gamma.grad"`)) {
		t.Error("artifacts.json does not hold the gradient of LayerScale")
	}
}

// TestInterruptedRunsEndTheSame cancels a run again and again, in the middle of epochs and in validation, and resumes
// it.
func TestInterruptedRunsEndTheSame(t *testing.T) {
	if testing.Short() {
		t.Skip("resumes several runs")
	}
	dir := fundus(t)
	want := outcome(t, run(t, small(t, dir), training.Options{}).Folder)
	c := small(t, dir)
	stops := []string{"epoch 1/3 20", "validate 1/3 20", "epoch 2/3 10", "epoch 2/3 40", "epoch 3/3 30"}
	for _, stop := range stops {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := training.Run(ctx, c, training.Options{Resume: true, Progress: func(u progress.Update) {
			if fmt.Sprint(u.Task, " ", u.Done) == stop {
				cancel()
			}
		}})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped at %q: %v", stop, err)
		}
	}
	same(t, outcome(t, run(t, c, training.Options{Resume: true}).Folder), want)
}

func TestMaxSteps(t *testing.T) {
	c := small(t, fundus(t))
	c.Training.MaxSteps = 6 // an epoch has 4
	r := run(t, c, training.Options{})
	f, err := os.Open(filepath.Join(r.Folder, "metrics_val.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := evaluation.ReadMetrics(f)
	if err != nil || len(rows) != 2 {
		t.Errorf("%d epochs were validated, want 2: %v", len(rows), err)
	}
}

func TestWriteArtifacts(t *testing.T) {
	c, out := small(t, fundus(t)), t.TempDir()
	if err := training.WriteArtifacts(t.Context(), c, out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"training.onnx", "eval.onnx"} {
		m, err := onnx.Open(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := onnx.Check(m.Proto); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	manifest, err := os.ReadFile(filepath.Join(out, "artifacts.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"blocks.1.mlp.fc2.weight.grad"`, `"rate_scale": 0.65`, `"drop_path"`,
		`"weight_decay": 0.05`} {
		if !bytes.Contains(manifest, []byte(part)) {
			t.Errorf("artifacts.json does not hold %s", part)
		}
	}
	if f, err := weights.Open(filepath.Join(out, "model.safetensors")); err != nil || len(f.Tensors) != 32 {
		t.Errorf("model.safetensors: %v", err)
	}
}
