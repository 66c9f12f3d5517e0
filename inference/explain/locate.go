package explain

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"fovea/graphs"
	"fovea/graphs/importer"
	"fovea/models/imported"
)

// An anatomy holds the parts of a model's graph that the methods read.
type anatomy struct {
	images    *graphs.Value
	output    *graphs.Value   // [B,C], the model's
	scores    *graphs.Value   // of which it makes these by softmax or sigmoid, if it does
	attention []*graphs.Value // [B,H,T,T] or [B·H,T,T], the first layer first
	before    int64           // tokens before those of the patches, such as the class token
	side      int64           // patches along a side of the image
	tokens    *graphs.Value   // input of the last attention: [B,T,W], [T,B,W] or [B·T,W]
	features  *graphs.Value   // the last feature map [B,K,h,w] of convolutions

	noAttention error // why there is none
}

// locate finds the parts of a model that was imported from file, whose output is called output, if that is not "".
func locate(ctx context.Context, file *imported.File, m *importer.Model, output string) (*anatomy, error) {
	a, g := &anatomy{}, m.Graph
	if len(g.Inputs) != 1 {
		return nil, fmt.Errorf("the model has %d inputs: one is explained, the images", len(g.Inputs))
	}
	a.images = g.Inputs[0]
	if s := a.images.Shape; len(s) != 4 || s[1] != 3 || s[2] != s[3] || a.images.Type != graphs.Float32 {
		return nil, fmt.Errorf("the model's input is %s: images are float32 [N,3,S,S]", a.images)
	}
	if a.output = scoring(g, a.images.Shape[0], output); a.output == nil {
		return nil, fmt.Errorf("the model has no output %sfloat32 [N,C], the scores of classes; its outputs: %v",
			quoted(output), g.Outputs)
	}
	a.scores = a.output
	if s, err := file.Scores(ctx, a.output.Name); err == nil && m.Values[s.Logits] != nil {
		a.scores = m.Values[s.Logits]
	}
	if a.scores.Rank() != 2 {
		a.scores = g.Reshape(a.scores, a.output.Shape...)
	}
	path := a.path(g)
	if a.attention, a.noAttention = attention(path, a.images.Shape[0]); a.attention != nil {
		a.before, a.side, a.noAttention = grid(a.attention[0], a.images.Shape[3])
	}
	if a.noAttention != nil {
		a.attention = nil
	} else {
		a.tokens = tokens(a.attention[len(a.attention)-1], path, a.images.Shape[0])
	}
	a.features = featureMap(path, a.images.Shape[0])
	return a, nil
}

// scoring returns the output [N,C] of a name, or for "" the one called logits, else the first. It is nil if there is
// none.
func scoring(g *graphs.Graph, batch int64, name string) *graphs.Value {
	var found *graphs.Value
	for _, v := range g.Outputs {
		if v.Type != graphs.Float32 || v.Rank() != 2 || v.Shape[0] != batch || name != "" && v.Name != name {
			continue
		}
		if found == nil || v.Name == "logits" {
			found = v
		}
	}
	return found
}

func quoted(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("%q ", name)
}

// path returns the nodes through which the scores depend on the images.
func (a *anatomy) path(g *graphs.Graph) []*graphs.Node {
	varies := map[*graphs.Value]bool{a.images: true}
	depends := func(values []*graphs.Value, on map[*graphs.Value]bool) bool {
		return slices.ContainsFunc(values, func(v *graphs.Value) bool { return on[v] })
	}
	var below []*graphs.Node
	for _, n := range g.Nodes {
		if depends(n.Inputs, varies) {
			below = append(below, n)
			for _, v := range n.Outputs {
				varies[v] = v != nil
			}
		}
	}
	wanted := map[*graphs.Value]bool{a.scores: true}
	var path []*graphs.Node
	for _, n := range slices.Backward(below) {
		if depends(n.Outputs, wanted) {
			path = append(path, n)
			for _, v := range n.Inputs {
				wanted[v] = v != nil
			}
		}
	}
	slices.Reverse(path)
	return path
}

