package account

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"fovea/internal/numbers"
	"fovea/internal/runfiles"
	"fovea/training/config"
)

func (f *folder) kind(w *writer) {
	m := f.config.Model
	what := fmt.Sprintf("a Vision Transformer (%s)", archName(m))
	if m.ONNX != "" {
		what = "the network of the file " + filepath.Base(m.ONNX)
	}
	how := "all of it is trained"
	if part := partTrained(m); part != "" {
		how = "only " + part + " trained"
	} else if m.Freeze > 0 || m.Trainable != "" {
		how = "a part of it is trained"
	}
	w.say(keys("model.arch", "model.onnx", "model.adaptation"), "Deep learning: %s that classifies images; %s.", what, how)
}

// partTrained returns the part that model.adaptation trains, with its verb; "" in fine-tuning.
func partTrained(m config.Model) string {
	return map[string]string{
		"linear_probe":    "its last layer is",
		"lp":              "its last layer is",
		"lora":            fmt.Sprintf("LoRA adapters of rank %d and its last layer are", m.LoRARank),
		"bitfit":          "its biases and its last layer are",
		"last_blocks":     fmt.Sprintf("its %d highest blocks and its last layer are", m.LastBlocks),
		"attentive_probe": "its attention pool and its last layer are",
	}[m.Adaptation]
}

func (f *folder) predictors(w *writer) {
	w.say([]string{inModel + "images"}, "The image is the only input: the model is given neither the label nor clinical "+
		"information.")
}

func (f *folder) task(w *writer) {
	w.say([]string{inModel + "fovea.classes"}, "Each image has one of %d classes: %s.", len(f.model.Classes),
		names(f.model.Classes))
	for _, class := range f.model.Classes {
		if parts := f.model.Merged[class]; len(parts) > 0 && !slices.Equal(parts, []string{class}) {
			w.say([]string{inModel + "fovea.merged_classes"}, "%s stands for %s.", class, names(parts))
		}
	}
	if len(f.model.Classes) == 2 {
		w.say([]string{inModel + "fovea.positive"}, "The model looks for %s.", f.positive())
	}
	if m, err := f.model.Meaning(); err == nil && m.Ordered {
		w.say([]string{inModel + "fovea.grades"}, "They are grades, in the order %s.", strings.Join(m.Classes, ", "))
	}
}

// positive returns the class of two that the model looks for.
func (f *folder) positive() string {
	m, err := f.model.Meaning()
	if err != nil {
		return f.model.Classes[1]
	}
	return m.Classes[1]
}

// archName returns model.arch, and whether other keys change it.
func archName(m config.Model) string {
	if m.Patch+m.Width+m.Depth+m.Heads > 0 {
		return m.Arch + " with other dimensions"
	}
	return m.Arch
}

// ordered reports whether the classes are grades.
func (f *folder) ordered() bool {
	if f.model == nil {
		return false
	}
	m, err := f.model.Meaning()
	return err == nil && m.Ordered
}

func (f *folder) preparation(w *writer) {
	d := f.model
	w.say([]string{inModel + "fovea.resize, fovea.image_size, fovea.crop_fraction, fovea.mean, fovea.std"},
		"Images are read as RGB and resized (antialiased bicubic) so that their centre of %d by %d pixels is %.4g of the "+
			"shorter side. That centre is scaled to [0, 1]; the mean %.4g is subtracted and the result divided by %.4g, by "+
			"channel.",
		d.Size, d.Size, d.Crop, d.Mean, d.Std)
	if d.White != 0 {
		w.say([]string{inModel + "fovea.white_level"}, "White of 16-bit images is %d.", d.White)
	}
}

func (f *folder) augmentation(w *writer) {
	c, a := f.config, f.config.Augment
	if c.Model.Adaptation == "linear_probe" {
		w.say(keys("model.adaptation"), "There is no augmentation: the features of an image are computed once.")
		return
	}
	w.say(keys("augment.crop_scale", "augment.crop_ratio"), "A random part of each training image (%.3g to %.3g of its "+
		"area, sides %.3g to %.3g) is resized to %d by %d pixels.", a.CropScale[0], a.CropScale[1], a.CropRatio[0],
		a.CropRatio[1],
		c.Data.Size, c.Data.Size)
	for _, x := range []struct {
		on   bool
		key  string
		says string
	}{
		{a.HorizontalFlip > 0, "horizontal_flip", fmt.Sprintf("Flipped left to right with probability %g.",
			a.HorizontalFlip)},
		{a.VerticalFlip > 0, "vertical_flip", fmt.Sprintf("Flipped top to bottom with probability %g.", a.VerticalFlip)},
		{a.QuarterTurns, "quarter_turns", "Turned by a random number of quarter turns."},
		{a.Shift > 0, "shift", fmt.Sprintf("Shifted by up to %g of the side.", a.Shift)},
		{a.Policy != "", "policy", fmt.Sprintf("Changed by the policy %s.", a.Policy)},
		{a.Policy == "" && a.ColorJitter > 0, "color_jitter", fmt.Sprintf("Colours change by up to %g.", a.ColorJitter)},
		{a.Erase > 0, "erase", fmt.Sprintf("A random box is erased with probability %g.", a.Erase)},
		{a.Mixup > 0, "mixup", fmt.Sprintf("Mixup with alpha %g.", a.Mixup)},
		{a.CutMix > 0 || a.CutMixMinMax[1] > 0, "cutmix", fmt.Sprintf("CutMix with alpha %g.", a.CutMix)},
		{f.smooths(), "smoothing", fmt.Sprintf("Labels are smoothed by %g.", a.Smoothing)},
	} {
		if x.on {
			w.say(keys("augment."+x.key), "%s", x.says)
		}
	}
}

