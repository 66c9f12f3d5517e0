package config

import "fovea/graphs/vit"

// The values that the keys of these names allow.
var (
	Unreadables = []string{"error", "skip"}
	Pools       = []string{"mean", "cls"}
	Precisions  = []string{"auto", "fp32", "tf32", "bf16", "fp16"}
	Providers   = []string{"auto", "cpu", "cuda"}

	Samplings   = []string{"shuffle", "balanced"}
	Orders      = []string{"seed", "retfound", "retfound_fixed"}
	Numberings  = []string{"shared", "split"}
	Adaptations = []string{"finetune", "linear_probe"}
	EraseModes  = []string{"pixel", "rand", "const"}
	MixModes    = []string{"batch", "pair", "elem"}

	ClassWeightings  = []string{"none", "balanced"}
	Nonfinites       = []string{"stop", "skip"}
	Recomputes       = []string{"none", "full"}
	Selections       = []string{"score", "roc_auc"}
	LossMeans        = []string{"images", "batches"}
	ProbabilityTypes = []string{"fp32", "fp16"}
	AbsentClasses    = []string{"warn", "error"}
)

// Dimensions returns what Arch decides, with what is set beside it in its
// place. For an Arch that is not known, which Validate refuses, the rest is 0.
func (m Model) Dimensions() vit.Dimensions {
	return vit.Architecture(m.Arch).With(vit.Dimensions{Patch: m.Patch, Width: m.Width, Depth: m.Depth, Heads: m.Heads,
		Pool: vit.Pool(m.Pool)})
}

// LearningRate returns the peak rate of the head: LR, or BLR for each 256 images
// of an optimizer step (main_finetune.py of RETFound), which is 0 while
// Training.Batch is Auto.
func (c *Config) LearningRate() float64 {
	if c.Optimizer.BLR > 0 {
		return c.Optimizer.BLR * float64(c.Training.Batch*c.Training.Accumulate) / 256
	}
	return c.Optimizer.LR
}

// Mixes tells whether images of a batch are mixed (timm's mixup_active).
func (a Augment) Mixes() bool { return a.Mixup > 0 || a.CutMix > 0 || a.CutMixMinMax[1] > 0 }