// attention returns the softmaxes over pairs of tokens.
func attention(path []*graphs.Node, batch int64) ([]*graphs.Value, error) {
	var out []*graphs.Value
	for _, n := range path {
		if n.Domain != "" || n.Op != "Softmax" {
			continue
		}
		v, rank := n.Outputs[0], n.Outputs[0].Rank()
		axis := n.Attributes.Int("axis", -1)
		if rank < 3 || axis != -1 && axis != int64(rank-1) || v.Shape[rank-1] != v.Shape[rank-2] || v.Shape[rank-1] == 1 {
			continue
		}
		// Of rank 3, heads and windows look alike; what the tokens are made of tells them apart.
		whole := rank == 4 && v.Shape[0] == batch || rank == 3 && v.Shape[0]%batch == 0 && tokens(v, path, batch) != nil
		if !whole || out != nil && out[0].Shape[out[0].Rank()-1] != v.Shape[rank-1] {
			return nil, fmt.Errorf("its attention is not between all tokens of an image: %s", v)
		}
		out = append(out, v)
	}
	if out == nil {
		return nil, errors.New("its graph has no softmax over pairs of tokens")
	}
	return out, nil
}

// grid returns how the tokens of an attention lie over an image of S pixels: side×side patches behind so many other
// tokens.
func grid(attention *graphs.Value, size int64) (before, side int64, err error) {
	count := attention.Shape[attention.Rank()-1]
	side = int64(math.Sqrt(float64(count)))
	if size%side != 0 {
		return 0, 0, fmt.Errorf("its %d tokens are no square of patches of an image of %d×%[2]d pixels, and a few more",
			count, size)
	}
	return count - side*side, side, nil
}

// tokens returns the input of the product with weights that makes the queries or keys of an attention. It is nil if the
// input has not the shape of tokens.
func tokens(attention *graphs.Value, path []*graphs.Node, batch int64) *graphs.Value {
	makers := map[*graphs.Value]*graphs.Node{}
	for _, n := range path {
		for _, v := range n.Outputs {
			if v != nil {
				makers[v] = n
			}
		}
	}
	count := attention.Shape[attention.Rank()-1]
	next, seen := []*graphs.Value{attention}, map[*graphs.Value]bool{}
	for len(next) > 0 {
		v := next[0]
		next = next[1:]
		n := makers[v]
		if n == nil || seen[v] {
			continue
		}
		seen[v] = true
		var varying []*graphs.Value
		for _, in := range n.Inputs {
			if makers[in] != nil {
				varying = append(varying, in)
			}
		}
		if product := n.Op == "MatMul" || n.Op == "Gemm" || n.Op == "FusedMatMul"; product && len(varying) == 1 {
			x := varying[0]
			if x.Rank() < 2 || x.Len() != batch*count*x.Shape[x.Rank()-1] {
				return nil
			}
			return x
		}
		next = append(next, varying...)
	}
	return nil
}

// featureMap returns the last value [B,K,h,w] of more than one position that a convolution makes. A node that joins,
// scales or activates such a value without changing its size makes one too.
func featureMap(path []*graphs.Node, batch int64) *graphs.Value {
	isMap := map[*graphs.Value]bool{}
	var last *graphs.Value
	for _, n := range path {
		v := n.Outputs[0]
		if v == nil || v.Rank() != 4 || v.Shape[0] != batch || v.Shape[2]*v.Shape[3] < 2 || v.Type != graphs.Float32 {
			continue
		}
		made := n.Op == "Conv"
		for _, in := range n.Inputs {
			made = made || isMap[in] && n.Op != "Transpose" && slices.Equal(in.Shape[2:], v.Shape[2:])
		}
		if made {
			isMap[v], last = true, v
		}
	}
	return last
}
