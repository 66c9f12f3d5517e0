package vit

import "fmt"

// Pool names the way in which tokens become one vector for each image.
type Pool string

const (
	Mean  Pool = "mean" // mean of the patch tokens, then fc_norm
	Class Pool = "cls"  // norm, then the class token
)

// Config describes the size of a model. Width is split evenly over Heads.
type Config struct {
	ImageSize int64 // side of the square input in pixels, a multiple of Patch
	Patch     int64 // side of a patch in pixels
	Width     int64
	Depth     int
	Heads     int64
	Classes   int64
	Pool      Pool
	// LayerScale multiplies the branches of every block by a factor for each feature, ls1.gamma and ls2.gamma, as
	// DINOv2 does.
	LayerScale bool
	// FCNormTwice applies fc_norm twice, as RETFound does from 2025 on with timm 0.9. It requires Mean.
	FCNormTwice bool
}

// mlpRatio is the width of the hidden MLP layer over Width, in every named size of timm.
const mlpRatio = 4

const epsilon = 1e-6

// Validate returns an error if no model can have this configuration.
func (c Config) Validate() error {
	switch {
	case c.ImageSize <= 0 || c.Patch <= 0 || c.Width <= 0 || c.Depth <= 0 || c.Heads <= 0 || c.Classes <= 0:
		return fmt.Errorf("vit: sizes must be positive: %+v", c)
	case c.ImageSize%c.Patch != 0:
		return fmt.Errorf("vit: image size %d is not a multiple of the patch size %d", c.ImageSize, c.Patch)
	case c.Width%c.Heads != 0:
		return fmt.Errorf("vit: width %d does not divide by %d heads", c.Width, c.Heads)
	case c.Pool != Mean && c.Pool != Class:
		return fmt.Errorf("vit: pool %q is neither %q nor %q", c.Pool, Mean, Class)
	case c.FCNormTwice && c.Pool != Mean:
		return fmt.Errorf("vit: fc_norm exists only with pool %q", Mean)
	}
	return nil
}

func (c Config) patches() int64 { return (c.ImageSize / c.Patch) * (c.ImageSize / c.Patch) }

// An Initializer names the way in which RETFound draws a parameter of an untrained model.
type Initializer int

const (
	Zeros       Initializer = iota
	Ones                    // for LayerNorm weights
	Small                   // 1e-5, for LayerScale
	TruncNormal             // normal, standard deviation 0.02, cut at ±2
	TinyNormal              // normal, standard deviation 1e-6, for the class token
	PatchConv               // uniform ±1/√(3·patch²), PyTorch's default for Conv2d
)

// A Parameter describes a tensor of the model's state_dict.
type Parameter struct {
	Name  string
	Shape []int64
	Init  Initializer

	fanIn int64 // of the patch convolution, for PatchConv
}

// Parameters lists the state_dict in PyTorch's order.
func (c Config) Parameters() []Parameter {
	w := c.Width
	hidden := mlpRatio * w
	fanIn := 3 * c.Patch * c.Patch
	out := []Parameter{
		{Name: "cls_token", Shape: []int64{1, 1, w}, Init: TinyNormal},
		{Name: "pos_embed", Shape: []int64{1, 1 + c.patches(), w}, Init: TruncNormal},
		{Name: "patch_embed.proj.weight", Shape: []int64{w, 3, c.Patch, c.Patch}, Init: PatchConv, fanIn: fanIn},
		{Name: "patch_embed.proj.bias", Shape: []int64{w}, Init: PatchConv, fanIn: fanIn},
	}
	layer := func(name string, init Initializer, shape ...int64) {
		out = append(out, Parameter{Name: name + ".weight", Shape: shape, Init: init},
			Parameter{Name: name + ".bias", Shape: shape[:1:1], Init: Zeros})
	}
	scale := func(name string) {
		if c.LayerScale {
			out = append(out, Parameter{Name: name + ".gamma", Shape: []int64{w}, Init: Small})
		}
	}
	for i := range c.Depth {
		block := blockName(i)
		layer(block+"norm1", Ones, w)
		layer(block+"attn.qkv", TruncNormal, 3*w, w)
		layer(block+"attn.proj", TruncNormal, w, w)
		scale(block + "ls1")
		layer(block+"norm2", Ones, w)
		layer(block+"mlp.fc1", TruncNormal, hidden, w)
		layer(block+"mlp.fc2", TruncNormal, w, hidden)
		scale(block + "ls2")
	}
	if c.Pool == Mean {
		layer("fc_norm", Ones, w)
	} else {
		layer("norm", Ones, w)
	}
	layer("head", TruncNormal, c.Classes, w)
	return out
}
