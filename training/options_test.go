package training_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/internal/progress"
	"fovea/onnx"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
	"fovea/training"
	"fovea/training/config"
	"fovea/training/optim"
)

// options are settings beside those of small. Where several stand together, another test tells them apart.
var options = map[string]func(c *config.Config){
	"ema, focal, judging": func(c *config.Config) {
		c.Training.EMA, c.Loss.Focal, c.Evaluation.Loss, c.Evaluation.Probabilities = 0.9, 2, "batches", "fp16"
	},
	"freeze, stratified": func(c *config.Config) { c.Model.Freeze, c.Data.Ratio, c.Data.Stratified = 2, 0.6, true },
	"probe":              func(c *config.Config) { c.Model.Adaptation = "linear_probe" },
	"probe, ema, class_weights": func(c *config.Config) {
		c.Model.Adaptation, c.Training.EMA, c.Loss.ClassWeights, c.Data.Ratio = "linear_probe", 0.9, "balanced", 0.7
	},
	"balanced, roc_auc": func(c *config.Config) { c.Data.Sampling, c.Evaluation.Select = "balanced", "roc_auc" },
	"order":             func(c *config.Config) { c.Data.Order = "retfound" },
	"fixed order":       func(c *config.Config) { c.Data.Order = "retfound_fixed" },
}

// interrupted runs a config that is stopped in an epoch and in a validation.
func interrupted(t *testing.T, c *config.Config) *training.Result {
	t.Helper()
	for _, stop := range []string{"epoch 1/3", "validate 2/3"} {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := training.Run(ctx, c, training.Options{Resume: true, Progress: func(u progress.Update) {
			if u.Task == stop {
				cancel()
			}
		}})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped at %q: %v", stop, err)
		}
	}
	return run(t, c, training.Options{Resume: true})
}

// TestResumeWithOptions: with each option on, a run that is interrupted ends with the same bits, and with others than a
// run without the option.
func TestResumeWithOptions(t *testing.T) {
	if testing.Short() {
		t.Skip("resumes a run with every option")
	}
	dir := fundus(t)
	plain := outcome(t, run(t, small(t, dir), training.Options{}).Folder)
	for name, set := range options {
		t.Run(name, func(t *testing.T) {
			straight, stopped := small(t, dir), small(t, dir)
			set(straight)
			set(stopped)
			want := outcome(t, run(t, straight, training.Options{}).Folder)
			same(t, outcome(t, interrupted(t, stopped).Folder), want)
			const parameters = "checkpoints/last/model.safetensors"
			if want[parameters] == plain[parameters] {
				t.Error("the option changes nothing")
			}
		})
	}
}

// tensors reads a file of a run's checkpoint.
func tensors(t *testing.T, folder, name string) map[string][]byte {
	t.Helper()
	f, err := weights.Open(filepath.Join(folder, "checkpoints", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string][]byte{}
	for _, x := range f.Tensors {
		out[x.Name] = bytes.Clone(x.Data)
	}
	return out
}

// TestEachOptionCounts: the settings that stand together above change the parameters each by itself.
func TestEachOptionCounts(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a model for each option")
	}
	dir := fundus(t)
	parameters := map[string]string{}
	for name, set := range map[string]func(c *config.Config){
		"none":          func(c *config.Config) {},
		"ema":           func(c *config.Config) { c.Training.EMA = 0.9 },
		"focal":         func(c *config.Config) { c.Loss.Focal = 2 },
		"freeze":        func(c *config.Config) { c.Model.Freeze = 1 },
		"ratio":         func(c *config.Config) { c.Data.Ratio = 0.7 },
		"stratified":    func(c *config.Config) { c.Data.Ratio, c.Data.Stratified = 0.7, true },
		"class_weights": func(c *config.Config) { c.Data.Ratio, c.Loss.ClassWeights = 0.7, "balanced" },
	} {
		c := small(t, dir)
		set(c)
		c.Training.MaxSteps = 2 // the first has rate 0
		got := outcome(t, run(t, c, training.Options{}).Folder)["checkpoints/last/model.safetensors"]
		for other, x := range parameters {
			if x == got {
				t.Errorf("%s gives what %s gives", name, other)
			}
		}
		parameters[name] = got
	}
}

