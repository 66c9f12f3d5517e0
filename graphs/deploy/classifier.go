package deploy

import (
	"errors"
	"fmt"
	"slices"

	"fovea/graphs"
)

// Names of the outputs, float32 [N,C].
const (
	Probabilities = "probabilities"
	Logits        = "logits" // where the model has them
)

// Classifier makes probabilities and logits the only outputs of g. scores names
// the output that has one of the two: logits says which. Logits are also found
// in front of a Softmax that ends the model. It returns an error if scores is not
// an output.
func Classifier(g *graphs.Graph, scores string, logits bool) error {
	i := slices.IndexFunc(g.Outputs, func(v *graphs.Value) bool { return v.Name == scores })
	if i < 0 {
		return fmt.Errorf("there is no output %q", scores)
	}
	v := g.Outputs[i]
	if v.Rank() != 2 || v.Type != graphs.Float32 {
		return fmt.Errorf("output %s is no scores of classes, float32 [N,C]", v)
	}
	before := g.Outputs
	g.Outputs = nil
	var p *graphs.Value
	if logits {
		if p = softmaxOf(before, v); p == nil {
			p = g.Softmax(v, 1)
		}
	} else {
		p, v = v, nil
		if n := p.Producer(); n != nil && n.Op == "Softmax" && n.Domain == "" && n.Inputs[0].Type == graphs.Float32 {
			v = n.Inputs[0]
		}
	}
	g.FreeName(Probabilities, p)
	g.Output(Probabilities, p)
	if v != nil {
		g.FreeName(Logits, v)
		g.Output(Logits, v)
	}
	g.RemoveDead()
	dropStatistics(g)
	return g.Err()
}

// dropStatistics takes the further results of a normalisation away, which only a
// gradient reads.
func dropStatistics(g *graphs.Graph) {
	read := map[*graphs.Value]bool{}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			read[v] = true
		}
	}
	for _, n := range g.Nodes {
		if n.Op != "LayerNormalization" || n.Domain != "" {
			continue
		}
		for last := len(n.Outputs) - 1; last > 0 && !read[n.Outputs[last]] && !slices.Contains(g.Outputs, n.Outputs[last]); last-- {
			n.Outputs = n.Outputs[:last]
		}
	}
}

// softmaxOf is the value among several that is the softmax of v, or nil.
func softmaxOf(values []*graphs.Value, v *graphs.Value) *graphs.Value {
	for _, p := range values {
		if n := p.Producer(); n != nil && n.Op == "Softmax" && n.Domain == "" && n.Inputs[0] == v {
			return p
		}
	}
	return nil
}

// head is the last product with weights in front of the outputs, or nil where
// there are several.
func head(g *graphs.Graph) *graphs.Node {
	v := g.Outputs[len(g.Outputs)-1]
	for v != nil && v.Producer() != nil {
		n := v.Producer()
		if weightOf(n) >= 0 {
			return n
		}
		// Behind the head come a bias, reshapes, a softmax: one input that varies.
		var next *graphs.Value
		for _, in := range n.Inputs {
			if _, constant := in.Content(); in != nil && !constant {
				if next != nil {
					return nil
				}
				next = in
			}
		}
		v = next
	}
	return nil
}

// weightOf is the input of a product that is its weight, a float32 constant, or -1.
func weightOf(n *graphs.Node) int {
	if n.Domain != "" || len(n.Inputs) < 2 {
		return -1
	}
	switch n.Op {
	case "MatMul", "Gemm", "Conv", "ConvTranspose":
		if _, ok := n.Inputs[1].FloatValues(); ok {
			return 1
		}
	}
	return -1
}

// standard writes ONNX Runtime's own products of matrices in operators of the
// standard: the runtime joins them again. A factor goes to the first operand,
// where half precision has more room than in the product.
func standard(g *graphs.Graph) error {
	var refused []error
	nodes := g.Nodes
	g.Nodes = nil
	for _, n := range nodes {
		if n.Domain == graphs.Microsoft && n.Op == "FusedMatMul" {
			if n.Attributes.Int("transBatchA", 0) != 0 || n.Attributes.Int("transBatchB", 0) != 0 {
				refused = append(refused, fmt.Errorf("%s: transposed batches are not supported", n))
			}
			a := g.Scale(swapped(g, n.Inputs[0], n.Attributes.Int("transA", 0)), float64(n.Attributes.Float("alpha", 1)))
			n.Inputs = []*graphs.Value{a, swapped(g, n.Inputs[1], n.Attributes.Int("transB", 0))}
			n.Op, n.Domain, n.Version, n.Attributes = "MatMul", "", 0, nil
		}
		g.Nodes = append(g.Nodes, n)
	}
	return errors.Join(append(refused, g.Err())...)
}

// swapped is v with its last two dimensions exchanged if yes is not 0.
func swapped(g *graphs.Graph, v *graphs.Value, yes int64) *graphs.Value {
	if yes == 0 || v.Rank() < 2 {
		return v
	}
	perm := make([]int64, v.Rank())
	for i := range perm {
		perm[i] = int64(i)
	}
	last := len(perm) - 1
	perm[last], perm[last-1] = perm[last-1], perm[last]
	return g.Transpose(v, perm...)
}
