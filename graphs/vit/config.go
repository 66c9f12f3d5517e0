package vit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pool names the way in which tokens become one vector for each image.
type Pool string

const (
	Mean      Pool = "mean"      // mean of the patch tokens, then fc_norm
	Class     Pool = "cls"       // norm, then the class token
	NormMean  Pool = "norm_mean" // norm, then the mean of the patch tokens
	ClassMean Pool = "cls_mean"  // norm, then the class token beside the mean of the patch tokens
	LastFour  Pool = "cls_last4" // the class tokens behind each of the last four blocks, each after norm
	Attention Pool = "attention" // norm, then a query that is learned attends to all tokens (timm's AttentionPoolLatent)
)

// Pools returns all pools.
func Pools() []string {
	var names []string
	for _, p := range []Pool{Mean, Class, NormMean, ClassMean, LastFour, Attention} {
		names = append(names, string(p))
	}
	return names
}

// Config describes the size of a model. Width is split evenly over Heads.
type Config struct {
	ImageSize int64 // side of the square input in pixels, a multiple of Patch
	Patch     int64 // side of a patch in pixels
	Width     int64
	Depth     int
	Heads     int64
	Classes   int64
	Pool      Pool
	Form
	// FCNormTwice applies fc_norm twice, as RETFound does from 2025 on with timm 0.9. It requires Mean.
	FCNormTwice bool
}

// mlpRatio is the width of the hidden MLP layer over Width, in nearly every named size of timm.
const mlpRatio = 4

func (c Config) hidden() int64 { return cmp.Or(c.Hidden, mlpRatio*c.Width) }

func (c Config) epsilon() float32 { return cmp.Or(c.Epsilon, 1e-6) }

func (c Config) channels() int64 {
	if c.Grey {
		return 1
	}
	return 3
}

// FeatureWidth returns the number of features of an image, which the head reads.
func (c Config) FeatureWidth() int64 {
	switch c.Pool {
	case ClassMean:
		return 2 * c.Width
	case LastFour:
		return 4 * c.Width
	}
	return c.Width
}

// Validate returns an error if no model can have this configuration.
func (c Config) Validate() error {
	switch {
	case c.ImageSize <= 0 || c.Patch <= 0 || c.Width <= 0 || c.Depth <= 0 || c.Heads <= 0 || c.Classes <= 0:
		return fmt.Errorf("vit: sizes must be positive: %+v", c)
	case c.ImageSize%c.Patch != 0:
		return fmt.Errorf("vit: image size %d is not a multiple of the patch size %d", c.ImageSize, c.Patch)
	case c.Width%c.Heads != 0:
		return fmt.Errorf("vit: width %d does not divide by %d heads", c.Width, c.Heads)
	case !slices.Contains(Pools(), string(c.Pool)):
		return fmt.Errorf("vit: pool %q is none of %s", c.Pool, strings.Join(Pools(), ", "))
	case c.Pool == LastFour && c.Depth < 4:
		return fmt.Errorf("vit: pool %q needs four blocks, not %d", LastFour, c.Depth)
	case c.FCNormTwice && c.Pool != Mean:
		return fmt.Errorf("vit: fc_norm exists only with pool %q", Mean)
	case c.Positions == Rotary && c.Width/c.Heads%4 != 0:
		return fmt.Errorf("vit: rotary positions need a head width that is a multiple of 4, not %d", c.Width/c.Heads)
	}
	return nil
}

func (c Config) patches() int64 { return (c.ImageSize / c.Patch) * (c.ImageSize / c.Patch) }

// prefix returns the number of tokens in front of the patches: the class token and the registers.
func (c Config) prefix() int64 { return 1 + c.Registers }

func (c Config) tokens() int64 { return c.prefix() + c.patches() }

// An Initializer names the way in which RETFound draws a parameter of an untrained model.
type Initializer int

const (
	Zeros       Initializer = iota
	Ones                    // for LayerNorm weights
	Small                   // 1e-5, for LayerScale
	TruncNormal             // normal, standard deviation 0.02, cut at ±2
	TinyNormal              // normal, standard deviation 1e-6, for the class token
	Latent                  // normal, cut as TruncNormal, standard deviation 1/√width, for a learned query
	PatchConv               // uniform ±1/√(3·patch²), PyTorch's default for Conv2d
)

// A Parameter describes a tensor of the model's state_dict.
type Parameter struct {
	Name  string
	Shape []int64
	Init  Initializer

	fanIn int64 // inputs of a patch, for PatchConv, or of the query, for Latent
}

// Parameters lists the state_dict in PyTorch's order.
func (c Config) Parameters() []Parameter {
	w, hidden := c.Width, c.hidden()
	var out []Parameter
	add := func(init Initializer, name string, shape ...int64) {
		out = append(out, Parameter{Name: name, Shape: shape, Init: init})
	}
	layer := func(name string, init Initializer, shape ...int64) {
		add(init, name+".weight", shape...)
		add(Zeros, name+".bias", shape[0])
	}
	scale := func(name string) {
		if c.LayerScale {
			add(Small, name+".gamma", w)
		}
	}
	add(TinyNormal, "cls_token", 1, 1, w)
	if c.Registers > 0 {
		add(TinyNormal, "reg_token", 1, c.Registers, w)
	}
	switch c.Positions {
	case LearnedAll:
		add(TruncNormal, "pos_embed", 1, 1+c.patches(), w)
	case LearnedPatches:
		add(TruncNormal, "pos_embed", 1, c.patches(), w)
	}
	fanIn := c.channels() * c.Patch * c.Patch
	out = append(out, Parameter{"patch_embed.proj.weight", []int64{w, c.channels(), c.Patch, c.Patch}, PatchConv, fanIn})
	if c.PreNorm {
		layer("norm_pre", Ones, w)
	} else {
		out = append(out, Parameter{"patch_embed.proj.bias", []int64{w}, PatchConv, fanIn})
	}
	for i := range c.Depth {
		block := blockName(i)
		layer(block+"norm1", Ones, w)
		if c.Bias == NoKeyBias {
			add(Zeros, block+"attn.q_bias", w)
			add(Zeros, block+"attn.v_bias", w)
			add(TruncNormal, block+"attn.qkv.weight", 3*w, w)
		} else {
			layer(block+"attn.qkv", TruncNormal, 3*w, w)
		}
		layer(block+"attn.proj", TruncNormal, w, w)
		scale(block + "ls1")
		layer(block+"norm2", Ones, w)
		if c.MLP == SwiGLU {
			layer(block+"mlp.fc1", TruncNormal, 2*hidden, w)
		} else {
			layer(block+"mlp.fc1", TruncNormal, hidden, w)
		}
		layer(block+"mlp.fc2", TruncNormal, w, hidden)
		scale(block + "ls2")
	}
	if c.Pool == Mean {
		layer("fc_norm", Ones, w)
	} else {
		layer("norm", Ones, w)
	}
	if c.Pool == Attention {
		out = append(out, Parameter{"attn_pool.latent", []int64{1, 1, w}, Latent, w})
		layer("attn_pool.q", TruncNormal, w, w)
		layer("attn_pool.kv", TruncNormal, 2*w, w)
		layer("attn_pool.proj", TruncNormal, w, w)
		layer("attn_pool.norm", Ones, w)
		layer("attn_pool.mlp.fc1", TruncNormal, mlpRatio*w, w)
		layer("attn_pool.mlp.fc2", TruncNormal, w, mlpRatio*w)
	}
	layer("head", TruncNormal, c.Classes, c.FeatureWidth())
	return out
}
