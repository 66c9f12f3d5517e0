package vit

import "cmp"

// Dimensions are the numbers of a Vision Transformer that its architecture decides. Pool is Mean or Class.
type Dimensions struct {
	Patch, Width, Depth, Heads int

	Pool       Pool
	LayerScale bool // a factor for each feature of a block's branches
}

// architectures holds timm's names and numbers (vision_transformer.py), with the pool that RETFound gives them.
var architectures = []struct {
	name string
	Dimensions
}{
	{"vit_tiny_patch16", Dimensions{16, 192, 12, 3, Mean, false}},
	{"vit_small_patch16", Dimensions{16, 384, 12, 6, Mean, false}},
	{"vit_base_patch16", Dimensions{16, 768, 12, 12, Mean, false}},
	{"vit_large_patch16", Dimensions{16, 1024, 24, 16, Mean, false}},
	{"vit_small_patch14_dinov2", Dimensions{14, 384, 12, 6, Class, true}},
	{"vit_base_patch14_dinov2", Dimensions{14, 768, 12, 12, Class, true}},
	{"vit_large_patch14_dinov2", Dimensions{14, 1024, 24, 16, Class, true}},
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
		Heads: int64(d.Heads), Classes: int64(classes), Pool: d.Pool, LayerScale: d.LayerScale}
}
