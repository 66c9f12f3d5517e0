package transfer

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"fovea/graphs"
	"fovea/internal/numbers"
)

// A Parameter is a float32 tensor of a model.
type Parameter struct {
	Name  string
	Shape []int64
	Layer int    // 0 for the parameters of the first linear layer, then parts of equal depth; the head is last
	Decay bool   // weight decay applies, as features are multiplied with this matrix or kernel
	Fixed string // reason why it is not learned, or empty

	depth int // linear layers from the images to its first reader, that included
	order int // among the inputs of the graph
}

// These are the reasons why parameters are not learned.
const (
	statistics    = "BatchNormalization's mean or variance"
	mask          = "a mask"
	preprocessing = "acts on the images before the first layer"
	unreached     = "no gradient reaches it"
)

// zeroGradient lists operators whose gradient is zero everywhere, so that none passes them.
var zeroGradient = map[string]bool{"Sign": true, "Floor": true, "Ceil": true, "Round": true, "Hardmax": true}

// linear lists the operators that count towards the depth.
var linear = map[string]bool{"Conv": true, "ConvTranspose": true, "Gemm": true, "MatMul": true, "FusedMatMul": true,
	"Einsum": true, "DeformConv": true, "FusedConv": true, "FusedGemm": true, "TransposeMatMul": true}

// A Layering says how parameters are divided into layers.
type Layering struct {
	// Parts is the number of layers between the first and the head. ConvNeXt's recipe divides models of any depth into
	// 12.
	Parts int
	// By, if set, puts parameters whose names match into layers. There is a layer for each text that its groups match,
	// in the order of their depth.
	By *regexp.Regexp
}

// Parameters lists the inputs of a graph without the images, the lowest layer first, and the number of layers. The
// graph computes result from images. initial returns the data of a parameter.
func Parameters(g *graphs.Graph, images, result *graphs.Value, initial func(name string) []byte, l Layering) (
	[]Parameter, int, error) {
	r := newReach(g, images, result)
	var list []Parameter
	for i, v := range g.Inputs {
		if v == images {
			continue
		}
		if v.Type != graphs.Float32 {
			return nil, 0, fmt.Errorf("parameter %s: only float32 can be trained: convert the model", v)
		}
		use, read := r.uses[v]
		p := Parameter{Name: v.Name, Shape: v.Shape, Decay: use.multiplies &&
			len(v.Shape) > 1, depth: use.depth, order: i}
		switch {
		case !read || !r.useful[v]:
			p.Fixed = unreached
		case use.statistic:
			p.Fixed = statistics
		case use.depth == 0:
			p.Fixed = preprocessing
		case isMask(initial(v.Name)):
			p.Fixed = mask
		}
		list = append(list, p)
	}
	slices.SortStableFunc(list, func(a, b Parameter) int { return cmp.Or(a.depth-b.depth, a.order-b.order) })
	layers, err := l.assign(list)
	slices.SortStableFunc(list, func(a, b Parameter) int { return a.Layer - b.Layer })
	return list, layers, err
}

// assign sets the layer of each parameter and returns the number of layers.
func (l Layering) assign(list []Parameter) (int, error) {
	if l.By != nil {
		return l.byName(list)
	}
	deepest := 0
	for _, p := range list {
		deepest = max(deepest, p.depth)
	}
	between := max(deepest-2, 0) // depths between the first layer and the head
	parts := min(l.Parts, between)
	for i, p := range list {
		switch {
		case IsHead(p.Name):
			list[i].Layer = parts + 1
		case p.depth > 1 && between > 0:
			list[i].Layer = 1 + min(p.depth-2, between-1)*parts/between
		}
	}
	return parts + 2, nil
}

// byName assigns layers by names. A parameter whose name does not match joins the layer of the one before it.
func (l Layering) byName(list []Parameter) (int, error) {
	layers, last := map[string]int{}, 0
	for i, p := range list {
		if match := l.By.FindStringSubmatch(p.Name); match != nil && !IsHead(p.Name) {
			key := fmt.Sprintf("%q", match[min(1, len(match)-1):])
			if layers[key] == 0 {
				last++
				layers[key] = last
			}
			list[i].Layer = layers[key]
		} else if i > 0 {
			list[i].Layer = list[i-1].Layer
		}
	}
	if last == 0 {
		return 0, fmt.Errorf("optimizer.layer_pattern: it matches no parameter: they are called such as %q",
			list[len(list)/2].Name)
	}
	for i, p := range list {
		if IsHead(p.Name) {
			list[i].Layer = last + 1
		}
	}
	return last + 2, nil
}

// IsHead reports whether a parameter belongs to the head.
func IsHead(name string) bool { return name == HeadWeight || name == HeadBias }

// A use describes the node that first combines a parameter with the features.
type use struct {
	depth      int
	multiplies bool // the parameter is the operand of a linear layer
	statistic  bool // of a BatchNormalization, at any node: exporters store equal tensors once
}

// A reach holds how the parameters of a graph meet the images and the gradient.
type reach struct {
	uses   map[*graphs.Value]use
	useful map[*graphs.Value]bool // values that a gradient may reach
}

func newReach(g *graphs.Graph, images, result *graphs.Value) reach {
	r := reach{map[*graphs.Value]use{}, map[*graphs.Value]bool{result: true}}
	depth := map[*graphs.Value]int{images: 0}   // of the values that depend on the images
	from := map[*graphs.Value][]*graphs.Value{} // parameters that other values are computed from
	for _, v := range g.Inputs {
		if v != images {
			from[v] = []*graphs.Value{v}
		}
	}
	for _, n := range g.Nodes {
		deepest, active, weighted := 0, false, false
		for _, v := range n.Inputs {
			if d, ok := depth[v]; ok && v != nil {
				active, deepest = true, max(deepest, d)
			} else if len(from[v]) > 0 {
				weighted = true
			}
		}
		if active && weighted && linear[n.Op] {
			deepest++
		}
		for i, v := range n.Inputs {
			if _, ok := depth[v]; ok || v == nil || !active {
				continue
			}
			for _, p := range from[v] {
				u, known := r.uses[p]
				if !known || deepest < u.depth {
					u.depth, u.multiplies = deepest, linear[n.Op] && i < 2
				}
				u.statistic = u.statistic || n.Op == "BatchNormalization" && i > 2
				r.uses[p] = u
			}
		}
		for _, v := range n.Outputs {
			switch {
			case v == nil:
			case active:
				depth[v] = deepest
			default:
				for _, in := range n.Inputs {
					for _, p := range from[in] {
						if !slices.Contains(from[v], p) {
							from[v] = append(from[v], p)
						}
					}
				}
			}
		}
	}
	for _, n := range slices.Backward(g.Nodes) {
		if zeroGradient[n.Op] || !slices.ContainsFunc(n.Outputs, func(v *graphs.Value) bool { return r.useful[v] }) {
			continue
		}
		for _, v := range n.Inputs {
			if v != nil && v.Type == graphs.Float32 {
				r.useful[v] = true
			}
		}
	}
	return r
}

// isMask reports whether a tensor holds only zeros and one large negative number. Attention adds such a mask to its
// scores.
func isMask(data []byte) bool {
	const large = -99 // Swin's is -100
	masked, seen := float32(0), false
	for _, x := range numbers.Decode[float32](data) {
		switch {
		case x == 0:
		case x > large || seen && x != masked:
			return false
		default:
			masked, seen = x, true
		}
	}
	return seen
}
