package config

// A Config holds everything that decides a run. The tag toml of a field is its key in the file, choices lists the
// values that a string may have, and range gives the limits of a number or of each number of an array.
type Config struct {
	Name   string `toml:"name"` // of the run folder, Output.Dir/Name
	Seed   int64  `toml:"seed"`
	Recipe string `toml:"recipe" choices:"fovea retfound"` // chooses the defaults of the other keys

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

// Data names the images and says how one becomes a tensor.
type Data struct {
	Dir        string     `toml:"dir"`                             // holds train, val and test, or all images
	Size       int        `toml:"size" range:"[1, 16384]"`         // pixels, side of the square input
	Workers    int        `toml:"workers" range:"[0, inf)"`        // goroutines; 0: one per core
	CropPct    float64    `toml:"crop_pct" range:"[0, 1]"`         // 0: by size, see data.CropFraction
	Unreadable string     `toml:"unreadable" choices:"error skip"` // treatment of images that cannot be decoded
	Mean       [3]float64 `toml:"mean" range:"[0, 1]"`             // of R, G, B in [0, 1]
	Std        [3]float64 `toml:"std" range:"(0, inf)"`
	WhiteLevel int        `toml:"white_level" range:"[0, 65535]"` // of 16-bit images; 0: what the file says
	MaxPixels  int        `toml:"max_pixels" range:"[1, inf)"`    // of an image

	Labels    string     `toml:"labels"`               // table of labels; "folders": names of folders; "": splits of folders
	Columns   []string   `toml:"columns"`              // of Labels, see labels.ParseColumns
	Split     [3]float64 `toml:"split" range:"[0, 1]"` // shares of train, val and test, where Labels says no splits
	SplitSeed int        `toml:"split_seed" range:"[0, inf)"`
	Leakage   string     `toml:"leakage" choices:"auto error warn"` // treatment of images and patients in two splits

	Classes  []string `toml:"classes"`  // their order, see data.Regroup; nil: by their names
	Positive string   `toml:"positive"` // of two classes; "": by their names
	Ordered  string   `toml:"ordered" choices:"auto yes no"`

	Ratio      float64 `toml:"ratio" range:"(0, 1]"` // fraction of the training images to use
	Stratified bool    `toml:"stratified"`           // take Ratio of each class instead of all images together
	Sampling   string  `toml:"sampling" choices:"shuffle balanced"`
	Order      string  `toml:"order" choices:"seed retfound retfound_fixed"`
	Numbering  string  `toml:"numbering" choices:"shared split"` // of the classes
	Cache      string  `toml:"cache"`                            // folder of decoded images; "": none
	CacheSide  int     `toml:"cache_side" range:"[0, inf)"`      // pixels of the shorter side; 0: twice Size, at least 512
}

// LabelsFromFolders is the value of data.labels with which the folders of data.dir are the classes, and the splits are
// made.
const LabelsFromFolders = "folders"

// Model describes a Vision Transformer, or names an ONNX file that holds a classifier. A Width, Depth, Heads or Patch
// of 0 and an empty Pool leave the choice to Arch; the method Dimensions returns the result.
type Model struct {
	Arch        string  `toml:"arch"`                     // one of vit.Architectures
	Width       int     `toml:"width" range:"[0, 16384]"` // features of a token
	Depth       int     `toml:"depth" range:"[0, 1024]"`  // blocks
	Heads       int     `toml:"heads" range:"[0, inf)"`   // of attention
	Patch       int     `toml:"patch" range:"[0, inf)"`   // pixels
	Pool        string  `toml:"pool"`                     // a vit.Pool, or ""
	FCNormTwice bool    `toml:"fc_norm_twice"`            // applies the last LayerNorm twice
	DropPath    float64 `toml:"drop_path" range:"[0, 1)"` // probability at the last block

	ONNX      string `toml:"onnx"`      // a model file; "": the Vision Transformer
	Head      string `toml:"head"`      // of ONNX: the layer to replace, or what a new one reads; "": the last layer
	Trainable string `toml:"trainable"` // patterns of parameter names, see configs/README.md; "": all

	Weights      string   `toml:"weights"`                 // file, or a name in the hub's cache; "": random
	WeightsFrom  string   `toml:"weights_from"`            // where in Weights the model stands; "": see pretrained.New
	WeightsAllow []string `toml:"weights_allow"`           // patterns of what may be missing from Weights or left over in it
	KeepHead     bool     `toml:"keep_head"`               // takes the head from Weights too
	Freeze       int      `toml:"freeze" range:"[0, inf)"` // 1: embeddings are not trained; 1+n: nor are n blocks

	Adaptation  string   `toml:"adaptation" choices:"finetune linear_probe lp lora bitfit last_blocks attentive_probe"`
	LoRARank    int      `toml:"lora_rank" range:"[0, 1024]"`
	LoRAAlpha   float64  `toml:"lora_alpha" range:"[0, inf)"` // adapters are multiplied with LoRAAlpha/LoRARank
	LoRATargets []string `toml:"lora_targets"`                // see models.LoRA
	LastBlocks  int      `toml:"last_blocks" range:"[0, 1024]"`

	Teacher string `toml:"teacher"` // a finished model that the model learns from; "": none
}

// Augment changes training images and targets at random.
type Augment struct {
	CropScale      [2]float64 `toml:"crop_scale" range:"(0, 1]"`   // fraction of the image's area
	CropRatio      [2]float64 `toml:"crop_ratio" range:"(0, inf)"` // width / height
	HorizontalFlip float64    `toml:"horizontal_flip" range:"[0, 1]"`
	VerticalFlip   float64    `toml:"vertical_flip" range:"[0, 1]"`
	QuarterTurns   bool       `toml:"quarter_turns"`
	Shift          float64    `toml:"shift" range:"[0, 1)"` // largest, as a fraction of the side

	Policy      string  `toml:"policy"`                                // see augment.Parse; "": none
	ColorJitter float64 `toml:"color_jitter" range:"[0, inf)"`         // strength; only without Policy
	Erase       float64 `toml:"erase" range:"[0, 1]"`                  // probability
	EraseMode   string  `toml:"erase_mode" choices:"pixel rand const"` // the values put into an erased box
	EraseCount  int     `toml:"erase_count" range:"[1, inf)"`          // most boxes per image

	Mixup          float64    `toml:"mixup" range:"[0, inf)"`  // alpha of the Beta distribution; 0: off
	CutMix         float64    `toml:"cutmix" range:"[0, inf)"` // alpha of the Beta distribution; 0: off
	CutMixMinMax   [2]float64 `toml:"cutmix_minmax" range:"[0, 1]"`
	CutMixBox      string     `toml:"cutmix_box" choices:"timm_1.0 timm_0.9"` // whose rounding of the box
	MixProbability float64    `toml:"mix_probability" range:"[0, 1]"`
	MixSwitch      float64    `toml:"mix_switch" range:"[0, 1]"` // probability of CutMix where both are on
	MixMode        string     `toml:"mix_mode" choices:"batch pair elem"`

	Smoothing     float64 `toml:"smoothing" range:"[0, 1)"`
	SmoothUnmixed bool    `toml:"smooth_unmixed"` // applies Smoothing without Mixup and CutMix too
}

// Loss weighs the terms of the cross-entropy that training minimises.
type Loss struct {
	ClassWeights string  `toml:"class_weights" choices:"none balanced"`
	Focal        float64 `toml:"focal" range:"[0, inf)"` // gamma; 0: cross-entropy

	Temperature float64 `toml:"temperature" range:"(0, inf)"` // of the scores of Model.Teacher
	HardWeight  float64 `toml:"hard_weight" range:"[0, 1]"`   // of the loss of the targets beside a teacher's
}

// Evaluation says how an epoch is judged.
type Evaluation struct {
	Select        string `toml:"select" choices:"score roc_auc"` // metric of the best epoch
	Loss          string `toml:"loss" choices:"images batches"`  // what the validation loss is the mean over
	Probabilities string `toml:"probabilities" choices:"fp32 fp16"`
	AbsentClass   string `toml:"absent_class" choices:"warn error"`
	Axis          string `toml:"axis" choices:"epoch_1000x epoch"` // of the metrics in TensorBoard

	OperatingPoints []string `toml:"operating_points"`          // rules, see operating.ParseRule; the first is the default
	Cut             string   `toml:"cut"`                       // lowest grade that is positive; "": of two classes
	Prevalence      float64  `toml:"prevalence" range:"[0, 1)"` // of the people whom the model is for; 0: not stated

	By []string `toml:"by"` // attributes by which the test tells subgroups apart, see evaluation.ParseGroupings
}

// Optimizer describes AdamW with layer-wise decay of the rate. Exactly one of LR and BLR is above 0;
// Config.LearningRate returns the rate that they give.
type Optimizer struct {
	LR          float64 `toml:"lr" range:"[0, inf)"`
	BLR         float64 `toml:"blr" range:"[0, inf)"` // per 256 images
	WeightDecay float64 `toml:"weight_decay" range:"[0, inf)"`
	LayerDecay  float64 `toml:"layer_decay" range:"(0, 1]"` // 1: one rate for all layers

	Layers       int    `toml:"layers" range:"[1, inf)"` // parts of equal depth that an ONNX model is divided into
	LayerPattern string `toml:"layer_pattern"`           // regular expression for its parameters; "": by depth

	Clip  float64 `toml:"clip" range:"[0, inf)"` // largest gradient norm; 0: none
	Beta1 float64 `toml:"beta1" range:"[0, 1)"`
	Beta2 float64 `toml:"beta2" range:"[0, 1)"`
	Eps   float64 `toml:"eps" range:"[1e-37, inf)"` // less is 0 in float32, and 0/0 a NaN
}

// Schedule describes a linear warm-up and a half cosine, counted in epochs.
type Schedule struct {
	Epochs int     `toml:"epochs" range:"[1, inf)"`
	Warmup int     `toml:"warmup" range:"[0, inf)"`
	MinLR  float64 `toml:"min_lr" range:"[0, inf)"`
}

// Auto stands for an integer that a run chooses, "auto" in a file. The fields that may have it have the tag auto.
const Auto = 0

// Training says how a step is made.
type Training struct {
	Batch      int    `toml:"batch" range:"[1, inf)" auto:""` // images
	Accumulate int    `toml:"accumulate" range:"[1, inf)"`    // batches per optimizer step
	Precision  string `toml:"precision" choices:"auto fp32 tf32 bf16 fp16"`
	MaxSteps   int    `toml:"max_steps" range:"[0, inf)"` // optimizer steps; 0: all epochs

	EMA       float64 `toml:"ema" range:"[0, 1)"`            // decay of the parameters' moving average; 0: none
	Nonfinite string  `toml:"nonfinite" choices:"stop skip"` // treatment of a step that is not finite
	Recompute string  `toml:"recompute" choices:"none full"` // of activations in the backward pass
}

// Runtime chooses the ONNX Runtime library and what it runs on.
type Runtime struct {
	Provider string `toml:"provider" choices:"auto cpu cuda"`
	Devices  string `toml:"devices" number:""`        // see ParseDevices; "": one process
	Threads  int    `toml:"threads" range:"[0, inf)"` // 0: one per core
	Library  string `toml:"library"`                  // "": searched for

	Bucket int `toml:"bucket" range:"[0, 65536]"` // MiB of gradients that processes add up at once; 0: all

	CUDAGraph bool `toml:"cuda_graph"` // records a training step once and replays it
}

// Output names the folder of the run folders.
type Output struct {
	Dir string `toml:"dir"`
}
