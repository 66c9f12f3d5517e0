package config

// Recipes are the sets of defaults that the key recipe chooses from. Fovea's
// follows RETFound's paper and does what the names of the settings promise;
// RETFound's repeats the behaviour of its code of 2025, quirks included
// (main_finetune.py, engine_finetune.py), so that a run can be compared with one
// made there. A key that is set holds in both.
var Recipes = []string{"fovea", "retfound"}

// Defaults returns the config of an empty file. It lacks what has no default,
// name and data.dir, and is RETFound's fine-tuning recipe for the rest.
func Defaults() *Config {
	return &Config{
		Recipe: "fovea",
		Data: Data{
			Size:       224,
			Unreadable: "error",
			Mean:       [3]float64{0.485, 0.456, 0.406},
			Std:        [3]float64{0.229, 0.224, 0.225},
			Ratio:      1,
			Sampling:   "shuffle",
			Order:      "seed",
			Numbering:  "shared",
		},
		Model: Model{Arch: "vit_large_patch16", DropPath: 0.2, Adaptation: "finetune"},
		Augment: Augment{
			CropScale:      [2]float64{0.08, 1},
			CropRatio:      [2]float64{0.75, 1.3333333333333333},
			HorizontalFlip: 0.5,
			Policy:         "rand-m9-mstd0.5-inc1",
			Erase:          0.25,
			EraseMode:      "pixel",
			EraseCount:     1,
			MixProbability: 1,
			MixSwitch:      0.5,
			MixMode:        "batch",
			SmoothUnmixed:  true,
		},
		Loss: Loss{ClassWeights: "none"},
		Optimizer: Optimizer{
			LR:          5e-4,
			WeightDecay: 0.05,
			LayerDecay:  0.65,
			Layers:      12,
			Beta1:       0.9,
			Beta2:       0.999,
			Eps:         1e-8,
		},
		Schedule:   Schedule{Epochs: 50, Warmup: 10, MinLR: 1e-6},
		Training:   Training{Batch: 16, Accumulate: 1, Precision: "auto", Nonfinite: "stop", Recompute: "none"},
		Evaluation: Evaluation{Select: "score", Loss: "images", Probabilities: "fp32", AbsentClass: "warn"},
		Runtime:    Runtime{Provider: "auto"},
		Output:     Output{Dir: "runs"},
	}
}

// likeRETFound changes defaults to what RETFound's code does where the two
// differ. fc_norm_twice gives way to a pool without an fc_norm and order to balanced
// sampling, see reader.config.
func (c *Config) likeRETFound() {
	c.Recipe = "retfound"
	c.Data.Order = "retfound"
	c.Data.Numbering = "split"
	c.Model.FCNormTwice = true
	c.Augment.Smoothing = 0.1
	c.Augment.SmoothUnmixed = false
	c.Optimizer.LR, c.Optimizer.BLR = 0, 5e-3
	c.Training.Nonfinite = "skip"
	c.Evaluation.Loss = "batches"
	c.Evaluation.Probabilities = "fp16"
	c.Evaluation.AbsentClass = "error"
}
