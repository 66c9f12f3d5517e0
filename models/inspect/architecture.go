package inspect

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"fovea/configs"
	"fovea/graphs/vit"
	"fovea/models/pretrained"
	"fovea/onnx/weights"
)

// An Architecture is a model that can load a weight file.
type Architecture struct {
	Settings string            `json:"settings"`        // of the config's model section
	Known    string            `json:"known,omitempty"` // the published model that the file is most likely of, in words
	Report   pretrained.Report `json:"report"`
}

// architectures returns the models that can load a file, the published one that it is most likely of first.
func architectures(f *weights.File, path string) []Architecture {
	var out []Architecture
	tried := map[string]bool{}
	try := func(d vit.Dimensions, size int64, settings, about string) {
		if d.Patch == 0 || tried[settings] {
			return
		}
		tried[settings] = true
		match, err := pretrained.New(f, pretrained.Parameters(d.Config(int(size), 1)), pretrained.Options{Allow: []string{"norm.*"}})
		if err == nil {
			out = append(out, Architecture{settings, about, match.Report})
		}
	}
	for _, o := range pretrained.Outlines(f, "") {
		c := o.Config
		size := cmp.Or(c.ImageSize, 14*c.Patch)
		known := pretrained.Known(f, o, filepath.Base(path))
		if known != nil {
			try(vit.Architecture(known.Name), size, fmt.Sprintf("arch = %q", known.Name),
				fmt.Sprintf("most likely %s, of %s", known.About, known.Modality))
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
	return out
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
