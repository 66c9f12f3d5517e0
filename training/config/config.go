package config

// Config is everything that decides a run. Field tags are the keys in the file.
type Config struct {
	Name   string `toml:"name"` // run folder: Output.Dir/Name
	Seed   int64  `toml:"seed"`
	Recipe string `toml:"recipe"` // one of Recipes: the defaults of the rest

	Data       Data       `toml:"data"`
	Model      Model      `toml:"model"`
	Augment    Augment    `toml:"augment"`
	Loss       Loss       `toml:"loss"`
	Optimizer  Optimizer  `toml:"optimizer"`
	Schedule   Schedule   `toml:"schedule"`
	Training   Training   `toml:"training"`
	Evaluation Evaluation `toml:"evaluation"`
	Runtime    Runtime    `toml:"runtime"`
	Output     Output     `toml:"output"`
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

	Ratio      float64 `toml:"ratio"`      // share of train that is used
	Stratified bool    `toml:"stratified"` // Ratio of each class, not of all
	Sampling   string  `toml:"sampling"`   // one of Samplings
	Order      string  `toml:"order"`      // one of Orders
	Numbering  string  `toml:"numbering"`  // of classes, one of Numberings
	Cache      string  `toml:"cache"`      // folder of decoded images; "": none
	CacheSide  int     `toml:"cache_side"` // pixels, longest shorter side in it; 0: twice Size, at least 512
}

// Model is the Vision Transformer, or the classifier in the file ONNX. Width,
// Depth, Heads and Patch are 0, and Pool is empty, where Arch decides; Dimensions
// gives what holds.
type Model struct {
	Arch        string  `toml:"arch"`
	Width       int     `toml:"width"`
	Depth       int     `toml:"depth"`
	Heads       int     `toml:"heads"`
	Patch       int     `toml:"patch"` // pixels
	Pool        string  `toml:"pool"`  // one of Pools, or ""
	FCNormTwice bool    `toml:"fc_norm_twice"`
	DropPath    float64 `toml:"drop_path"` // rate of the last block

	ONNX      string `toml:"onnx"`      // a model file; "": the Vision Transformer
	Head      string `toml:"head"`      // of ONNX: the layer to replace, or the value that a new one reads; "": the last
	Trainable string `toml:"trainable"` // patterns of parameters, see configs/README.md; "": all

	Weights      string `toml:"weights"`       // file, or a name in the hub's cache; "": random
	AllowMissing bool   `toml:"allow_missing"` // parameters that Weights lacks stay random
	Adaptation   string `toml:"adaptation"`    // one of Adaptations
	Freeze       int    `toml:"freeze"`        // layers that are not trained: 1: embeddings, 1+n: and n blocks
}

// Augment changes training images and targets at random.
type Augment struct {
	CropScale      [2]float64 `toml:"crop_scale"` // share of the image's area
	CropRatio      [2]float64 `toml:"crop_ratio"` // width / height
	HorizontalFlip float64    `toml:"horizontal_flip"`
	VerticalFlip   float64    `toml:"vertical_flip"`
	QuarterTurns   bool       `toml:"quarter_turns"`
	Shift          float64    `toml:"shift"` // largest, as a share of the side

	Policy      string  `toml:"policy"`       // see augment.Parse; "": none
	ColorJitter float64 `toml:"color_jitter"` // strength, without Policy
	Erase       float64 `toml:"erase"`        // probability
	EraseMode   string  `toml:"erase_mode"`   // one of EraseModes
	EraseCount  int     `toml:"erase_count"`  // most boxes an image

	Mixup          float64    `toml:"mixup"`  // alpha of the Beta distribution; 0: off
	CutMix         float64    `toml:"cutmix"` // likewise
	CutMixMinMax   [2]float64 `toml:"cutmix_minmax"`
	MixProbability float64    `toml:"mix_probability"`
	MixSwitch      float64    `toml:"mix_switch"` // probability of CutMix where both are on
	MixMode        string     `toml:"mix_mode"`   // one of MixModes

	Smoothing     float64 `toml:"smoothing"`
	SmoothUnmixed bool    `toml:"smooth_unmixed"` // Smoothing without Mixup and CutMix too
}

// Loss is what training minimises beside plain cross-entropy.
type Loss struct {
	ClassWeights string  `toml:"class_weights"` // one of ClassWeightings
	Focal        float64 `toml:"focal"`         // gamma; 0: cross-entropy
}

// Evaluation is how an epoch is judged.
type Evaluation struct {
	Select        string `toml:"select"`        // metric of the best epoch, one of Selections
	Loss          string `toml:"loss"`          // mean over one of LossMeans
	Probabilities string `toml:"probabilities"` // one of ProbabilityTypes
	AbsentClass   string `toml:"absent_class"`  // one of AbsentClasses
}

// Optimizer is AdamW with layer-wise decay of the rate. Exactly one of LR and
// BLR is above 0; Config.LearningRate gives the rate that holds.
type Optimizer struct {
	LR          float64 `toml:"lr"`
	BLR         float64 `toml:"blr"` // per 256 images
	WeightDecay float64 `toml:"weight_decay"`
	LayerDecay  float64 `toml:"layer_decay"` // 1: one rate for all layers

	Layers       int    `toml:"layers"`        // parts of equal depth that an ONNX model is divided into
	LayerPattern string `toml:"layer_pattern"` // regular expression for its parameters; "": by depth

	Clip  float64 `toml:"clip"` // largest gradient norm; 0: none
	Beta1 float64 `toml:"beta1"`
	Beta2 float64 `toml:"beta2"`
	Eps   float64 `toml:"eps"`
}

// Schedule is a linear warm-up and a half cosine, counted in epochs.
type Schedule struct {
	Epochs int     `toml:"epochs"`
	Warmup int     `toml:"warmup"`
	MinLR  float64 `toml:"min_lr"`
}

// Auto is the value of an integer that a run chooses, "auto" in a file. The
// fields that may have it have the tag auto.
const Auto = 0

// Training is how a step is made.
type Training struct {
	Batch      int    `toml:"batch" auto:""` // images; Auto: the run chooses
	Accumulate int    `toml:"accumulate"`    // batches an optimizer step
	Precision  string `toml:"precision"`     // one of Precisions
	MaxSteps   int    `toml:"max_steps"`     // optimizer steps; 0: all epochs

	EMA       float64 `toml:"ema"`       // decay of the parameters' moving average; 0: none
	Nonfinite string  `toml:"nonfinite"` // one of Nonfinites
	Recompute string  `toml:"recompute"` // activations in the backward pass, one of Recomputes
}

// Runtime is ONNX Runtime and what it runs on.
type Runtime struct {
	Provider string `toml:"provider"` // one of Providers
	Threads  int    `toml:"threads"`  // 0: one a core
	Library  string `toml:"library"`  // "": searched for

	CUDAGraph bool `toml:"cuda_graph"` // a training step is recorded once and replayed
}

// Output is where a run is written.
type Output struct {
	Dir string `toml:"dir"`
}
