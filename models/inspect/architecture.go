package inspect

import (
	"errors"
	"fmt"
	"strings"

	"fovea/graphs/vit"
	"fovea/models/pretrained"
	"fovea/models/trained"
	"fovea/onnx/weights"
)

// An Architecture is a model that can load a weight file.
type Architecture struct {
	Settings string            `json:"settings"` // of the config's model section
	Report   pretrained.Report `json:"report"`
}

// architectures returns the architectures of model.arch that can load a file, or the one that can with other numbers.
// The error says what is nearest.
func architectures(f *weights.File) ([]Architecture, error) {
	outlines := pretrained.Outlines(f, "")
	if len(outlines) == 0 {
		return nil, errors.New("its names are those of no Vision Transformer that is known")
	}
	c := outlines[0].Config
	if c.ImageSize == 0 {
		c.ImageSize = 14 * c.Patch
	}
	c.Classes = 1
	var out, other []Architecture
	var nearest error
	for _, name := range vit.Architectures() {
		d := vit.Architecture(name)
		c.Pool, c.LayerScale = d.Pool, d.LayerScale
		match, err := pretrained.New(f, pretrained.Parameters(c), pretrained.Options{})
		switch {
		case err != nil:
			if nearest == nil || d.LayerScale == outlines[0].Config.LayerScale {
				nearest = err
			}
		case int64(d.Patch) == c.Patch && int64(d.Width) == c.Width && d.Depth == c.Depth:
			out = append(out, Architecture{fmt.Sprintf("arch = %q", name), match.Report})
		default:
			settings := fmt.Sprintf("arch = %q, patch = %d, width = %d, depth = %d, with heads as it was trained",
				name, c.Patch, c.Width, c.Depth)
			other = append(other, Architecture{settings, match.Report})
		}
	}
	switch {
	case out != nil:
		return out, nil
	case other != nil:
		return other[:1], nil // the others only differ in numbers that are overridden
	}
	return nil, nearest
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

// A Trained says what classifier a weight file is with its head.
type Trained struct {
	Config vit.Config    `json:"config"`
	Facts  trained.Facts `json:"facts"`
}

// trainedIn returns the classifier of a weight file. The error says why it is none.
func trainedIn(f *weights.File) (*Trained, error) {
	w, err := trained.Describe(f, trained.Settings{}, 0)
	if err != nil {
		return nil, err
	}
	return &Trained{w.Config, w.Facts}, nil
}

// summary says how the classifier is used, and what must be said.
func (t *Trained) summary() string {
	c := t.Config
	parts := []string{fmt.Sprintf("%d classes; %d pixels in patches of %d; width %d, %d blocks, %d heads; pool %s", c.Classes,
		c.ImageSize, c.Patch, c.Width, c.Depth, c.Heads, c.Pool)}
	if c.FCNormTwice {
		parts = append(parts, "fc_norm twice")
	}
	if t.Facts.Program != "" {
		parts = append(parts, "written by "+t.Facts.Program)
	}
	var flags []string
	for _, x := range []struct {
		flag  string
		known bool
	}{{"-classes", t.Facts.Classes != nil}, {"-crop", t.Facts.Crop != 0}, {"-mean", t.Facts.Mean != nil},
		{"-std", t.Facts.Std != nil}} {
		if !x.known {
			flags = append(flags, x.flag)
		}
	}
	if flags != nil {
		parts = append(parts, "to be said: "+strings.Join(flags, ", "))
	}
	return strings.Join(parts, "; ")
}
