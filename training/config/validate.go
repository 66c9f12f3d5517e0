package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"fovea/data/augment"
	"fovea/data/labels"
	"fovea/data/splits"
	"fovea/evaluation"
	"fovea/evaluation/operating"
	"fovea/graphs/vit"
)

// Validate returns nil or an Error, joined with others, for each value that is not allowed. It looks at no file:
// data.dir may still be missing.
func (c *Config) Validate() error {
	var errs []error
	for _, p := range c.problems() {
		errs = append(errs, p)
	}
	return errors.Join(errs...)
}

// problems returns at most one problem for each key: first values that the tags of Config exclude, then values that
// exclude one another.
func (c *Config) problems() []*Error {
	var k checker
	for _, key := range keys {
		k.checkTags(key, key.field(c))
	}
	k.check("name", isFolderName(c.Name), "%q is no plain folder name", c.Name)
	k.check("seed", c.Seed >= 0, "%d is below 0", c.Seed)
	k.check("data.dir", c.Data.Dir != "", "is not set: name the folder that holds train, val and test")
	c.Data.checkLabels(&k)
	k.check("output.dir", c.Output.Dir != "", "is empty: name a folder")
	k.check("data.order", c.Data.Sampling != "balanced" || c.Data.Order == "seed",
		"is %q, but data.sampling = \"balanced\" draws from the seed: set it to \"seed\"", c.Data.Order)
	k.check("loss.class_weights", c.Loss.ClassWeights != "balanced" || c.Data.Sampling != "balanced",
		"is \"balanced\" beside data.sampling = \"balanced\": either alone makes up for the classes' sizes, set one back")
	c.Augment.check(&k, c.Training.Batch)
	c.Optimizer.check(&k)
	c.Model.checkWeights(&k)
	if c.Model.ONNX != "" {
		c.Model.checkONNX(&k)
	} else {
		c.checkTransformer(&k)
	}
	c.checkAdaptation(&k)
	k.check("schedule.warmup", c.Schedule.Warmup <= c.Schedule.Epochs,
		"%d epochs are more than schedule.epochs, %d", c.Schedule.Warmup, c.Schedule.Epochs)
	if rate := c.LearningRate(); rate > 0 {
		k.check("schedule.min_lr", !(c.Schedule.MinLR > rate), "%v is above the learning rate, %v", c.Schedule.MinLR, rate)
	}
	_, err := evaluation.ParseGroupings(c.Evaluation.By)
	k.check("evaluation.by", err == nil, "%v", err)
	for _, text := range c.Evaluation.OperatingPoints {
		_, err := operating.ParseRule(text)
		k.check("evaluation.operating_points", err == nil, "%v", err)
	}
	k.check("evaluation.cut", c.Evaluation.Cut == "" || len(c.Evaluation.OperatingPoints) > 0,
		"has no effect without evaluation.operating_points")
	k.check("runtime.cuda_graph", !c.Runtime.CUDAGraph || c.Runtime.Provider != "cpu",
		"has no effect beside runtime.provider = \"cpu\": set it to false")
	c.Runtime.checkDevices(&k)
	return k.found
}

// checkLabels refuses keys of a table of labels that contradict one another, or have no effect.
func (d Data) checkLabels(k *checker) {
	_, err := labels.ParseColumns(d.Columns)
	k.check("data.columns", err == nil, "%v", err)
	k.check("data.columns", d.Columns == nil || d.Labels != "" && d.Labels != LabelsFromFolders,
		"names columns of data.labels, which is no table: set it to one")
	if err := splits.Shares(d.Split).Check(); err != nil {
		k.check("data.split", false, "%v", err)
	}
	k.check("data.numbering", d.Labels == "" || d.Numbering == "shared",
		"is %q, but the splits of data.labels have the same classes: set it to \"shared\"", d.Numbering)
	k.check("data.positive", d.Classes == nil || d.Positive == "",
		"is set beside data.classes, whose second class is positive: leave one of them out")
}

