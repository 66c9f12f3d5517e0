package pretrained

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"fovea/graphs/vit"
	"fovea/onnx/weights"
)

// An Outline is the Vision Transformer that the names and shapes of a file show.
type Outline struct {
	Layout string
	Dict   string     // where it stands in the file, as in a Report
	Config vit.Config // Heads are those of models of this width; Classes is 0 without a head
	Head   int64      // features that the head reads, 0 without one
}

// headsOf has the numbers of heads of published models whose heads are not 64 wide.
var headsOf = map[int64]int64{1152: 16, 1280: 16, 1408: 16, 1664: 16}

// Outlines returns the Vision Transformers in a file, the one that is most likely meant first: see [New]. from limits
// them to a place, unless it is "".
func Outlines(f *weights.File, from string) []Outline {
	file := newNames(f)
	layouts, _ := readLayouts()
	var out []Outline
	for _, l := range layouts {
		for _, prefix := range l.places(file) {
			if from != "" && !strings.HasPrefix(prefix, from+".") {
				continue
			}
			if o, ok := l.outline(file, prefix); ok {
				out = append(out, o)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Outline) int {
		return cmp.Or(rank(a.Dict)-rank(b.Dict), b.Config.Depth-a.Config.Depth)
	})
	return out
}

// kernel is the name of the weight of the patch embedding, which every Vision Transformer has.
const kernel = "patch_embed.proj.weight"

// places returns what stands before the kernel's name in a file.
func (l *layout) places(file *names) (prefixes []string) {
	for _, s := range l.sums(kernel) {
		for _, name := range file.order {
			prefix, ok := strings.CutSuffix(name, s[0].name)
			if ok && len(s) == 1 && (prefix == "" || strings.HasSuffix(prefix, ".")) {
				prefixes = append(prefixes, prefix)
			}
		}
	}
	return prefixes
}

// outline reads the numbers of the model behind a prefix.
func (l *layout) outline(file *names, prefix string) (o Outline, ok bool) {
	shape := func(parameter string) []int64 {
		places := []string{prefix}
		if isNew(parameter) {
			places = parents(prefix)
		}
		for _, s := range l.sums(parameter) {
			for _, place := range places {
				switch at := s.below(place); {
				case !file.has(at), len(at.tensors()) == 0:
				case len(at) > 1: // of several parts
					return nil
				default:
					return file.tensors[at[0].name].Shape
				}
			}
		}
		return nil
	}
	k := shape(kernel)
	if len(k) != 4 || k[2] != k[3] || k[0] < 1 || k[2] < 1 {
		return o, false
	}
	c := vit.Config{Width: k[0], Patch: k[2], Pool: vit.Class}
	const deepest = 1 << 10
	for c.Depth < deepest && shape(fmt.Sprintf("blocks.%d.norm1.weight", c.Depth)) != nil {
		c.Depth++
	}
	form(&c, shape)
	if k[1] == 1 {
		c.Grey = true
	}
	if c.Heads = headsOf[c.Width]; c.Heads == 0 {
		c.Heads = max(1, c.Width/64)
	}
	o = Outline{Layout: l.name, Dict: strings.TrimSuffix(prefix, "."), Config: c}
	if h := shape("head.weight"); len(h) == 2 {
		o.Config.Classes, o.Head = h[0], h[1]
		if h[0] == c.Width && h[1] != c.Width { // PaddlePaddle keeps it [in,out]
			o.Config.Classes, o.Head = h[1], h[0]
		}
		switch {
		case c.Pool != vit.Class:
		case o.Head == 4*c.Width && c.Depth >= 4:
			o.Config.Pool = vit.LastFour
		case o.Head == 2*c.Width:
			o.Config.Pool = vit.ClassMean
		}
	}
	return o, c.Depth > 0
}

// form reads what tells families apart, with the pool and the size of the images, from the shapes of parameters.
func form(c *vit.Config, shape func(parameter string) []int64) {
	if r := shape("reg_token"); len(r) == 3 {
		c.Registers = r[1]
	}
	switch p := shape(positions); {
	case p == nil && c.Registers > 0: // DINOv3
		c.Positions, c.Bias, c.Epsilon = vit.Rotary, vit.NoKeyBias, 1e-5
	case len(p) == 4: // an image
		c.Positions, c.ImageSize = vit.LearnedPatches, p[2]*c.Patch
	case len(p) >= 2:
		tokens := p[len(p)-2]
		if tokensBefore(tokens) == 0 {
			c.Positions = vit.LearnedPatches
		}
		c.ImageSize = side(tokens-max(0, tokensBefore(tokens))) * c.Patch
	}
	c.LayerScale = shape("blocks.0.ls1.gamma") != nil
	if shape("norm_pre.weight") != nil { // CLIP
		c.PreNorm, c.MLP, c.Epsilon = true, vit.QuickGELU, 1e-5
	}
	if fc2 := shape("blocks.0.mlp.fc2.weight"); len(fc2) == 2 {
		fc1 := shape("blocks.0.mlp.fc1.weight")
		hidden := fc2[1]
		if fc1 == nil || len(fc1) == 2 && fc1[1] == c.Width && fc1[0] == 2*hidden { // nil: of two parts
			c.MLP = vit.SwiGLU
		}
		if hidden != 4*c.Width && fc2[0] == c.Width {
			c.Hidden = hidden
		}
	}
	switch {
	case shape("attn_pool.latent") != nil:
		c.Pool = vit.Attention
	case shape("fc_norm.weight") != nil:
		c.Pool = vit.Mean
	}
}

// Parameters returns the parameters of a Vision Transformer.
func Parameters(c vit.Config) (out []Parameter) {
	for _, p := range c.Parameters() {
		out = append(out, Parameter{Name: p.Name, Shape: p.Shape})
	}
	return out
}
