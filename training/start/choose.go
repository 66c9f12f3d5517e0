package start

import (
	"fmt"
	"path/filepath"

	"fovea/graphs/vit"
	"fovea/models/pretrained"
	"fovea/onnx/weights"
	"fovea/training/config"
)

// A model is one that may be trained.
type model struct {
	arch                             string
	size, patch, width, depth, heads int    // patch to heads: 0 for those of arch
	why                              string // in words
	pretrained                       bool
	probe                            bool // trains the head alone
}

// dimensions returns those of the model.
func (m model) dimensions() vit.Dimensions {
	return vit.Architecture(m.arch).With(vit.Dimensions{Patch: m.patch, Width: m.width, Depth: m.depth, Heads: m.heads})
}

// effort returns the multiplications of a forward pass per image, but for a factor: those of the layers, and of attention.
func (m model) effort() float64 {
	d := m.dimensions()
	tokens := float64((m.size/d.Patch)*(m.size/d.Patch) + 1)
	w := float64(d.Width)
	return float64(d.Depth) * (12*tokens*w*w + 2*tokens*tokens*w)
}

// candidates returns the models for images without pre-trained weights, the smallest first. Enlarged images show no more,
// so none is larger than most of the images are.
func candidates(side int, gpu bool) []model {
	if side < 64 {
		size := max(16, side/4*4)
		return []model{{arch: "vit_tiny_patch16", size: size, patch: size / 4, width: 128, depth: 4, heads: 4,
			why: fmt.Sprintf("the images have %d pixels, so the model sees 4 x 4 patches", side)}}
	}
	all := []model{
		{arch: "vit_tiny_patch16", size: 64, patch: 16, width: 128, depth: 4, heads: 4},
		{arch: "vit_tiny_patch16", size: 64, patch: 8, width: 128, depth: 4, heads: 4},
		{arch: "vit_tiny_patch16", size: 128, patch: 16, width: 128, depth: 6, heads: 4},
		{arch: "vit_tiny_patch16", size: 160, depth: 8},
		{arch: "vit_tiny_patch16", size: 224},
	}
	if gpu {
		all = append(all, model{arch: "vit_small_patch16", size: 224})
	}
	var fit []model
	for _, m := range all {
		if m.size <= side {
			m.why = "the largest of a few that trains in the time"
			fit = append(fit, m)
		}
	}
	return fit
}

// fromWeights returns the model in a file of pre-trained weights, in the ways in which it may be trained: the head alone,
// and on a GPU all of it.
func fromWeights(name string, gpu bool) ([]model, error) {
	path, err := weights.Locate(name)
	if err != nil {
		return nil, err
	}
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	outlines := pretrained.Outlines(f, "")
	if len(outlines) == 0 {
		return nil, fmt.Errorf("%s holds no Vision Transformer that is known: see trainer inspect", path)
	}
	o := outlines[0]
	m := model{pretrained: true, size: 224}
	if names := o.Names(); len(names) > 0 {
		m.arch = names[0]
	}
	if known := pretrained.Known(f, o, filepath.Base(path)); known != nil {
		m.arch = known.Name
		if size, ok := config.PresetDefault(known.Name, "data.size").(int64); ok {
			m.size = int(size)
		}
	}
	if m.arch == "" {
		c := o.Config
		m.arch, m.patch, m.width, m.depth, m.heads = "vit_base_patch16", int(c.Patch), int(c.Width), c.Depth, int(c.Heads)
		if c.ImageSize > 0 {
			m.size = int(c.ImageSize)
		}
	}
	if patch := m.dimensions().Patch; m.size%patch != 0 {
		m.size = m.size / patch * patch
	}
	probe := m
	probe.probe, probe.why = true, "only the head is trained: all of the model would take far longer here"
	if !gpu {
		return []model{probe}, nil
	}
	m.why = "all of the model is trained, on the GPU"
	return []model{probe, m}, nil
}
