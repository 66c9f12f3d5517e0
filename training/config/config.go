package config

// Config is everything that decides a run. Field tags are the keys in the file.
type Config struct {
	Name string `toml:"name"` // run folder: Output.Dir/Name
	Seed int64  `toml:"seed"`

	Data      Data      `toml:"data"`
	Model     Model     `toml:"model"`
	Augment   Augment   `toml:"augment"`
	Optimizer Optimizer `toml:"optimizer"`
	Schedule  Schedule  `toml:"schedule"`
	Training  Training  `toml:"training"`
	Runtime   Runtime   `toml:"runtime"`
	Output    Output    `toml:"output"`
}

// Data says where the images are and how one becomes a tensor.
type Data struct {
	Dir        string     `toml:"dir"`        // holds train, val and test
	Size       int        `toml:"size"`       // pixels, side of the square input
	Workers    int        `toml:"workers"`    // goroutines; 0: one a core
	CropPct    float64    `toml:"crop_pct"`   // 0: by size, see data.CropFraction
	Unreadable string     `toml:"unreadable"` // one of Unreadables
	Mean       [3]float64 `toml:"mean"`       // of R, G, B in [0, 1]
	Std        [3]float64 `toml:"std"`
}

// Model is the Vision Transformer. Width, Depth, Heads and Patch are 0 where
// Arch decides; Dimensions gives the numbers that hold.
type Model struct {
	Arch        string  `toml:"arch"`
	Width       int     `toml:"width"`
	Depth       int     `toml:"depth"`
	Heads       int     `toml:"heads"`
	Patch       int     `toml:"patch"` // pixels
	Pool        string  `toml:"pool"`  // one of Pools
	FCNormTwice bool    `toml:"fc_norm_twice"`
	DropPath    float64 `toml:"drop_path"` // rate of the last block
}

// Augment changes training images and targets at random.
type Augment struct {
	CropScale      [2]float64 `toml:"crop_scale"` // share of the image's area
	CropRatio      [2]float64 `toml:"crop_ratio"` // width / height
	HorizontalFlip float64    `toml:"horizontal_flip"`
	VerticalFlip   float64    `toml:"vertical_flip"`
	QuarterTurns   bool       `toml:"quarter_turns"`
	Shift          float64    `toml:"shift"` // largest, as a share of the side
	Smoothing      float64    `toml:"smoothing"`
}

// Optimizer is AdamW with layer-wise decay of the rate. Exactly one of LR and
// BLR is above 0; Config.LearningRate gives the rate that holds.
type Optimizer struct {
	LR          float64 `toml:"lr"`
	BLR         float64 `toml:"blr"` // per 256 images
	WeightDecay float64 `toml:"weight_decay"`
	LayerDecay  float64 `toml:"layer_decay"` // 1: one rate for all layers
	Clip        float64 `toml:"clip"`        // largest gradient norm; 0: none
	Beta1       float64 `toml:"beta1"`
	Beta2       float64 `toml:"beta2"`
	Eps         float64 `toml:"eps"`
}

// Schedule is a linear warm-up and a half cosine, counted in epochs.
type Schedule struct {
	Epochs int     `toml:"epochs"`
	Warmup int     `toml:"warmup"`
	MinLR  float64 `toml:"min_lr"`
}

// Training is how a step is made.
type Training struct {
	Batch      int    `toml:"batch"`
	Accumulate int    `toml:"accumulate"` // batches an optimizer step
	Precision  string `toml:"precision"`  // one of Precisions
	MaxSteps   int    `toml:"max_steps"`  // optimizer steps; 0: all epochs
}

// Runtime is ONNX Runtime and what it runs on.
type Runtime struct {
	Provider string `toml:"provider"` // one of Providers
	Threads  int    `toml:"threads"`  // 0: one a core
	Library  string `toml:"library"`  // "": searched for
}

// Output is where a run is written.
type Output struct {
	Dir string `toml:"dir"`
}

// Defaults returns the config of an empty file. It lacks what has no default,
// name and data.dir, and is RETFound's fine-tuning recipe for the rest.
func Defaults() *Config {
	return &Config{
		Data: Data{
			Size:       224,
			Unreadable: "error",
			Mean:       [3]float64{0.485, 0.456, 0.406},
			Std:        [3]float64{0.229, 0.224, 0.225},
		},
		Model: Model{Arch: "vit_large_patch16", Pool: "mean", DropPath: 0.2},
		Augment: Augment{
			CropScale:      [2]float64{0.08, 1},
			CropRatio:      [2]float64{0.75, 1.3333333333333333},
			HorizontalFlip: 0.5,
		},
		Optimizer: Optimizer{
			LR:          5e-4,
			WeightDecay: 0.05,
			LayerDecay:  0.65,
			Beta1:       0.9,
			Beta2:       0.999,
			Eps:         1e-8,
		},
		Schedule: Schedule{Epochs: 50, Warmup: 10, MinLR: 1e-6},
		Training: Training{Batch: 16, Accumulate: 1, Precision: "auto"},
		Runtime:  Runtime{Provider: "auto"},
		Output:   Output{Dir: "runs"},
	}
}
