package graphs

import (
	"math"
	"slices"
)

// Simplify replaces groups of nodes by fewer or smaller ones whose gradients are simpler. The results differ only by
// rounding. It is for graphs that will be differentiated.
func (g *Graph) Simplify() {
	uses := map[*Value]int{}
	for _, v := range g.Outputs {
		uses[v]++
	}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			uses[v]++
		}
	}
	once := func(v *Value, op string) *Node {
		if v == nil || v.node == nil || v.node.Op != op || v.node.Domain != "" || uses[v] != 1 {
			return nil
		}
		return v.node
	}
	g.rewrite(func(n *Node) { g.normalizeKernel(n, once) }, func(n *Node) { recognizeGelu(n, once) })
}

// only returns the node that makes v if it applies op and nothing else reads v, and nil otherwise.
type only func(v *Value, op string) *Node

// normalizeKernel makes a batch normalisation with fixed statistics part of the weight and bias of the convolution in
// front of it. The tensor between them then need not be kept:
//
//	Y = (conv(X, W) + b - mean)·rate + shift = conv(X, W·rate) + (b - mean)·rate + shift
func (g *Graph) normalizeKernel(n *Node, once only) {
	if n.Op != "BatchNormalization" || n.Attributes.Int("training_mode", 0) != 0 {
		return
	}
	conv := once(n.Inputs[0], "Conv")
	if conv == nil || n.Inputs[0].Type != Float32 {
		return
	}
	weight, scale, bias, mean, variance := conv.Inputs[1], n.Inputs[1], n.Inputs[2], n.Inputs[3], n.Inputs[4]
	rate := g.Div(scale, g.Sqrt(g.Add(variance, g.Scalar(float64(n.Attributes.Float("epsilon", 1e-5))))))
	if len(conv.Inputs) > 2 && conv.Inputs[2] != nil {
		mean = g.Sub(mean, conv.Inputs[2])
	}
	column := slices.Repeat([]int64{1}, weight.Rank())
	column[0] = weight.Shape[0]
	weight, bias = g.Mul(weight, g.Reshape(rate, column...)), g.Sub(bias, g.Mul(mean, rate))
	n.Op, n.Version, n.Attributes = "Conv", conv.Version, conv.Attributes
	n.Inputs = []*Value{conv.Inputs[0], weight, bias}
}

// recognizeGelu replaces ½·x·(1 + erf(x/√2)), with factors in any order, by a Gelu. Exporters write it so.
func recognizeGelu(n *Node, once only) {
	if n.Op != "Mul" || n.Domain != "" {
		return
	}
	factors := slices.Clone(n.Inputs)
	for i := 0; i < len(factors); i++ {
		if inner := once(factors[i], "Mul"); inner != nil {
			factors = append(slices.Delete(factors, i, i+1), inner.Inputs...)
			i--
		}
	}
	half := slices.IndexFunc(factors, func(v *Value) bool { return isScalar(v, 0.5) })
	if len(factors) != 3 || half < 0 {
		return
	}
	factors = slices.Delete(factors, half, half+1)
	for i, x := range factors {
		isOne := func(v *Value) bool { return isScalar(v, 1) }
		isErf := func(v *Value) bool { return isErfOf(v, x, once) }
		if sum := once(factors[1-i], "Add"); sum != nil &&
			slices.ContainsFunc(sum.Inputs, isOne) && slices.ContainsFunc(sum.Inputs, isErf) {
			n.Op, n.Version, n.Attributes, n.Inputs = "Gelu", 0, nil, []*Value{x}
			return
		}
	}
}

// isErfOf reports whether v is erf(x/√2).
func isErfOf(v, x *Value, once only) bool {
	erf := once(v, "Erf")
	if erf == nil {
		return false
	}
	if div := once(erf.Inputs[0], "Div"); div != nil {
		return div.Inputs[0] == x && isScalar(div.Inputs[1], math.Sqrt2)
	}
	mul := once(erf.Inputs[0], "Mul")
	return mul != nil && (mul.Inputs[0] == x && isScalar(mul.Inputs[1], 1/math.Sqrt2) ||
		mul.Inputs[1] == x && isScalar(mul.Inputs[0], 1/math.Sqrt2))
}

// isScalar reports whether v is a constant of one element that differs from x by less than 1e-6.
func isScalar(v *Value, x float64) bool {
	values, ok := v.FloatValues()
	return ok && len(values) == 1 && math.Abs(float64(values[0])-x) < 1e-6
}
