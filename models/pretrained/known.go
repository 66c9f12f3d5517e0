package pretrained

import (
	"slices"
	"strings"

	"fovea/configs"
	"fovea/graphs/vit"
	"fovea/internal/naming"
	"fovea/onnx/weights"
)

// Known returns the published model that a file is most likely of, or nil. Presets of the same files, which differ in the
// modality, are told apart by the file's name.
func Known(f *weights.File, o Outline, name string) *configs.Preset {
	var fit []configs.Preset
	for _, p := range configs.Presets() {
		if o.is(vit.Architecture(p.Name)) && (p.Layout == "" || p.Layout == o.Layout) &&
			(p.Dict == "" || o.Dict == p.Dict || strings.HasPrefix(o.Dict, p.Dict+".")) && hasTensor(f, p.Tensor) {
			fit = append(fit, p)
		}
	}
	for _, p := range fit {
		if _, modality, ok := strings.Cut(p.Name, "_"); ok && strings.Contains(strings.ToLower(name), modality) {
			return &p
		}
	}
	if fit == nil {
		return nil
	}
	return &fit[0]
}

// is reports whether an architecture is that of the outline, but for heads and pool, which a file does not show.
func (o Outline) is(d vit.Dimensions) bool {
	c := o.Config
	return int64(d.Patch) == c.Patch && int64(d.Width) == c.Width && d.Depth == c.Depth && d.Form == c.Form
}

// Names returns the architectures that model.arch can name for an outline, those of published models last.
func (o Outline) Names() (names []string) {
	for _, name := range vit.Architectures() {
		if o.is(vit.Architecture(name)) {
			names = append(names, name)
		}
	}
	return names
}

func hasTensor(f *weights.File, pattern string) bool {
	if pattern == "" {
		return true
	}
	find := naming.Pattern("*" + pattern)
	return slices.ContainsFunc(f.Tensors, func(t weights.Tensor) bool { return find.MatchString(t.Name) })
}
