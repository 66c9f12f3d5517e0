package deploy

import (
	"errors"
	"fmt"
	"slices"

	"fovea/graphs"
)

// These are the names of the outputs, float32 [N,C].
const (
	Probabilities = "probabilities"
	Logits        = "logits" // only if the model has them
)

// Classifier makes probabilities and logits the only outputs of g. scores names the output that has one of the two, and
// logits is the value with the logits: that output itself, or what its probabilities are made of, or nil if no value
// has them. Classifier returns an error if scores is not an output.
func Classifier(g *graphs.Graph, scores string, logits *graphs.Value) error {
	i := slices.IndexFunc(g.Outputs, func(v *graphs.Value) bool { return v.Name == scores })
	if i < 0 {
		return fmt.Errorf("there is no output %q", scores)
	}
	p := g.Outputs[i]
	if p.Rank() != 2 || p.Type != graphs.Float32 {
		return fmt.Errorf("output %s is no scores of classes, float32 [N,C]", p)
	}
	before := g.Outputs
	g.Outputs = nil
	if logits == p {
		if p = softmaxOf(before, logits); p == nil {
			p = g.Softmax(logits, 1)
		}
	}
	if logits != nil && logits.Rank() != 2 {
		logits = g.Apply("Flatten", nil, logits)
	}
	g.FreeName(Probabilities, p)
	g.Output(Probabilities, p)
	if logits != nil {
		g.FreeName(Logits, logits)
		g.Output(Logits, logits)
	}
	g.RemoveDead()
	dropStatistics(g)
	return g.Err()
}

// dropStatistics removes the further results of layer normalisations, which only a gradient reads.
func dropStatistics(g *graphs.Graph) {
	read := map[*graphs.Value]bool{}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			read[v] = v != nil
		}
	}
	for _, n := range g.Nodes {
		if n.Op != "LayerNormalization" || n.Domain != "" {
			continue
		}
		for i := len(n.Outputs) - 1; i > 0 && !read[n.Outputs[i]] && !slices.Contains(g.Outputs, n.Outputs[i]); i-- {
			n.Outputs = n.Outputs[:i]
		}
	}
}

// softmaxOf returns the value among several that is the softmax of v, or nil.
func softmaxOf(values []*graphs.Value, v *graphs.Value) *graphs.Value {
	for _, p := range values {
		if n := p.Producer(); n != nil && n.Op == "Softmax" && n.Domain == "" && n.Inputs[0] == v {
			return p
		}
	}
	return nil
}

// head returns the last product with weights in front of the outputs, or nil if there are several.
func head(g *graphs.Graph) *graphs.Node {
	v := g.Outputs[len(g.Outputs)-1]
	for v != nil && v.Producer() != nil {
		n := v.Producer()
		if hasWeight(n) {
			return n
		}
		// Behind the head come only a bias, reshapes and a softmax, each with one input that varies.
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

// hasWeight reports whether a node is a product whose second input is a weight, a float32 constant.
func hasWeight(n *graphs.Node) bool {
	if n.Domain != "" || len(n.Inputs) < 2 || !slices.Contains([]string{"MatMul", "Gemm", "Conv", "ConvTranspose"},
		n.Op) {
		return false
	}
	_, ok := n.Inputs[1].FloatValues()
	return ok
}

// useStandardProducts writes ONNX Runtime's own products of matrices in operators of the standard, which the runtime
// joins again. A factor goes to the first operand, because half precision has more room there than in the product.
func useStandardProducts(g *graphs.Graph) error {
	var refused []error
	eachNode(g, func(n *graphs.Node) {
		if n.Domain != graphs.Microsoft || n.Op != "FusedMatMul" {
			return
		}
		if n.Attributes.Int("transBatchA", 0) != 0 || n.Attributes.Int("transBatchB", 0) != 0 {
			refused = append(refused, fmt.Errorf("%s: transposed batches are not supported", n))
		}
		a, b := n.Inputs[0], n.Inputs[1]
		if n.Attributes.Int("transA", 0) != 0 {
			a = swapLastTwo(g, a)
		}
		a = g.Scale(a, float64(n.Attributes.Float("alpha", 1)))
		if n.Attributes.Int("transB", 0) != 0 {
			b = swapLastTwo(g, b)
		}
		n.Inputs = []*graphs.Value{a, b}
		n.Op, n.Domain, n.Version, n.Attributes = "MatMul", "", 0, nil
	})
	return errors.Join(append(refused, g.Err())...)
}

// swapLastTwo exchanges the last two dimensions of v, if it has as many.
func swapLastTwo(g *graphs.Graph, v *graphs.Value) *graphs.Value {
	if v.Rank() < 2 {
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
