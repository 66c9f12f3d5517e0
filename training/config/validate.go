package config

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"fovea/data/augment"
	"fovea/graphs/vit"
)

// Validate returns nil or an Error, joined with others, for each value outside
// its range. It looks at no file: data.dir may still be missing.
func (c *Config) Validate() error {
	var errs []error
	for _, p := range c.problems() {
		errs = append(errs, p)
	}
	return errors.Join(errs...)
}

func (c *Config) problems() []*Error {
	var k checker
	k.check("name", isFolderName(c.Name), "%q is no plain folder name", c.Name)
	k.check("seed", c.Seed >= 0, "%d is below 0", c.Seed)
	k.oneOf("recipe", c.Recipe, Recipes)
	c.Data.check(&k)
	c.Model.check(&k, c.Data.Size)
	c.Augment.check(&k, c.Training.Batch)
	k.oneOf("loss.class_weights", c.Loss.ClassWeights, ClassWeightings)
	k.check("loss.class_weights", c.Loss.ClassWeights != "balanced" || c.Data.Sampling != "balanced",
		"is \"balanced\" beside data.sampling = \"balanced\": either alone makes up for the classes' sizes, set one back")
	k.check("model.adaptation", c.Model.Adaptation != "linear_probe" || !c.Augment.Mixes(),
		"is \"linear_probe\", which trains on features: augment.mixup and cutmix have no effect, set them to 0")
	k.number("loss.focal", c.Loss.Focal, atLeast(0))
	c.Optimizer.check(&k)
	k.check("optimizer.layer_pattern", c.Optimizer.LayerPattern == "" || c.Model.ONNX != "",
		"is set without model.onnx: a Vision Transformer's layers are its blocks, set it to \"\"")
	k.integer("schedule.epochs", c.Schedule.Epochs, 1)
	k.integer("schedule.warmup", c.Schedule.Warmup, 0)
	k.check("schedule.warmup", c.Schedule.Warmup <= c.Schedule.Epochs,
		"%d epochs are more than schedule.epochs, %d", c.Schedule.Warmup, c.Schedule.Epochs)
	k.number("schedule.min_lr", c.Schedule.MinLR, atLeast(0))
	if lr := c.LearningRate(); lr > 0 {
		k.check("schedule.min_lr", !(c.Schedule.MinLR > lr),
			"%v is above the learning rate, %v", c.Schedule.MinLR, lr)
	}
	k.check("training.batch", c.Training.Batch >= Auto, "%d is out of range, must be at least 1, or %q", c.Training.Batch, autoText)
	k.integer("training.accumulate", c.Training.Accumulate, 1)
	k.oneOf("training.precision", c.Training.Precision, Precisions)
	k.integer("training.max_steps", c.Training.MaxSteps, 0)
	k.number("training.ema", c.Training.EMA, span{0, 1, false, true})
	k.oneOf("training.nonfinite", c.Training.Nonfinite, Nonfinites)
	k.oneOf("training.recompute", c.Training.Recompute, Recomputes)
	k.check("training.recompute", c.Training.Recompute == "none" || c.Model.Adaptation != "linear_probe",
		"has no effect beside model.adaptation = \"linear_probe\", whose features are computed once: set it to \"none\"")
	k.oneOf("evaluation.select", c.Evaluation.Select, Selections)
	k.oneOf("evaluation.loss", c.Evaluation.Loss, LossMeans)
	k.oneOf("evaluation.probabilities", c.Evaluation.Probabilities, ProbabilityTypes)
	k.oneOf("evaluation.absent_class", c.Evaluation.AbsentClass, AbsentClasses)
	k.found = append(k.found, c.Runtime.problems()...)
	k.check("output.dir", c.Output.Dir != "", "is empty: name a folder")
	return k.found
}

func (d Data) check(k *checker) {
	k.check("data.dir", d.Dir != "", "is not set: name the folder that holds train, val and test")
	k.integer("data.size", d.Size, 1)
	k.check("data.size", d.Size <= 1<<14, "%d is above %d", d.Size, 1<<14)
	k.integer("data.workers", d.Workers, 0)
	k.number("data.crop_pct", d.CropPct, within(0, 1))
	k.oneOf("data.unreadable", d.Unreadable, Unreadables)
	for i := range d.Mean {
		k.number("data.mean", d.Mean[i], within(0, 1))
		k.number("data.std", d.Std[i], above(0))
	}
	k.number("data.ratio", d.Ratio, span{0, 1, true, false})
	k.oneOf("data.sampling", d.Sampling, Samplings)
	k.oneOf("data.order", d.Order, Orders)
	k.check("data.order", d.Sampling != "balanced" || d.Order == "seed",
		"is %q, but data.sampling = \"balanced\" draws from the seed: set it to \"seed\"", d.Order)
	k.oneOf("data.numbering", d.Numbering, Numberings)
	k.integer("data.cache_side", d.CacheSide, 0)
}

