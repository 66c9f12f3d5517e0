package inspect

import (
	"fmt"
	"math"
	"strings"

	"fovea/graphs/vit"
	"fovea/models/pretrained"
	"fovea/onnx/weights"
)

// An Architecture is a model that can load a weight file.
type Architecture struct {
	Settings string            `json:"settings"` // of the config's model section
	Report   pretrained.Report `json:"report"`
}

// architectures tries each architecture that model.arch can name. If none fits, it tries each with the file's own
// patch, width and depth.
func architectures(f *weights.File) []Architecture {
	var out, other []Architecture
	seen := dimensionsOf(f)
	for _, name := range vit.Architectures() {
		d := vit.Architecture(name)
		if report, ok := fits(f, d, seen.side); ok {
			out = append(out, Architecture{fmt.Sprintf("arch = %q", name), report})
		}
		d = d.With(vit.Dimensions{Patch: seen.patch, Width: seen.width, Depth: seen.depth})
		if report, ok := fits(f, d, seen.side); ok {
			settings := fmt.Sprintf("arch = %q, patch = %d, width = %d, depth = %d, with heads as it was trained",
				name, seen.patch, seen.width, seen.depth)
			other = append(other, Architecture{settings, report})
		}
	}
	if out == nil && other != nil {
		return other[:1] // the others only differ in numbers that are overridden
	}
	return out
}

// fits matches a file with a model for images of side by side patches.
func fits(f *weights.File, d vit.Dimensions, side int) (pretrained.Report, bool) {
	var parameters []pretrained.Parameter
	for _, p := range d.Config(side*d.Patch, 1).Parameters() {
		parameters = append(parameters, pretrained.Parameter{Name: p.Name, Shape: p.Shape})
	}
	match, err := pretrained.New(f, parameters, pretrained.Options{})
	if err != nil {
		return pretrained.Report{}, false
	}
	return match.Report, true
}

// dimensions holds the numbers of a Vision Transformer that a file shows, and 0 for those that it does not.
type dimensions struct{ patch, width, depth, side int }

// dimensionsOf reads the dimensions from the shapes and names of a file's tensors. The default side is 14 patches.
func dimensionsOf(f *weights.File) dimensions {
	d := dimensions{side: 14}
	for _, t := range f.Tensors {
		_, block, _ := strings.Cut("."+t.Name, ".blocks.")
		var number int
		if n, _ := fmt.Sscanf(block, "%d.", &number); n == 1 && number < 1<<10 {
			d.depth = max(d.depth, number+1)
		}
		switch name := "." + t.Name; {
		case strings.HasSuffix(name, ".pos_embed") && len(t.Shape) == 3:
			d.side = max(1, int(math.Sqrt(float64(t.Shape[1]-1))))
		case strings.HasSuffix(name, ".patch_embed.proj.weight") && len(t.Shape) == 4:
			d.width, d.patch = int(t.Shape[0]), int(t.Shape[3])
		}
	}
	return d
}

// summary says how parameters and tensors were matched.
func (a Architecture) summary() string {
	var parts []string
	attributes := a.Report.Attributes()
	for i := 0; i+1 < len(attributes); i += 2 {
		parts = append(parts, fmt.Sprintf("%v %v", attributes[i], attributes[i+1]))
	}
	return strings.Join(parts, "; ")
}
