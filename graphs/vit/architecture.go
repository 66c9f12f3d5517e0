package vit

import "cmp"

// Dimensions are the numbers of a Vision Transformer that its architecture decides.
type Dimensions struct {
	Patch, Width, Depth, Heads int

	Pool Pool
	Form
}

// The forms of families of models.
var (
	retfound = Form{}
	dinov2   = Form{LayerScale: true}
	dinov2G  = Form{LayerScale: true, MLP: SwiGLU, Hidden: 4096}
	dinov3   = Form{LayerScale: true, Registers: 4, Positions: Rotary, Bias: NoKeyBias, Epsilon: 1e-5}
	clip     = Form{MLP: QuickGELU, PreNorm: true, Epsilon: 1e-5}
	mirage   = Form{Grey: true, Positions: LearnedPatches}
)

// with returns f with what change sets.
func (f Form) with(change func(*Form)) Form {
	change(&f)
	return f
}

func registers(f *Form) { f.Registers, f.Positions = 4, LearnedPatches }
func swiglu(f *Form)    { f.MLP = SwiGLU }

// architectures holds timm's names and numbers (vision_transformer.py, eva.py), with the pool that RETFound gives
// them.
var architectures = []struct {
	name string
	Dimensions
}{
	{"vit_tiny_patch16", Dimensions{16, 192, 12, 3, Mean, retfound}},
	{"vit_small_patch16", Dimensions{16, 384, 12, 6, Mean, retfound}},
	{"vit_base_patch16", Dimensions{16, 768, 12, 12, Mean, retfound}},
	{"vit_large_patch16", Dimensions{16, 1024, 24, 16, Mean, retfound}},
	{"vit_huge_patch14", Dimensions{14, 1280, 32, 16, Mean, retfound}},
	{"vit_small_patch14_dinov2", Dimensions{14, 384, 12, 6, Class, dinov2}},
	{"vit_base_patch14_dinov2", Dimensions{14, 768, 12, 12, Class, dinov2}},
	{"vit_large_patch14_dinov2", Dimensions{14, 1024, 24, 16, Class, dinov2}},
	{"vit_giant_patch14_dinov2", Dimensions{14, 1536, 40, 24, Class, dinov2G}},
	{"vit_small_patch14_reg4_dinov2", Dimensions{14, 384, 12, 6, Class, dinov2.with(registers)}},
	{"vit_base_patch14_reg4_dinov2", Dimensions{14, 768, 12, 12, Class, dinov2.with(registers)}},
	{"vit_large_patch14_reg4_dinov2", Dimensions{14, 1024, 24, 16, Class, dinov2.with(registers)}},
	{"vit_giant_patch14_reg4_dinov2", Dimensions{14, 1536, 40, 24, Class, dinov2G.with(registers)}},
	{"vit_small_patch16_dinov3", Dimensions{16, 384, 12, 6, Class, dinov3}},
	{"vit_small_plus_patch16_dinov3", Dimensions{16, 384, 12, 6, Class, dinov3.with(swiglu)}},
	{"vit_base_patch16_dinov3", Dimensions{16, 768, 12, 12, Class, dinov3}},
	{"vit_large_patch16_dinov3", Dimensions{16, 1024, 24, 16, Class, dinov3}},
	{"vit_huge_plus_patch16_dinov3", Dimensions{16, 1280, 32, 20, Class, dinov3.with(swiglu)}},
	{"vit_base_patch32_clip", Dimensions{32, 768, 12, 12, Class, clip}},
	// Models of the retina, each with a preset in configs.
	{"retfound_mae", Dimensions{16, 1024, 24, 16, Mean, retfound}},
	{"retfound_dinov2", Dimensions{14, 1024, 24, 16, Class, dinov2}},
	{"retfound_green", Dimensions{14, 384, 12, 6, NormMean, dinov2.with(registers)}},
	{"visionfm_fundus", Dimensions{16, 768, 12, 12, LastFour, retfound}},
	{"visionfm_oct", Dimensions{16, 768, 12, 12, LastFour, retfound}},
	{"urfound", Dimensions{16, 768, 12, 12, Mean, retfound}},
	{"dinoret_be", Dimensions{14, 768, 15, 12, Class, dinov2}},
	{"mirage_base", Dimensions{32, 768, 12, 12, NormMean, mirage}},
	{"mirage_large", Dimensions{32, 1024, 24, 16, NormMean, mirage}},
	{"eyeclip", Dimensions{32, 768, 12, 12, Class, clip}},
}

// Architectures returns the names that Architecture knows.
func Architectures() []string {
	var names []string
	for _, a := range architectures {
		names = append(names, a.name)
	}
	return names
}

// Architecture returns the dimensions of a named architecture, or zero if none has the name.
func Architecture(name string) Dimensions {
	for _, a := range architectures {
		if a.name == name {
			return a.Dimensions
		}
	}
	return Dimensions{}
}

// With returns d with each number and the pool replaced by that of other, unless that is zero.
func (d Dimensions) With(other Dimensions) Dimensions {
	d.Patch = cmp.Or(other.Patch, d.Patch)
	d.Width = cmp.Or(other.Width, d.Width)
	d.Depth = cmp.Or(other.Depth, d.Depth)
	d.Heads = cmp.Or(other.Heads, d.Heads)
	d.Pool = cmp.Or(other.Pool, d.Pool)
	return d
}

// Config returns the model of these dimensions for square images with a side of size pixels.
func (d Dimensions) Config(size, classes int) Config {
	return Config{ImageSize: int64(size), Patch: int64(d.Patch), Width: int64(d.Width), Depth: d.Depth,
		Heads: int64(d.Heads), Classes: int64(classes), Pool: d.Pool, Form: d.Form}
}
