package inspect

import (
	"math"
	"strings"

	"fovea/graphs/vit"
	"fovea/onnx/weights"
	"fovea/training/config"
	"fovea/training/pretrained"
)

// An Architecture is one that a run can load a weight file into, as model.arch.
type Architecture struct {
	Name   string            `json:"name"`
	Report pretrained.Report `json:"report"`
}

// architectures tries each that model.arch can name.
func architectures(f *weights.File) []Architecture {
	var out []Architecture
	for _, name := range config.Architectures() {
		d := config.Model{Arch: name}.Dimensions()
		c := vit.Config{ImageSize: imageSize(f, int64(d.Patch)), Patch: int64(d.Patch), Width: int64(d.Width), Depth: d.Depth,
			Heads: int64(d.Heads), Classes: 1, Pool: vit.Pool(d.Pool), LayerScale: d.LayerScale}
		var parameters []pretrained.Parameter
		for _, p := range c.Parameters() {
			parameters = append(parameters, pretrained.Parameter{Name: p.Name, Shape: p.Shape})
		}
		if match, err := pretrained.New(f, parameters, false); err == nil {
			out = append(out, Architecture{name, match.Report})
		}
	}
	return out
}

// imageSize is the one that the position embeddings of a file are for, with a class
// token before them.
func imageSize(f *weights.File, patch int64) int64 {
	for _, t := range f.Tensors {
		if (t.Name == "pos_embed" || strings.HasSuffix(t.Name, ".pos_embed")) && len(t.Shape) == 3 {
			if side := int64(math.Sqrt(float64(t.Shape[1] - 1))); side > 0 {
				return side * patch
			}
		}
	}
	return 14 * patch
}