func (f *folder) smooths() bool {
	a := f.config.Augment
	return a.Smoothing > 0 && (a.SmoothUnmixed || a.Mixes())
}

func (f *folder) imbalance(w *writer) {
	c := f.config
	if c.Data.Sampling == "balanced" {
		w.say(keys("data.sampling"), "Training images are drawn so that all classes are equally frequent.")
	} else {
		w.say(keys("data.sampling"), "Training images are not resampled.")
	}
	if c.Loss.ClassWeights == "balanced" {
		w.say(keys("loss.class_weights"), "The loss of an image is weighted by the inverse frequency of its class.")
	} else {
		w.say(keys("loss.class_weights"), "Classes have the same weight in the loss.")
	}
	if c.Loss.Focal > 0 {
		w.say(keys("loss.focal"), "The loss is focal, with gamma %g.", c.Loss.Focal)
	}
	w.say(keys("loss.class_weights"), "Probabilities are not recalibrated.")
}

func (f *folder) architecture(w *writer) {
	m := f.config.Model
	if m.ONNX != "" {
		w.say(keys("model.onnx", "model.head"), "The network of %s, with a last layer for these classes.",
			filepath.Base(m.ONNX))
	} else {
		d := m.Dimensions()
		w.say(keys("model.arch", "model.width", "model.depth", "model.heads", "model.patch", "model.pool"),
			"%s: patches of %d pixels, %d blocks of width %d with %d heads; pooling: %s.", archName(m), d.Patch, d.Depth,
			d.Width,
			d.Heads, d.Pool)
	}
	if f.parameters > 0 {
		w.say([]string{inWeights}, "%s parameters.", numbers.Thousands(f.parameters))
	}
	if m.Trainable != "" {
		w.say(keys("model.trainable"), "Trained are the parameters %s.", m.Trainable)
	}
	if f.model != nil {
		w.say([]string{inModel + "images, logits, probabilities"}, "Input: an image of 3 by %d by %d numbers. Output: %d "+
			"logits and probabilities.",
			f.model.Size, f.model.Size, len(f.model.Classes))
	}
	if f.model != nil {
		w.say([]string{runfiles.Model}, "All layers and connections are in %s.", runfiles.Model)
	} else {
		w.lack(noModel)
	}
}

func (f *folder) initialization(w *writer) {
	m := f.config.Model
	switch {
	case m.Weights != "":
		w.say(keys("model.weights", "seed"), "The weights of %s; the last layer is drawn at random from seed %d.",
			filepath.Base(m.Weights), f.config.Seed)
	case m.ONNX != "":
		w.say(keys("model.onnx", "seed"), "The weights of %s; a new last layer is drawn at random from seed %d.",
			filepath.Base(m.ONNX),
			f.config.Seed)
	default:
		w.say(keys("model.weights", "seed"), "Random, from seed %d: there are no pre-trained weights.", f.config.Seed)
	}
	if part := partTrained(m); part != "" {
		w.say(keys("model.adaptation"), "Only %s trained.", part)
	}
	if m.Freeze > 0 {
		w.say(keys("model.freeze"), "The embedding and %d blocks keep their weights.", m.Freeze-1)
	}
}

