package deploy

import (
	"slices"

	"fovea/graphs"
)

// joinNormalizations replaces (x - mean)/√(variance + ε)·weight + bias over the last dimension by one
// LayerNormalization. Exporters wrote out the formula before opset 17.
func joinNormalizations(g *graphs.Graph) {
	for _, n := range g.Nodes {
		product, bias := operands(n, "Add")
		fraction, weight := operands(producer(product), "Mul")
		div := producer(fraction)
		if div == nil || div.Op != "Div" || !isChannel(weight) || !isChannel(bias) {
			continue
		}
		sub, root := producer(div.Inputs[0]), producer(div.Inputs[1])
		if sub == nil || sub.Op != "Sub" || root == nil || root.Op != "Sqrt" {
			continue
		}
		x := sub.Inputs[0]
		variance, epsilon := operands(producer(root.Inputs[0]), "Add")
		eps, ok := epsilon.FloatValues()
		if !ok || len(eps) != 1 || !isMean(sub.Inputs[1], x) || !isMeanSquare(variance, sub.Outputs[0]) ||
			weight.Len() != x.Shape[x.Rank()-1] || bias.Len() != weight.Len() {
			continue
		}
		n.Op, n.Version, n.Inputs = "LayerNormalization", 17, []*graphs.Value{x, weight, bias}
		n.Attributes = graphs.Attributes{"axis": int64(-1), "epsilon": eps[0]}
	}
	g.RemoveDead()
}

// producer returns the node of the standard domain that makes v, or nil.
func producer(v *graphs.Value) *graphs.Node {
	if v == nil || v.Producer() == nil || v.Producer().Domain != "" {
		return nil
	}
	return v.Producer()
}

// operands returns the computed and the constant operand of a sum or product, or nil for other nodes.
func operands(n *graphs.Node, op string) (computed, constant *graphs.Value) {
	if n == nil || n.Op != op || n.Domain != "" || len(n.Inputs) != 2 {
		return nil, nil
	}
	a, b := n.Inputs[0], n.Inputs[1]
	if _, ok := a.Content(); ok {
		a, b = b, a
	}
	if _, ok := b.Content(); !ok {
		return nil, nil
	}
	return a, b
}

func isChannel(v *graphs.Value) bool { return v != nil && v.Type == graphs.Float32 && v.Rank() == 1 }

// isMean reports whether v is the mean of x over its last dimension.
func isMean(v, x *graphs.Value) bool {
	n := producer(v)
	if n == nil || n.Op != "ReduceMean" || n.Inputs[0] != x || x.Rank() < 2 || v.Rank() != x.Rank() {
		return false
	}
	last := x.Rank() - 1
	return v.Shape[last] == 1 && slices.Equal(v.Shape[:last], x.Shape[:last])
}

// isMeanSquare reports whether v is the mean of x² over its last dimension.
func isMeanSquare(v, x *graphs.Value) bool {
	n := producer(v)
	if n == nil || len(n.Inputs) == 0 {
		return false
	}
	square := producer(n.Inputs[0])
	if square == nil || len(square.Inputs) != 2 || square.Inputs[0] != x || !isMean(v, square.Outputs[0]) {
		return false
	}
	power, ok := square.Inputs[1].FloatValues()
	return square.Op == "Mul" && square.Inputs[1] == x || square.Op == "Pow" && ok && len(power) == 1 && power[0] == 2
}
