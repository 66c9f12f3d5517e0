package config

import (
	"math"
	"strings"
	"testing"

	"fovea/graphs/vit"
)

func TestValidate(t *testing.T) {
	nan := math.NaN()
	tests := []struct {
		key    string // "" where the config is good
		change func(c *Config)
	}{
		{"", func(c *Config) {}},
		{"", func(c *Config) { c.Model.Arch, c.Model.Patch, c.Data.Size = "vit_tiny_patch16", 4, 28 }},
		{"", func(c *Config) { c.Model.Arch = "vit_large_patch14_dinov2" }},
		{"", func(c *Config) {
			c.Model.Arch, c.Model.Pool, c.Model.FCNormTwice = "vit_large_patch14_dinov2", "mean", true
		}},
		{"", func(c *Config) { c.Optimizer.LR, c.Optimizer.BLR = 0, 5e-3 }},
		{"", func(c *Config) { c.Schedule.Warmup = c.Schedule.Epochs }},
		{"", func(c *Config) { c.Name = "run 1, v2.é" }},
		{"name", func(c *Config) { c.Name = "" }},
		{"name", func(c *Config) { c.Name = ".." }},
		{"name", func(c *Config) { c.Name = "a/b" }},
		{"name", func(c *Config) { c.Name = `a\b` }},
		{"seed", func(c *Config) { c.Seed = -1 }},
		{"recipe", func(c *Config) { c.Recipe = "paper" }},
		{"", func(c *Config) { c.Evaluation.OperatingPoints = []string{"youden", "specificity 0.95 lower"} }},
		{"evaluation.operating_points", func(c *Config) { c.Evaluation.OperatingPoints = []string{"sensitivity 90"} }},
		{"evaluation.cut", func(c *Config) { c.Evaluation.Cut = "mild" }},
		{"evaluation.prevalence", func(c *Config) { c.Evaluation.Prevalence = 1 }},
		{"data.ratio", func(c *Config) { c.Data.Ratio = 0 }},
		{"data.ratio", func(c *Config) { c.Data.Ratio = 1.5 }},
		{"data.sampling", func(c *Config) { c.Data.Sampling = "weighted" }},
		{"data.order", func(c *Config) { c.Data.Order = "torch" }},
		{"data.order", func(c *Config) { c.Data.Order, c.Data.Sampling = "retfound", "balanced" }},
		{"data.numbering", func(c *Config) { c.Data.Numbering = "own" }},
		{"data.numbering", func(c *Config) { c.Data.Numbering, c.Data.Labels = "split", "labels.csv" }},
		{"", func(c *Config) { c.Data.Labels, c.Data.Columns = "labels.csv", []string{"image=scan", "label=CNV+DME"} }},
		{"data.columns", func(c *Config) { c.Data.Columns = []string{"image=scan"} }},
		{"data.columns", func(c *Config) { c.Data.Labels, c.Data.Columns = "labels.csv", []string{"scan"} }},
		{"data.columns", func(c *Config) { c.Data.Labels, c.Data.Columns = "folders", []string{"image=scan"} }},
		{"data.split", func(c *Config) { c.Data.Split[0] = 0.7 }},
		{"data.split", func(c *Config) { c.Data.Split[0] = -1 }},
		{"data.split_seed", func(c *Config) { c.Data.SplitSeed = -1 }},
		{"data.leakage", func(c *Config) { c.Data.Leakage = "ignore" }},
		{"data.positive", func(c *Config) { c.Data.Classes, c.Data.Positive = []string{"a", "b"}, "b" }},
		{"data.ordered", func(c *Config) { c.Data.Ordered = "true" }},
		{"data.cache_side", func(c *Config) { c.Data.CacheSide = -1 }},
		{"data.dir", func(c *Config) { c.Data.Dir = "" }},
		{"data.size", func(c *Config) { c.Data.Size = 0 }},
		{"data.size", func(c *Config) { c.Data.Size = 225 }},
		{"data.workers", func(c *Config) { c.Data.Workers = -1 }},
		{"data.crop_pct", func(c *Config) { c.Data.CropPct = 1.01 }},
		{"data.unreadable", func(c *Config) { c.Data.Unreadable = "ignore" }},
		{"data.mean", func(c *Config) { c.Data.Mean[2] = 124 }},
		{"runtime.devices", func(c *Config) { c.Runtime.Devices = "0" }},
		{"runtime.devices", func(c *Config) { c.Runtime.Devices = "none" }},
		{"runtime.devices", func(c *Config) { c.Runtime.Devices = "1,1" }},
		{"runtime.devices", func(c *Config) { c.Runtime.Devices, c.Runtime.Provider = "all", "cpu" }},
		{"runtime.devices", func(c *Config) { c.Runtime.Devices, c.Runtime.Provider = "0,1", "cpu" }},
		{"", func(c *Config) { c.Runtime.Devices, c.Runtime.Provider = "2", "cpu" }},
		{"data.std", func(c *Config) { c.Data.Std[0] = 0 }},
		{"data.white_level", func(c *Config) { c.Data.WhiteLevel = 65536 }},
		{"data.max_pixels", func(c *Config) { c.Data.MaxPixels = 0 }},
		{"model.arch", func(c *Config) { c.Model.Arch = "vit_huge" }},
		{"model.width", func(c *Config) { c.Model.Width = -1 }},
		{"model.depth", func(c *Config) { c.Model.Depth = -1 }},
		{"model.heads", func(c *Config) { c.Model.Heads = 5 }},
		{"model.heads", func(c *Config) { c.Model.Width = 1000 }},
		{"model.patch", func(c *Config) { c.Model.Patch = -16 }},
		{"model.pool", func(c *Config) { c.Model.Pool = "max" }},
		{"model.fc_norm_twice", func(c *Config) { c.Model.FCNormTwice, c.Model.Pool = true, "cls" }},
		{"model.fc_norm_twice", func(c *Config) { c.Model.FCNormTwice, c.Model.Arch = true, "vit_base_patch14_dinov2" }},
		{"data.size", func(c *Config) { c.Data.Size, c.Model.Arch = 256, "vit_base_patch14_dinov2" }},
		{"model.drop_path", func(c *Config) { c.Model.DropPath = 1 }},
		{"model.drop_path", func(c *Config) { c.Model.DropPath = nan }},
		{"", func(c *Config) { c.Model.Freeze = 25 }},
		{"", func(c *Config) { c.Model = Model{ONNX: "m.onnx", Head: "fc", Adaptation: "finetune"} }},
		{"", func(c *Config) { c.Model = Model{ONNX: "m.onnx", Freeze: 99, Adaptation: "finetune"} }},
		{"model.arch", func(c *Config) { c.Model.ONNX, c.Model.DropPath = "m.onnx", 0 }},
		{"model.drop_path", func(c *Config) { c.Model.ONNX, c.Model.Arch = "m.onnx", "" }},
		{"model.weights", func(c *Config) {
			c.Model = Model{ONNX: "m.onnx", Weights: "w.pth", Adaptation: "finetune"}
		}},
		{"model.head", func(c *Config) { c.Model.Head = "fc" }},
		{"model.weights_from", func(c *Config) { c.Model.WeightsFrom = "model_ema" }},
		{"model.keep_head", func(c *Config) { c.Model.KeepHead = true }},
		{"model.trainable", func(c *Config) { c.Model.Trainable, c.Model.Adaptation = "head.*", "linear_probe" }},
		{"model.freeze", func(c *Config) { c.Model.Freeze = -1 }},
		{"model.freeze", func(c *Config) { c.Model.Freeze = 26 }},
		{"model.freeze", func(c *Config) { c.Model.Freeze, c.Model.Adaptation = 1, "linear_probe" }},
		{"model.adaptation", func(c *Config) { c.Model.Adaptation = "full" }},
		{"model.freeze", func(c *Config) { c.Model.Freeze, c.Model.Adaptation = 1, "lora" }},
		{"model.lora_rank", func(c *Config) { c.Model.LoRARank, c.Model.Adaptation = 0, "lora" }},
		{"model.lora_alpha", func(c *Config) { c.Model.LoRAAlpha, c.Model.Adaptation = 0, "lora" }},
		{"model.lora_targets", func(c *Config) { c.Model.LoRATargets, c.Model.Adaptation = nil, "lora" }},
		{"model.last_blocks", func(c *Config) { c.Model.LastBlocks, c.Model.Adaptation = 0, "last_blocks" }},
		{"model.last_blocks", func(c *Config) { c.Model.LastBlocks, c.Model.Adaptation = 25, "last_blocks" }},
		{"", func(c *Config) { c.Model.LastBlocks, c.Model.Adaptation = 24, "last_blocks" }},
		{"model.pool", func(c *Config) { c.Model.Adaptation = "attentive_probe" }},
		{"model.teacher", func(c *Config) { c.Model.Teacher, c.Model.Adaptation = "model.onnx", "linear_probe" }},
		{"loss.temperature", func(c *Config) { c.Loss.Temperature = 0 }},
		{"loss.hard_weight", func(c *Config) { c.Loss.HardWeight = 1.1 }},
		{"model.adaptation", func(c *Config) { c.Model.Adaptation, c.Augment.Mixup = "linear_probe", 0.8 }},
		{"loss.class_weights", func(c *Config) { c.Loss.ClassWeights = "inverse" }},
		{"loss.class_weights", func(c *Config) { c.Loss.ClassWeights, c.Data.Sampling = "balanced", "balanced" }},
		{"loss.focal", func(c *Config) { c.Loss.Focal = -1 }},
		{"training.ema", func(c *Config) { c.Training.EMA = 1 }},
		{"training.nonfinite", func(c *Config) { c.Training.Nonfinite = "ignore" }},
		{"training.recompute", func(c *Config) { c.Training.Recompute = "blocks" }},
		{"training.recompute", func(c *Config) { c.Training.Recompute, c.Model.Adaptation = "full", "linear_probe" }},
		{"evaluation.select", func(c *Config) { c.Evaluation.Select = "accuracy" }},
		{"evaluation.loss", func(c *Config) { c.Evaluation.Loss = "mean" }},
		{"evaluation.probabilities", func(c *Config) { c.Evaluation.Probabilities = "bf16" }},
		{"evaluation.absent_class", func(c *Config) { c.Evaluation.AbsentClass = "ignore" }},
		{"evaluation.axis", func(c *Config) { c.Evaluation.Axis = "steps" }},
		{"augment.color_jitter", func(c *Config) { c.Augment.ColorJitter = 0.4 }},
		{"augment.erase", func(c *Config) { c.Augment.Erase = 2 }},
		{"augment.erase_mode", func(c *Config) { c.Augment.EraseMode = "noise" }},
		{"augment.erase_count", func(c *Config) { c.Augment.EraseCount = 0 }},
		{"augment.mixup", func(c *Config) { c.Augment.Mixup = -1 }},
		{"augment.cutmix", func(c *Config) { c.Augment.CutMix = -1 }},
		{"augment.cutmix_minmax", func(c *Config) { c.Augment.CutMixMinMax = [2]float64{0.5, 0.2} }},
		{"augment.cutmix_box", func(c *Config) { c.Augment.CutMixBox = "timm" }},
		{"augment.mix_probability", func(c *Config) { c.Augment.MixProbability = 2 }},
		{"augment.mix_switch", func(c *Config) { c.Augment.MixSwitch = -1 }},
		{"augment.mix_mode", func(c *Config) { c.Augment.MixMode = "half" }},
		{"augment.crop_scale", func(c *Config) { c.Augment.CropScale[0] = 0 }},
		{"augment.crop_scale", func(c *Config) { c.Augment.CropScale = [2]float64{0.9, 0.8} }},
		{"augment.crop_scale", func(c *Config) { c.Augment.CropScale[1] = 1.5 }},
		{"augment.crop_ratio", func(c *Config) { c.Augment.CropRatio[1] = math.Inf(1) }},
		{"augment.crop_ratio", func(c *Config) { c.Augment.CropRatio = [2]float64{2, 1} }},
		{"augment.horizontal_flip", func(c *Config) { c.Augment.HorizontalFlip = 1.1 }},
		{"augment.vertical_flip", func(c *Config) { c.Augment.VerticalFlip = -0.1 }},
		{"augment.shift", func(c *Config) { c.Augment.Shift = 1 }},
		{"augment.smoothing", func(c *Config) { c.Augment.Smoothing = 1 }},
		{"augment.policy", func(c *Config) { c.Augment.Policy = "rand-m9-x5" }},
		{"training.batch", func(c *Config) { c.Augment.Mixup, c.Training.Batch = 0.8, 15 }},
		{"", func(c *Config) { c.Augment.Mixup, c.Training.Batch = 0.8, Auto }},
		{"optimizer.lr", func(c *Config) { c.Optimizer.LR = nan }},
		{"optimizer.lr", func(c *Config) { c.Optimizer.LR = -1 }},
		{"optimizer.lr", func(c *Config) { c.Optimizer.LR, c.Schedule.MinLR = 0, 0 }},
		{"optimizer.blr", func(c *Config) { c.Optimizer.BLR = 1 }},
		{"optimizer.weight_decay", func(c *Config) { c.Optimizer.WeightDecay = -1 }},
		{"optimizer.layer_decay", func(c *Config) { c.Optimizer.LayerDecay = 0 }},
		{"optimizer.layers", func(c *Config) { c.Optimizer.Layers = 0 }},
		{"optimizer.layer_pattern", func(c *Config) {
			c.Model, c.Optimizer.LayerPattern = Model{ONNX: "m.onnx", Adaptation: "finetune"}, "("
		}},
		{"optimizer.layer_pattern", func(c *Config) { c.Optimizer.LayerPattern = "blocks" }},
		{"optimizer.clip", func(c *Config) { c.Optimizer.Clip = math.Inf(1) }},
		{"optimizer.beta1", func(c *Config) { c.Optimizer.Beta1 = 1 }},
		{"optimizer.beta2", func(c *Config) { c.Optimizer.Beta2 = -0.1 }},
		{"optimizer.eps", func(c *Config) { c.Optimizer.Eps = 0 }},
		{"schedule.epochs", func(c *Config) { c.Schedule.Epochs, c.Schedule.Warmup = 0, 0 }},
		{"schedule.warmup", func(c *Config) { c.Schedule.Warmup = 51 }},
		{"schedule.warmup", func(c *Config) { c.Schedule.Warmup = -1 }},
		{"schedule.min_lr", func(c *Config) { c.Schedule.MinLR = 1e-3 }},
		{"training.batch", func(c *Config) { c.Training.Batch = -1 }},
		{"training.accumulate", func(c *Config) { c.Training.Accumulate = 0 }},
		{"training.precision", func(c *Config) { c.Training.Precision = "fp64" }},
		{"training.max_steps", func(c *Config) { c.Training.MaxSteps = -1 }},
		{"runtime.provider", func(c *Config) { c.Runtime.Provider = "rocm" }},
		{"runtime.threads", func(c *Config) { c.Runtime.Threads = -1 }},
		{"runtime.bucket", func(c *Config) { c.Runtime.Bucket = -1 }},
		{"runtime.cuda_graph", func(c *Config) { c.Runtime.Provider, c.Runtime.CUDAGraph = "cpu", true }},
		{"output.dir", func(c *Config) { c.Output.Dir = "" }},
		{"evaluation.by", func(c *Config) { c.Evaluation.By = []string{"sex", "age:60:40"} }},
		{"", func(c *Config) { c.Evaluation.By = []string{"sex", "age:40:60"} }},
	}
	refused := map[string]bool{ // what every value of their type is good for
		"augment.quarter_turns": true, "augment.smooth_unmixed": true, "data.stratified": true, "model.weights_allow": true,
		"augment.policy": true, "data.cache": true, "model.weights": true, "runtime.library": true,
		"model.onnx": true, "data.labels": true, "data.classes": true}
	for _, test := range tests {
		c := Defaults()
		c.Name, c.Data.Dir = "x", "images"
		test.change(c)
		err := c.Validate()
		refused[test.key] = true
		switch {
		case test.key == "" && err != nil:
			t.Errorf("good config: %v", err)
		case test.key != "" && (err == nil || !strings.HasPrefix(err.Error(), test.key+": ")):
			t.Errorf("%s: got %v", test.key, err)
		case test.key != "" && strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: more than one problem: %v", test.key, err)
		}
	}
	for _, k := range keys {
		if !refused[k.name] {
			t.Errorf("no value of %s is refused: add a bad one above, or the key to those that take all", k.name)
		}
	}
}