func (f *folder) training(w *writer) {
	c := f.config
	o, s, t := c.Optimizer, c.Schedule, c.Training
	w.say(keys("optimizer.beta1", "optimizer.beta2", "optimizer.eps", "optimizer.weight_decay", "optimizer.layer_decay"),
		"AdamW (beta %g and %g, epsilon %g) with weight decay %g and layer decay %g.", o.Beta1, o.Beta2, o.Eps,
		o.WeightDecay, o.LayerDecay)
	if t := c.Model.Teacher; t != "" {
		w.say(keys("model.teacher", "loss.temperature", "loss.hard_weight"), "The model also learns from the scores of %s "+
			"(distillation with temperature %g; the labels have weight %g).", filepath.Base(t), c.Loss.Temperature,
			c.Loss.HardWeight)
	}
	rate := fmt.Sprintf("The learning rate begins at %.4g", c.LearningRate())
	if s.Warmup > 0 {
		rate = fmt.Sprintf("The learning rate rises to %.4g over %s", c.LearningRate(), count(s.Warmup, "epoch"))
	}
	w.say(keys("optimizer.lr", "optimizer.blr", "schedule.warmup", "schedule.min_lr"),
		"%s and falls as half a cosine to %.4g.", rate, s.MinLR)
	steps := fmt.Sprintf("%s, in batches of %s", count(s.Epochs, "epoch"), count(t.Batch, "image"))
	if t.Accumulate > 1 {
		steps += fmt.Sprintf(", %d batches a step", t.Accumulate)
	}
	w.say(keys("schedule.epochs", "training.batch", "training.accumulate"), "%s.", steps)
	loss := "cross-entropy"
	if c.Loss.Focal > 0 {
		loss = fmt.Sprintf("focal loss with gamma %g", c.Loss.Focal)
	}
	w.say(keys("loss.focal"), "The loss is the %s.", loss)
	for _, x := range []struct {
		on   bool
		key  string
		says string
	}{
		{t.MaxSteps > 0, "training.max_steps", fmt.Sprintf("Training ends after %d steps.", t.MaxSteps)},
		{o.Clip > 0, "optimizer.clip", fmt.Sprintf("Gradients are clipped to norm %g.", o.Clip)},
		{t.EMA > 0, "training.ema", fmt.Sprintf("The model is the moving average of the weights, with decay %g.", t.EMA)},
		{c.Model.ONNX == "" && c.Model.DropPath > 0, "model.drop_path", fmt.Sprintf("Drop path up to %g.", c.Model.DropPath)},
		{c.Data.Ratio < 1, "data.ratio", fmt.Sprintf("%g of the training images are used.", c.Data.Ratio)},
	} {
		if x.on {
			w.say(keys(x.key), "%s", x.says)
		}
	}
}

func (f *folder) selection(w *writer) {
	by := "the mean of macro F1, macro AUC and kappa"
	if f.config.Evaluation.Select == "roc_auc" {
		by = "the macro AUC"
	}
	w.say(keys("evaluation.select"), "The epoch with the best result on the validation set, by %s.", by)
	if f.model != nil && f.model.Epoch > 0 {
		w.say([]string{inModel + "fovea.best_epoch", runfiles.Metrics("val")}, "That is epoch %d of %d.", f.model.Epoch,
			f.config.Schedule.Epochs)
	}
	w.say(keys("evaluation.select"), "There is no other rule to stop, and the test set has no part in the selection.")
}

func (f *folder) ensemble(w *writer) {
	w.say([]string{runfiles.Model}, "None: one model answers, from one view of an image.")
}

// software tells with what the run computed, which is what hardware does not tell.
func (f *folder) software(w *writer) {
	f.sayFacts(w, "The versions of the software.", false)
}

func (f *folder) hardware(w *writer) {
	f.sayFacts(w, "The hardware.", true)
	if f.state != nil && f.state.Seconds > 0 {
		w.say([]string{inState + ": seconds"}, "The run took %s up to the test.", f.took())
	}
}

// sayFacts adds what the run noted of the machine or of the software.
func (f *folder) sayFacts(w *writer, missing string, ofMachine bool) {
	if f.state == nil || f.state.Facts == nil {
		w.lack("%s", missing)
		return
	}
	for _, x := range f.state.Facts {
		if slices.Contains([]string{"Processor", "GPU", "Computed on"}, x.Name) == ofMachine {
			w.say([]string{inState + ": facts"}, "%s: %s.", x.Name, x.Value)
		}
	}
}

// reproduction tells of files and seeds.
func (f *folder) reproduction(w *writer) {
	if f.model != nil {
		w.say([]string{runfiles.Model}, "%s holds the weights, the classes, the preparation of images and the config "+
			"of the run; any ONNX Runtime runs it.", runfiles.Model)
	}
	w.say([]string{runfiles.Config}, "trainer -config %s trains again.", runfiles.Config)
	seeds := fmt.Sprintf("%d for the training", f.config.Seed)
	where := keys("seed")
	if f.config.Data.Labels != "" {
		seeds += fmt.Sprintf(", %d for the splits", f.config.Data.SplitSeed)
		where = keys("seed", "data.split_seed")
	}
	if f.assessment != nil {
		seeds += fmt.Sprintf(", %d for the bootstrap", f.assessment.Seed)
		where = append(where, inMeasures+": seed")
	}
	w.say(where, "Seeds: %s.", seeds)
	if f.tested != nil {
		w.say([]string{inPredictions}, "%s holds the probabilities of each test image.", inPredictions)
	}
	if f.images != nil {
		w.say([]string{runfiles.Splits}, "%s says label and split of each image; data.labels takes it again.",
			runfiles.Splits)
	}
}
