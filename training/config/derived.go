package config

import "fovea/graphs/vit"

// Dimensions returns what Arch decides, with what is set beside it in its place. For an Arch that is not known, which
// Validate refuses, the rest is 0.
func (m Model) Dimensions() vit.Dimensions {
	set := vit.Dimensions{Patch: m.Patch, Width: m.Width, Depth: m.Depth, Heads: m.Heads, Pool: vit.Pool(m.Pool)}
	return vit.Architecture(m.Arch).With(set)
}

// LearningRate returns the peak rate of the head: LR, or BLR for each 256 images of an optimizer step (main_finetune.py
// of RETFound), which is 0 while Training.Batch is Auto.
func (c *Config) LearningRate() float64 {
	if c.Optimizer.BLR > 0 {
		return c.Optimizer.BLR * float64(c.Training.Batch*c.Training.Accumulate) / 256
	}
	return c.Optimizer.LR
}

// Mixes reports whether images of a batch are mixed (timm's mixup_active).
func (a Augment) Mixes() bool { return a.Mixup > 0 || a.CutMix > 0 || a.CutMixMinMax[1] > 0 }