func (m Model) check(k *checker, size int) {
	k.oneOf("model.adaptation", m.Adaptation, Adaptations)
	k.integer("model.freeze", m.Freeze, 0)
	k.check("model.freeze", m.Freeze == 0 || m.Adaptation != "linear_probe",
		"is set beside model.adaptation = \"linear_probe\", which trains the head alone: set it to 0")
	k.check("model.trainable", m.Trainable == "" || m.Adaptation != "linear_probe",
		"is set beside model.adaptation = \"linear_probe\", which trains the head alone: set it to \"\"")
	if m.ONNX != "" {
		m.checkONNX(k)
		return
	}
	k.check("model.head", m.Head == "", "is %q, but without model.onnx the head is known: set it to \"\"", m.Head)
	k.oneOf("model.arch", m.Arch, vit.Architectures())
	k.integer("model.width", m.Width, 0)
	k.integer("model.depth", m.Depth, 0)
	k.integer("model.heads", m.Heads, 0)
	k.integer("model.patch", m.Patch, 0)
	d := m.Dimensions()
	if m.Pool != "" {
		k.oneOf("model.pool", m.Pool, Pools)
	}
	k.check("model.fc_norm_twice", !m.FCNormTwice || d.Pool != "cls",
		"is set, but %s pools the cls token: there is an fc_norm only with model.pool = \"mean\"", m.Arch)
	k.number("model.drop_path", m.DropPath, span{0, 1, false, true})
	k.check("model.width", m.Width <= 1<<14, "%d is above %d", m.Width, 1<<14)
	k.check("model.depth", m.Depth <= 1<<10, "%d is above %d", m.Depth, 1<<10)
	if d.Depth > 0 {
		k.check("model.freeze", m.Freeze <= d.Depth+1,
			"%d is above %d, the embeddings and all %d blocks", m.Freeze, d.Depth+1, d.Depth)
	}
	if d.Heads > 0 && d.Width > 0 {
		k.check("model.heads", d.Width%d.Heads == 0,
			"%d heads do not divide the width %d of the model", d.Heads, d.Width)
	}
	if d.Patch > 0 && size > 0 {
		k.check("data.size", size%d.Patch == 0,
			"%d is not a multiple of the patch size %d (model.patch)", size, d.Patch)
	}
}

// checkONNX refuses what describes the Vision Transformer beside model.onnx.
func (m Model) checkONNX(k *checker) {
	for _, key := range []struct {
		name string
		set  bool
	}{{"arch", m.Arch != ""}, {"width", m.Width != 0}, {"depth", m.Depth != 0}, {"heads", m.Heads != 0}, {"patch", m.Patch != 0},
		{"pool", m.Pool != ""}, {"fc_norm_twice", m.FCNormTwice}, {"drop_path", m.DropPath != 0}} {
		k.check("model."+key.name, !key.set, "describes the model that is built without model.onnx: leave it out")
	}
	k.check("model.weights", m.Weights == "", "is set beside model.onnx, which brings its own weights: set it to \"\"")
}

func (a Augment) check(k *checker, batch int) {
	k.pair("augment.crop_scale", a.CropScale, span{0, 1, true, false})
	k.pair("augment.crop_ratio", a.CropRatio, above(0))
	k.number("augment.horizontal_flip", a.HorizontalFlip, within(0, 1))
	k.number("augment.vertical_flip", a.VerticalFlip, within(0, 1))
	k.number("augment.shift", a.Shift, span{0, 1, false, true})
	k.number("augment.smoothing", a.Smoothing, span{0, 1, false, true})
	_, err := augment.Parse(a.Policy)
	k.check("augment.policy", err == nil, "%v", err)
	k.number("augment.color_jitter", a.ColorJitter, atLeast(0))
	k.check("augment.color_jitter", a.ColorJitter == 0 || a.Policy == "",
		"has no effect beside augment.policy: set that to \"\", or this to 0")
	k.number("augment.erase", a.Erase, within(0, 1))
	k.oneOf("augment.erase_mode", a.EraseMode, EraseModes)
	k.integer("augment.erase_count", a.EraseCount, 1)
	k.number("augment.mixup", a.Mixup, atLeast(0))
	k.number("augment.cutmix", a.CutMix, atLeast(0))
	k.pair("augment.cutmix_minmax", a.CutMixMinMax, within(0, 1))
	k.number("augment.mix_probability", a.MixProbability, within(0, 1))
	k.number("augment.mix_switch", a.MixSwitch, within(0, 1))
	k.oneOf("augment.mix_mode", a.MixMode, MixModes)
	k.check("training.batch", !a.Mixes() || batch%2 == 0,
		"%d is odd, but mixup and cutmix pair the images of a batch", batch)
}

