package graphs

import "fmt"

// A LinearLayer describes a node that multiplies features with a matrix.
type LinearLayer struct {
	In, Out    int64 // features
	InputFirst bool  // the matrix is [In,Out], not [Out,In]
}

// LinearLayer returns the layer whose matrix is w. It is an error if w is not the matrix of exactly one plain product.
func (g *Graph) LinearLayer(w *Value) (LinearLayer, error) {
	var l LinearLayer
	readers := 0
	for _, n := range g.Nodes {
		for i, v := range n.Inputs {
			if v != w {
				continue
			}
			readers++
			if !multiplies(n, i) {
				return l, fmt.Errorf("%s is read by %s, which is no linear layer", w, n)
			}
			l = LinearLayer{w.Shape[1], w.Shape[0], false}
			if n.Attributes.Int("transB", 0) == 0 {
				l = LinearLayer{w.Shape[0], w.Shape[1], true}
			}
		}
	}
	if readers != 1 {
		return l, fmt.Errorf("%s is the matrix of %d linear layers, not of one", w, readers)
	}
	return l, nil
}

// multiplies reports whether input i of a node is the matrix of a linear layer.
func multiplies(n *Node, i int) bool {
	return i == 1 && n.Inputs[1].Rank() == 2 && (n.Op == "MatMul" || n.Op == "Gemm") && n.Domain == "" &&
		n.Attributes.Int("transA", 0) == 0 && n.Attributes.Float("alpha", 1) == 1
}

// AddLowRank adds scale·(x·aᵀ)·bᵀ to the result of the linear layer whose matrix is w and whose features are x, for a
// [rank,In] and b [Out,rank]. Beside a matrix that is not trained this needs no gradient of the size of w, which
// w + scale·b·a would.
func (g *Graph) AddLowRank(w, a, b *Value, scale float64) {
	g.rewrite(func(n *Node) {
		if len(n.Inputs) < 2 || n.Inputs[1] != w || !multiplies(n, 1) {
			return
		}
		x, shape := n.Inputs[0], n.Outputs[0].Shape
		if x.Rank() != 2 {
			x = g.Reshape(x, -1, x.Shape[x.Rank()-1])
		}
		low := g.ScaledMatMul(float32(scale), g.MatMul(x, a, TransB), b, TransB)
		if len(shape) != 2 {
			low = g.Reshape(low, shape...)
		}
		plain := g.ApplyN(1, n.Domain, n.Op, n.Attributes, n.Inputs...)[0]
		plain.node.Version = n.Version
		n.Op, n.Version, n.Attributes, n.Inputs = "Add", 0, nil, []*Value{plain, low}
	})
}
