package inspect

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"fovea/configs"
	"fovea/graphs/vit"
	"fovea/models/pretrained"
	"fovea/models/trained"
	"fovea/onnx/weights"
)

// An Architecture is a model that can load a weight file.
type Architecture struct {
	Settings string            `json:"settings"`        // of the config's model section
	Known    string            `json:"known,omitempty"` // the published model that the file is most likely of, in words
	Report   pretrained.Report `json:"report"`
}

// architectures returns the models that can load a file, the published one that it is most likely of first. The error
// says what is nearest.
func architectures(f *weights.File, path string) ([]Architecture, error) {
	outlines := pretrained.Outlines(f, "")
	if len(outlines) == 0 {
		return nil, errors.New("its names are those of no Vision Transformer that is known")
	}
	var out []Architecture
	var nearest error
	tried := map[string]bool{}
	try := func(d vit.Dimensions, size int64, settings, about string, allow ...string) {
		if d.Patch == 0 || tried[settings] {
			return
		}
		tried[settings] = true
		match, err := pretrained.New(f, pretrained.Parameters(d.Config(int(size), 1)), pretrained.Options{Allow: allow})
		if err == nil {
			out = append(out, Architecture{settings, about, match.Report})
		} else if nearest == nil {
			nearest = err
		}
	}
	for _, o := range outlines {
		c := o.Config
		size := cmp.Or(c.ImageSize, 14*c.Patch)
		known := pretrained.Known(f, o, filepath.Base(path))
		if known != nil {
			try(vit.Architecture(known.Name), size, fmt.Sprintf("arch = %q", known.Name),
				fmt.Sprintf("most likely %s, of %s", known.About, known.Modality), known.WeightsAllow()...)
		}
		var like string // an architecture of the same form
		for _, name := range vit.Architectures() {
			if configs.PresetOf(name) == nil && vit.Architecture(name).Form == c.Form && like == "" {
				like = name
			}
		}
		for _, name := range o.Names() {
			if configs.PresetOf(name) == nil {
				try(vit.Architecture(name), size, fmt.Sprintf("arch = %q", name), "")
				like = ""
			}
		}
		if like != "" && known == nil {
			d := vit.Dimensions{Patch: int(c.Patch), Width: int(c.Width), Depth: c.Depth}
			try(vit.Architecture(like).With(d), size, fmt.Sprintf("arch = %q, patch = %d, width = %d, depth = %d, with heads as "+
				"it was trained", like, d.Patch, d.Width, d.Depth), "")
		}
	}
	if out == nil {
		return nil, cmp.Or(nearest, errors.New("no architecture of model.arch is of its kind"))
	}
	return out, nil
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
	if t.Facts.Resize != "" {
		parts = append(parts, "resize "+t.Facts.Resize)
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
