package config

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

// Dimensions are the numbers of a Vision Transformer, and what else its arch decides.
type Dimensions struct {
	Patch, Width, Depth, Heads int

	Pool       string // one of Pools
	LayerScale bool   // a factor for each feature of a block's branches
}

// architectures are timm's names and numbers (vision_transformer.py), with the
// pool that RETFound gives them.
var architectures = []struct {
	name string
	Dimensions
}{
	{"vit_tiny_patch16", Dimensions{16, 192, 12, 3, "mean", false}},
	{"vit_small_patch16", Dimensions{16, 384, 12, 6, "mean", false}},
	{"vit_base_patch16", Dimensions{16, 768, 12, 12, "mean", false}},
	{"vit_large_patch16", Dimensions{16, 1024, 24, 16, "mean", false}},
	{"vit_small_patch14_dinov2", Dimensions{14, 384, 12, 6, "cls", true}},
	{"vit_base_patch14_dinov2", Dimensions{14, 768, 12, 12, "cls", true}},
	{"vit_large_patch14_dinov2", Dimensions{14, 1024, 24, 16, "cls", true}},
}

// Architectures returns the names that model.arch allows.
func Architectures() []string {
	var names []string
	for _, a := range architectures {
		names = append(names, a.name)
	}
	return names
}

// Dimensions returns what Arch decides, with what is set beside it in its
// place. For an Arch that is not known, which Validate refuses, the rest is 0.
func (m Model) Dimensions() Dimensions {
	var d Dimensions
	for _, a := range architectures {
		if a.name == m.Arch {
			d = a.Dimensions
		}
	}
	override := func(to *int, by int) {
		if by != 0 {
			*to = by
		}
	}
	override(&d.Patch, m.Patch)
	override(&d.Width, m.Width)
	override(&d.Depth, m.Depth)
	override(&d.Heads, m.Heads)
	if m.Pool != "" {
		d.Pool = m.Pool
	}
	return d
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