func TestDimensions(t *testing.T) {
	// timm: vit_large_patch16_224 has 303,301,632 parameters without its head
	// (mean pool, 197 positions), as RETFound's; the rest follows from the names.
	d := Model{Arch: "vit_large_patch16"}.Dimensions()
	w := d.Width
	block := 2*2*w + w*3*w + 3*w + w*w + w + 2*4*w*w + 5*w
	if got := w + 197*w + 3*d.Patch*d.Patch*w + w + d.Depth*block + 2*w; got != 303301632 {
		t.Errorf("%+v has %d parameters, want 303301632", d, got)
	}
	got := Model{Arch: "vit_tiny_patch16", Depth: 6, Patch: 4}.Dimensions()
	if want := (vit.Dimensions{Patch: 4, Width: 192, Depth: 6, Heads: 3, Pool: "mean"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got = Model{Arch: "vit_base_patch14_dinov2", Pool: "mean"}.Dimensions()
	if want := (vit.Dimensions{Patch: 14, Width: 768, Depth: 12, Heads: 12, Pool: "mean", Form: vit.Form{LayerScale: true}}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"data.dir", "data.size", "training.batch", "optimizer.lr", "seed"}
	for name, want := range map[string]string{
		"data.szie": "data.size", "size": "data.size", "train.batch": "training.batch",
		"optimiser.lr": "optimizer.lr",
		"sed":          "seed", "recipe": "", "x": "", "": "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

// Pairs with distances as literature gives them.
func TestDistance(t *testing.T) {
	for _, p := range []struct {
		a, b string
		want int
	}{{"kitten", "sitting", 3}, {"saturday", "sunday", 3}, {"ca", "abc", 3}, {"ab", "ba", 1}, {"", "abc", 3}} {
		if got := distance(p.a, p.b); got != p.want {
			t.Errorf("distance(%q, %q) = %d, want %d", p.a, p.b, got, p.want)
		}
	}
}