// TestFrozenStayAsTheyWere: what is not trained neither moves nor decays and has no moments; what is trained moves.
func TestFrozenStayAsTheyWere(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	dir := fundus(t)
	for name, frozen := range map[string][]string{
		"freeze, stratified":        {"cls_token", "pos_embed", "patch_embed", "blocks.0."},
		"probe":                     {"cls_token", "pos_embed", "patch_embed", "blocks.", "fc_norm"},
		"probe, ema, class_weights": {"cls_token", "pos_embed", "patch_embed", "blocks.", "fc_norm"},
	} {
		c, out := small(t, dir), t.TempDir()
		options[name](c)
		c.Optimizer.WeightDecay = 0.5
		if err := training.WriteArtifacts(t.Context(), c, out); err != nil {
			t.Fatal(err)
		}
		start, err := weights.Open(filepath.Join(out, "model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		defer start.Close()
		folder := run(t, c, training.Options{}).Folder
		end, moments := tensors(t, folder, "last/model.safetensors"), tensors(t, folder, "last/optimizer.safetensors")
		for _, x := range start.Tensors {
			isFrozen := false
			for _, prefix := range frozen {
				isFrozen = isFrozen || strings.HasPrefix(x.Name, prefix)
			}
			if bytes.Equal(x.Data, end[x.Name]) != isFrozen {
				t.Errorf("%s: %s moved or stayed, frozen is %v", name, x.Name, isFrozen)
			}
			if (moments[x.Name+".exp_avg"] == nil) != isFrozen {
				t.Errorf("%s: moments of %s: frozen is %v", name, x.Name, isFrozen)
			}
		}
		manifest, err := os.ReadFile(filepath.Join(out, "artifacts.json"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(manifest, []byte(`"pos_embed.grad"`)) || !bytes.Contains(manifest, []byte(`"frozen": true`)) {
			t.Errorf("%s: artifacts.json does not tell what is frozen", name)
		}
	}
}

// TestProbeStepEqualsTraining: the head's gradient in the first step is that of training the whole model without
// augmentation and drop path.
func TestProbeStepEqualsTraining(t *testing.T) {
	dir := fundus(t)
	first := func(adaptation string) map[string][]byte {
		c := small(t, dir)
		c.Model.Adaptation, c.Model.DropPath = adaptation, 0
		c.Augment = config.Augment{CropScale: [2]float64{1, 1}, CropRatio: [2]float64{1, 1}, EraseMode: "pixel",
			EraseCount: 1,
			MixMode:    "batch", CutMixBox: "timm_1.0", SmoothUnmixed: true}
		c.Training.MaxSteps, c.Optimizer.Clip = 1, 0
		return tensors(t, run(t, c, training.Options{}).Folder, "last/optimizer.safetensors")
	}
	want, got := first("finetune"), first("linear_probe")
	for _, name := range []string{"head.weight.exp_avg", "head.bias.exp_avg"} {
		x, y := floats(got[name]), floats(want[name])
		largest, off := 0.0, 0.0
		for i := range y {
			largest, off = max(largest, math.Abs(y[i])), max(off, math.Abs(x[i]-y[i]))
		}
		if len(x) != len(y) || largest == 0 || off > 1e-5*largest {
			t.Errorf("%s differs by %v of %v", name, off, largest)
		}
	}
}

// TestAverageIsDeployed: model.onnx and validation have the moving average, which lags behind the parameters.
func TestAverageIsDeployed(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	c := small(t, fundus(t))
	c.Training.EMA = 0.5
	folder := run(t, c, training.Options{}).Folder
	average, trained := tensors(t, folder, "last/model.safetensors"), tensors(t, folder, "last/optimizer.safetensors")
	plain := small(t, c.Data.Dir)
	parameters := tensors(t, run(t, plain, training.Options{}).Folder, "last/model.safetensors")
	for name, x := range parameters {
		if !bytes.Equal(x, trained[name+".trained"]) {
			t.Errorf("%s: the average changes training", name)
		}
		if bytes.Equal(x, average[name]) {
			t.Errorf("%s is not averaged", name)
		}
	}
}

// solid writes an image of one grey level.
func solid(t *testing.T, path string, grey uint8) {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 28, 28))
	for i := range img.Pix {
		img.Pix[i] = grey
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// overflowing is a dataset whose black images are harmless and whose few white ones overflow, by the config's mean and
// standard deviation.
func overflowing(t *testing.T) *config.Config {
	dir := t.TempDir()
	for split, n := range map[string]int{"train": 9, "val": 3, "test": 3} {
		for _, class := range []string{"a", "b"} {
			for i := range n {
				solid(t, filepath.Join(dir, split, class, fmt.Sprintf("%d.png", i)), 0)
			}
		}
	}
	solid(t, filepath.Join(dir, "train/a/0.png"), 255)
	c := small(t, dir)
	c.Data.Mean, c.Data.Std = [3]float64{}, [3]float64{1e-39, 1e-39, 1e-39}
	c.Augment.Policy, c.Augment.Erase = "", 0
	c.Training.Batch, c.Training.Accumulate = 2, 2
	c.Training.Nonfinite = "skip"
	return c
}

// TestSkippedSteps: a step that is not finite changes nothing and is counted; a resumed run counts the same.
func TestSkippedSteps(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	c := overflowing(t)
	c.Schedule.Epochs = 3
	var want map[string]string
	log := logged(func() { want = outcome(t, run(t, c, training.Options{}).Folder) })
	skipped := strings.Count(log, "step is skipped")
	if skipped == 0 || skipped > 3 {
		t.Errorf("%d steps are skipped, want at most one an epoch", skipped)
	}
	if got := strings.Count(want["log.txt"], `"skipped":1`); got != skipped {
		t.Errorf("log.txt counts %d steps, want %d:\n%s", got, skipped, want["log.txt"])
	}
	again := *c
	again.Output.Dir = t.TempDir()
	same(t, outcome(t, interrupted(t, &again).Folder), want)

	stop := *c
	stop.Output.Dir, stop.Training.Nonfinite = t.TempDir(), "stop"
	if _, err := training.Run(t.Context(), &stop, training.Options{}); err == nil ||
		!strings.Contains(err.Error(), "diverged") {
		t.Errorf("with stop: %v", err)
	}
	all := *c
	all.Output.Dir = t.TempDir()
	all.Data.Mean = [3]float64{1, 1, 1} // now the black ones overflow
	if _, err := training.Run(t.Context(), &all, training.Options{}); err == nil ||
		!strings.Contains(err.Error(), "every optimizer step was skipped") {
		t.Errorf("every step: %v", err)
	}
}

// TestArtifactsInHalfPrecision: training.precision decides what the files hold; auto is float32, which every provider
// runs.
func TestArtifactsInHalfPrecision(t *testing.T) {
	dir := fundus(t)
	for precision, want := range map[string]struct {
		manifest string
		half     pb.TensorProto_DataType
	}{"auto": {"fp32", pb.TensorProto_UNDEFINED}, "bf16": {"bf16", pb.TensorProto_BFLOAT16},
		"fp16": {"fp16", pb.TensorProto_FLOAT16}} {
		c, out := small(t, dir), t.TempDir()
		c.Training.Precision = precision
		if err := training.WriteArtifacts(t.Context(), c, out); err != nil {
			t.Fatal(err)
		}
		manifest, err := os.ReadFile(filepath.Join(out, "artifacts.json"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(manifest, []byte(`"precision": "`+want.manifest+`"`)) {
			t.Errorf("%s: artifacts.json does not say %s", precision, want.manifest)
		}
		for _, file := range []string{"training.onnx", "eval.onnx"} {
			m, err := onnx.Open(filepath.Join(out, file))
			if err != nil {
				t.Fatal(err)
			}
			casts := map[pb.TensorProto_DataType]int{}
			for _, n := range m.Proto.Graph.Node {
				if n.GetOpType() == "Cast" {
					casts[pb.TensorProto_DataType(n.Attribute[0].GetI())]++
				}
			}
			m.Close()
			mixed := want.half != pb.TensorProto_UNDEFINED
			if mixed != (casts[want.half] > 10) || !mixed && len(casts) > 0 {
				t.Errorf("%s: %s has casts %v", precision, file, casts)
			}
		}
	}
}

// TestLossScale: in float16 a batch that overflows costs its step and half the loss scale, whatever training.nonfinite
// says, and nothing else; a resumed run goes on with the scale.
func TestLossScale(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	c := overflowing(t)
	c.Schedule.Epochs, c.Training.Precision, c.Training.Nonfinite = 3, "fp16", "stop"
	c.Data.Std = [3]float64{1e-6, 1e-6, 1e-6} // white is 1,000,000 and more than float16 holds
	var want map[string]string
	var folder string
	log := logged(func() { folder = run(t, c, training.Options{}).Folder })
	want = outcome(t, folder)
	skipped := strings.Count(log, "an optimizer step is skipped")
	if skipped == 0 || skipped > 3 {
		t.Fatalf("%d steps are skipped, want at most one an epoch:\n%s", skipped, log)
	}
	scale := func(folder string) (s struct {
		State struct {
			Step   int
			Scaler optim.LossScaler `json:"loss_scaler"`
		}
	}) {
		text, err := os.ReadFile(filepath.Join(folder, "checkpoints/last/state.json"))
		if err == nil {
			err = json.Unmarshal(text, &s)
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	got := scale(folder).State
	if want := 65536 / float64(int(1)<<skipped); got.Scaler.Scale != want {
		t.Errorf("after %d skipped steps the scale is %v, want %v", skipped, got.Scaler.Scale, want)
	}
	if want := 3*4 - skipped; got.Step != want { // 18 images: 4 steps of 2 batches an epoch
		t.Errorf("%d steps were taken, want %d", got.Step, want)
	}
	again := *c
	again.Output.Dir = t.TempDir()
	resumed := interrupted(t, &again).Folder
	same(t, outcome(t, resumed), want)
	if s := scale(resumed).State; s != got {
		t.Errorf("the resumed run ends with %+v, want %+v", s, got)
	}
	c.Output.Dir, c.Data.Mean = t.TempDir(), [3]float64{1, 1, 1} // now the black ones overflow, in every step
	if _, err := training.Run(t.Context(), c, training.Options{}); err == nil ||
		!strings.Contains(err.Error(), "every optimizer step was skipped") {
		t.Errorf("every step: %v", err)
	}
}

// TestOverflowSkipsOneStep: a step that overflows is as if it had not been: the steps after it give what they give
// without it.
func TestOverflowSkipsOneStep(t *testing.T) {
	c := small(t, "unused")
	c.Training.Accumulate, c.Training.EMA, c.Training.Precision = 1, 0.9, "fp16"
	rng := rand.New(rand.NewPCG(5, 6))
	batches := make([][]float32, 4)
	for i := range batches {
		batches[i] = make([]float32, 5*3*28*28)
		for j := range batches[i] {
			batches[i][j] = float32(rng.NormFloat64())
		}
	}
	targets := []float32{1, 0, 0, 1, 1, 0, 0, 1, 1, 0}
	losses := func(spoil bool) (out []float64) {
		l, err := training.NewBench(t.Context(), c, 2, training.Experiment{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		step := int64(1)
		take := func(images []float32) (float64, error) {
			if err := errors.Join(l.Stage(images, targets, 0, int(step)), l.ForwardBackward(),
				l.Update(step, 1e-3)); err != nil {
				t.Fatal(err)
			}
			return l.Settle()
		}
		for i, images := range batches {
			if spoil && i == 2 {
				bad := append([]float32{}, images...)
				bad[1000] = 1e6 // infinite in float16
				if _, err := take(bad); err == nil ||
					!strings.Contains(err.Error(), "scaled by 65536; it is scaled by 32768") {
					t.Fatalf("a batch that overflows: %v", err)
				}
			}
			loss, err := take(images)
			if err != nil {
				t.Fatal(err)
			}
			out, step = append(out, loss), step+1
		}
		return out
	}
	want := losses(false)
	for i, got := range losses(true) {
		// The other scale rounds the smallest gradients otherwise.
		if math.Abs(got-want[i]) > 1e-5 {
			t.Errorf("step %d: the loss is %v, want %v", i+1, got, want[i])
		}
	}
	if want[3] == want[0] {
		t.Error("the loss stays as it is")
	}
}

// TestNotFiniteLeavesParameters: a learner refuses a gradient of NaN and can go on.
func TestNotFiniteLeavesParameters(t *testing.T) {
	c := small(t, "unused")
	c.Training.Accumulate, c.Training.EMA = 1, 0.9
	l, err := training.NewBench(t.Context(), c, 2, training.Experiment{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	images, targets := make([]float32, 5*3*28*28), []float32{1, 0, 0, 1, 1, 0, 0, 1, 1, 0}
	step := func(x float32) (loss float64, err error) {
		images[0] = x
		if err := errors.Join(l.Stage(images, targets, 0, 0), l.ForwardBackward(), l.Update(1, 0)); err != nil {
			t.Fatal(err)
		}
		return l.Settle()
	}
	before, err := step(1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := step(float32(math.NaN())); err == nil || !strings.Contains(err.Error(), "not finite") {
		t.Errorf("NaN: %v", err)
	}
	if after, err := step(1); err != nil || after != before {
		t.Errorf("the loss was %v, now it is %v: %v", before, after, err)
	}
}
