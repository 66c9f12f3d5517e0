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
				if at := s.below(place); len(at) == 1 && file.has(at) {
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
	tokens := int64(0)
	if p := shape(positions); len(p) >= 2 {
		tokens = p[len(p)-2]
	}
	c.ImageSize = side(tokens-1) * c.Patch
	c.LayerScale = shape("blocks.0.ls1.gamma") != nil
	if shape("fc_norm.weight") != nil {
		c.Pool = vit.Mean
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
	}
	return o, c.Depth > 0
}

// Parameters returns the parameters of a Vision Transformer.
func Parameters(c vit.Config) (out []Parameter) {
	for _, p := range c.Parameters() {
		out = append(out, Parameter{Name: p.Name, Shape: p.Shape})
	}
	return out
}
