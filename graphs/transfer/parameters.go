package transfer

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"slices"

	"fovea/graphs"
)

// A Parameter is a float32 tensor of a model.
type Parameter struct {
	Name  string
	Shape []int64
	Layer int    // 0: the first linear layer and what goes with it, then parts of equal depth; the head is last
	Decay bool   // weight decay applies: a matrix or kernel that features are multiplied with
	Fixed string // why it is not learned; empty: it is

	depth int // linear layers from the images to where it is read, itself included
	order int
}

// Why parameters are not learned.
const (
	statistics    = "BatchNormalization's mean or variance"
	mask          = "a mask"
	preprocessing = "acts on the images before the first layer"
	unreached     = "no gradient reaches it"
)

// flat operators have a gradient of zero, which is none.
var flat = map[string]bool{"Sign": true, "Floor": true, "Ceil": true, "Round": true, "Hardmax": true}

// linear operators, which a depth counts.
var linear = map[string]bool{"Conv": true, "ConvTranspose": true, "Gemm": true, "MatMul": true, "FusedMatMul": true, "Einsum": true,
	"DeformConv": true, "FusedConv": true, "FusedGemm": true, "TransposeMatMul": true}

// Layering says how parameters are put into layers.
type Layering struct {
	// Parts is the number of layers between the first and the head. ConvNeXt's
	// recipe divides models of any depth into 12.
	Parts int
	// By, if set, puts parameters whose names match into a layer for each text that
	// its groups match, in the order of their depth.
	By *regexp.Regexp
}

// Parameters lists the inputs of a graph but for the images, the lowest layer
// first, and the number of layers. The graph is images → result; content is what
// a parameter starts with.
func Parameters(g *graphs.Graph, images, result *graphs.Value, content func(name string) []byte, l Layering) ([]Parameter, int, error) {
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
		p := Parameter{Name: v.Name, Shape: v.Shape, Decay: use.multiplies && len(v.Shape) > 1, depth: use.depth, order: i}
		switch {
		case !read || !r.useful[v]:
			p.Fixed = unreached
		case use.statistic:
			p.Fixed = statistics
		case use.depth == 0:
			p.Fixed = preprocessing
		case isMask(content(v.Name)):
			p.Fixed = mask
		}
		list = append(list, p)
	}
	slices.SortStableFunc(list, func(a, b Parameter) int { return cmp.Or(a.depth-b.depth, a.order-b.order) })
	layers, err := l.assign(list)
	slices.SortStableFunc(list, func(a, b Parameter) int { return a.Layer - b.Layer })
	return list, layers, err
}

// assign gives each parameter its layer and returns how many there are.
func (l Layering) assign(list []Parameter) (int, error) {
	if l.By != nil {
		return l.byName(list)
	}
	deepest := 0
	for _, p := range list {
		deepest = max(deepest, p.depth)
	}
	between := max(deepest-2, 0) // depths that are neither the first's nor the head's
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

// byName: a parameter whose name does not match goes with what is as deep.
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
		return 0, fmt.Errorf("optimizer.layer_pattern: it matches no parameter: they are called such as %q", list[len(list)/2].Name)
	}
	for i, p := range list {
		if IsHead(p.Name) {
			list[i].Layer = last + 1
		}
	}
	return last + 2, nil
}

// IsHead tells whether a parameter is the head's.
func IsHead(name string) bool { return name == HeadWeight || name == HeadBias }

// use is where a parameter meets the features first.
type use struct {
	depth      int
	multiplies bool // it does so as the operand of a linear layer
	statistic  bool // there or elsewhere: exporters store equal tensors once
}

// reach follows the images through a graph.
type reach struct {
	uses   map[*graphs.Value]use
	useful map[*graphs.Value]bool // a gradient may come to them
}

func newReach(g *graphs.Graph, images, result *graphs.Value) reach {
	r := reach{map[*graphs.Value]use{}, map[*graphs.Value]bool{result: true}}
	depth := map[*graphs.Value]int{images: 0}   // of what depends on the images
	from := map[*graphs.Value][]*graphs.Value{} // parameters behind other values
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
			if _, ok := depth[v]; ok || v == nil {
				continue
			}
			for _, p := range from[v] {
				if !active {
					continue
				}
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
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		if flat[n.Op] || !slices.ContainsFunc(n.Outputs, func(v *graphs.Value) bool { return v != nil && r.useful[v] }) {
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

// isMask tells whether a tensor holds nothing but zeros and one large negative
// number, as attention adds to what it must not see.
func isMask(data []byte) bool {
	const large = -99 // Swin's is -100
	masked, seen := float32(0), false
	for ; len(data) >= 4; data = data[4:] {
		x := math.Float32frombits(binary.LittleEndian.Uint32(data))
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