func (o Optimizer) check(k *checker) {
	k.number("optimizer.lr", o.LR, atLeast(0))
	k.number("optimizer.blr", o.BLR, atLeast(0))
	k.check("optimizer.lr", o.LR != 0 || o.BLR != 0, "is 0, and so is optimizer.blr: set one of them")
	k.check("optimizer.blr", !(o.LR > 0 && o.BLR > 0),
		"%v is set beside optimizer.lr, %v: set one of them, the other to 0", o.BLR, o.LR)
	k.number("optimizer.weight_decay", o.WeightDecay, atLeast(0))
	k.number("optimizer.layer_decay", o.LayerDecay, span{0, 1, true, false})
	k.integer("optimizer.layers", o.Layers, 1)
	_, err := regexp.Compile(o.LayerPattern)
	k.check("optimizer.layer_pattern", err == nil, "%v", err)
	k.number("optimizer.clip", o.Clip, atLeast(0))
	k.number("optimizer.beta1", o.Beta1, span{0, 1, false, true})
	k.number("optimizer.beta2", o.Beta2, span{0, 1, false, true})
	k.number("optimizer.eps", o.Eps, atLeast(1e-37)) // less is 0 in float32, and 0/0 a NaN
}

func (r Runtime) problems() []*Error {
	var k checker
	k.oneOf("runtime.provider", r.Provider, Providers)
	k.integer("runtime.threads", r.Threads, 0)
	k.check("runtime.cuda_graph", !r.CUDAGraph || r.Provider != "cpu", "has no effect beside runtime.provider = \"cpu\": set it to false")
	return k.found
}

// isFolderName tells whether name is one part of a path on every system.
func isFolderName(name string) bool {
	return name != "" && name != "." && filepath.IsLocal(name) && !strings.ContainsAny(name, "/\\:") &&
		!strings.ContainsFunc(name, func(r rune) bool { return r < ' ' })
}

// A span is a range of finite numbers; an open end does not belong to it.
type span struct {
	low, high         float64
	lowOpen, highOpen bool
}

func within(low, high float64) span { return span{low: low, high: high} }
func atLeast(low float64) span      { return span{low: low, high: math.Inf(1), highOpen: true} }
func above(low float64) span        { return span{low: low, high: math.Inf(1), lowOpen: true, highOpen: true} }

func (s span) contains(x float64) bool {
	return (x > s.low || !s.lowOpen && x == s.low) && (x < s.high || !s.highOpen && x == s.high)
}

func (s span) String() string {
	low, high := fmt.Sprintf("at least %v", s.low), fmt.Sprintf("at most %v", s.high)
	if s.lowOpen {
		low = fmt.Sprintf("above %v", s.low)
	}
	if math.IsInf(s.high, 1) {
		return low
	}
	if s.highOpen {
		high = fmt.Sprintf("below %v", s.high)
	}
	return low + " and " + high
}

// A checker collects what is out of range, each key at most once.
type checker struct{ found []*Error }

func (k *checker) check(key string, ok bool, format string, args ...any) {
	if ok || slices.ContainsFunc(k.found, func(e *Error) bool { return e.Key == key }) {
		return
	}
	k.found = append(k.found, &Error{Key: key, Err: fmt.Errorf(format, args...)})
}

func (k *checker) integer(key string, n, least int) {
	k.check(key, n >= least, "%d is out of range, must be at least %d", n, least)
}

func (k *checker) number(key string, x float64, s span) {
	k.check(key, s.contains(x), "%v is out of range, must be %v", x, s)
}

func (k *checker) pair(key string, p [2]float64, s span) {
	k.number(key, p[0], s)
	k.number(key, p[1], s)
	k.check(key, p[0] <= p[1], "[%v, %v] has its smaller number last", p[0], p[1])
}

func (k *checker) oneOf(key, value string, allowed []string) {
	if slices.Contains(allowed, value) {
		return
	}
	hint := ""
	if n := Nearest(value, allowed); n != "" {
		hint = fmt.Sprintf(", did you mean %q?", n)
	}
	k.check(key, false, "%q is not one of %s%s", value, strings.Join(allowed, ", "), hint)
}