// checkTransformer checks the Vision Transformer that the config describes, with what depends on its size.
func (c *Config) checkTransformer(k *checker) {
	m, d := c.Model, c.Model.Dimensions()
	k.check("model.head", m.Head == "", "is %q, but without model.onnx the head is known: set it to \"\"", m.Head)
	k.check("optimizer.layer_pattern", c.Optimizer.LayerPattern == "",
		"is set without model.onnx: a Vision Transformer's layers are its blocks, set it to \"\"")
	k.oneOf("model.arch", m.Arch, vit.Architectures())
	if m.Pool != "" {
		k.oneOf("model.pool", m.Pool, vit.Pools())
	}
	k.check("model.fc_norm_twice", !m.FCNormTwice || d.Pool == vit.Mean || d.Pool == "",
		"is set, but the pool is %q: there is an fc_norm only with model.pool = \"mean\"", d.Pool)
	k.check("model.pool", d.Pool != vit.LastFour || d.Depth >= 4, "is %q, which needs four blocks, not %d", d.Pool, d.Depth)
	if d.Depth > 0 {
		k.check("model.freeze", m.Freeze <= d.Depth+1,
			"%d is above %d, the embeddings and all %d blocks", m.Freeze, d.Depth+1, d.Depth)
	}
	if d.Heads > 0 && d.Width > 0 {
		k.check("model.heads", d.Width%d.Heads == 0, "%d heads do not divide the width %d of the model", d.Heads, d.Width)
	}
	if d.Patch > 0 && c.Data.Size > 0 {
		k.check("data.size", c.Data.Size%d.Patch == 0,
			"%d is not a multiple of the patch size %d (model.patch)", c.Data.Size, d.Patch)
	}
}

// checkWeights refuses keys without an effect where no weights are loaded.
func (m Model) checkWeights(k *checker) {
	const needless = "has no effect without model.weights: leave it out"
	k.check("model.weights_from", m.WeightsFrom == "" || m.Weights != "", needless)
	k.check("model.keep_head", !m.KeepHead || m.Weights != "", needless)
}

// checkONNX refuses keys that describe a Vision Transformer, or its weights, beside model.onnx.
func (m Model) checkONNX(k *checker) {
	for _, key := range []struct {
		name  string
		isSet bool
	}{
		{"arch", m.Arch != ""}, {"width", m.Width != 0}, {"depth", m.Depth != 0}, {"heads", m.Heads != 0},
		{"patch", m.Patch != 0}, {"pool", m.Pool != ""}, {"fc_norm_twice", m.FCNormTwice}, {"drop_path", m.DropPath != 0},
	} {
		k.check("model."+key.name, !key.isSet, "describes the model that is built without model.onnx: leave it out")
	}
	k.check("model.weights", m.Weights == "", "is set beside model.onnx, which brings its own weights: set it to \"\"")
}

// checkAdaptation refuses keys without an effect where a part of the model is trained.
func (c *Config) checkAdaptation(k *checker) {
	m := c.Model
	if m.Adaptation == "finetune" {
		return
	}
	const choosesPart = "is set beside model.adaptation = %q, which chooses what is trained: set it to "
	k.check("model.freeze", m.Freeze == 0, choosesPart+"0", m.Adaptation)
	k.check("model.trainable", m.Trainable == "", choosesPart+"\"\"", m.Adaptation)
	switch m.Adaptation {
	case "linear_probe":
		c.checkLinearProbe(k)
	case "lora":
		k.check("model.lora_rank", m.LoRARank > 0, "is 0, but model.adaptation is \"lora\": set it to 8, for example")
		k.check("model.lora_alpha", m.LoRAAlpha > 0, "is 0, so adapters would do nothing: set it to 16, for example")
		k.check("model.lora_targets", len(m.LoRATargets) > 0, "is empty: name linear layers, such as \"attn.qkv\"")
	case "last_blocks":
		k.check("model.last_blocks", m.LastBlocks > 0, "is 0: set it to the number of blocks to train, or choose "+
			"model.adaptation = \"lp\"")
		depth := m.Dimensions().Depth
		k.check("model.last_blocks", m.ONNX != "" || m.LastBlocks <= depth, "%d is above the %d blocks of the model",
			m.LastBlocks, depth)
	case "attentive_probe":
		k.check("model.pool", m.ONNX == "" && m.Dimensions().Pool == vit.Attention,
			"has nothing to train for model.adaptation = \"attentive_probe\": set it to %q, of a built-in model",
			vit.Attention)
	}
}

// checkLinearProbe refuses keys without an effect where the head is trained on features that are computed once.
func (c *Config) checkLinearProbe(k *checker) {
	k.check("model.teacher", c.Model.Teacher == "", "is set beside model.adaptation = \"linear_probe\", which has no images "+
		"to show it: choose \"lp\"")
	k.check("model.adaptation", !c.Augment.Mixes(),
		"is \"linear_probe\", which trains on features: augment.mixup and cutmix have no effect, set them to 0")
	k.check("training.recompute", c.Training.Recompute == "none",
		"has no effect beside model.adaptation = \"linear_probe\", whose features are computed once: set it to \"none\"")
}

func (a Augment) check(k *checker, batch int) {
	_, err := augment.Parse(a.Policy)
	k.check("augment.policy", err == nil, "%v", err)
	k.check("augment.color_jitter", a.ColorJitter == 0 || a.Policy == "",
		"has no effect beside augment.policy: set that to \"\", or this to 0")
	k.check("training.batch", !a.Mixes() || batch%2 == 0,
		"%d is odd, but mixup and cutmix pair the images of a batch", batch)
}

func (o Optimizer) check(k *checker) {
	k.check("optimizer.lr", o.LR != 0 || o.BLR != 0, "is 0, and so is optimizer.blr: set one of them")
	k.check("optimizer.blr", !(o.LR > 0 && o.BLR > 0),
		"%v is set beside optimizer.lr, %v: set one of them, the other to 0", o.BLR, o.LR)
	_, err := regexp.Compile(o.LayerPattern)
	k.check("optimizer.layer_pattern", err == nil, "%v", err)
}

// isFolderName reports whether name is one part of a path on every system.
func isFolderName(name string) bool {
	return name != "" && name != "." && filepath.IsLocal(name) && !strings.ContainsAny(name, "/\\:") &&
		!strings.ContainsFunc(name, func(r rune) bool { return r < ' ' })
}

// A checker gathers what is wrong, the first problem of each key.
type checker struct{ found []*Error }

func (k *checker) check(key string, ok bool, format string, args ...any) {
	if ok || slices.ContainsFunc(k.found, func(e *Error) bool { return e.Key == key }) {
		return
	}
	k.found = append(k.found, &Error{Key: key, Err: fmt.Errorf(format, args...)})
}

// checkTags checks a value against the choices and the range of its key.
func (k *checker) checkTags(key key, value reflect.Value) {
	if choices := key.choices(); choices != nil {
		k.oneOf(key.name, value.String(), choices)
	}
	text, limited := key.Tag.Lookup("range")
	if !limited || key.mayBeAuto() && value.Int() == Auto {
		return
	}
	limits := parseInterval(text)
	expected := limits.String()
	if key.mayBeAuto() {
		expected += "," + key.alternative()
	}
	for _, number := range numbers(value) {
		inside := limits.contains(number.Convert(reflect.TypeFor[float64]()).Float())
		k.check(key.name, inside, "%v is out of range, must be %s", number, expected)
	}
	if pair, isPair := value.Interface().([2]float64); isPair {
		k.check(key.name, pair[0] <= pair[1], "[%v, %v] has its smaller number last", pair[0], pair[1])
	}
}

// numbers returns the elements of an array, or the value itself.
func numbers(value reflect.Value) []reflect.Value {
	if value.Kind() != reflect.Array {
		return []reflect.Value{value}
	}
	var list []reflect.Value
	for i := range value.Len() {
		list = append(list, value.Index(i))
	}
	return list
}

func (k *checker) oneOf(key, value string, allowed []string) {
	hint := ""
	if n := Nearest(value, allowed); n != "" {
		hint = fmt.Sprintf(", did you mean %q?", n)
	}
	k.check(key, slices.Contains(allowed, value), "%q is not one of %s%s", value, strings.Join(allowed, ", "), hint)
}
