package graphs

import (
	"math"
	"slices"
)

// Simplify replaces groups of nodes by fewer, or by smaller ones, that compute the
// same but for rounding and have simpler gradients. It is for graphs that are about
// to be differentiated.
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

// only finds the node of an operator that makes v, nil if it is of another or v is
// used twice.
type only func(v *Value, op string) *Node

// normalizeKernel makes a batch normalisation with given statistics behind a
// convolution part of its weight and bias: Y = (conv(X, W) + b - mean)·rate + shift =
// conv(X, W·rate) + (b - mean)·rate + shift. The tensor between them need not be kept.
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
	n.Op, n.Version, n.Attributes, n.Inputs = "Conv", conv.Version, conv.Attributes, []*Value{conv.Inputs[0], weight, bias}
}

// recognizeGelu: exporters write GELU as ½·x·(1 + erf(x/√2)), in any order.
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
		if sum := once(factors[1-i], "Add"); sum != nil && slices.ContainsFunc(sum.Inputs, func(v *Value) bool { return isScalar(v, 1) }) &&
			slices.ContainsFunc(sum.Inputs, func(v *Value) bool { return isErfOf(v, x, once) }) {
			n.Op, n.Version, n.Attributes, n.Inputs = "Gelu", 0, nil, []*Value{x}
			return
		}
	}
}

// isErfOf tells whether v is erf(x/√2).
func isErfOf(v, x *Value, once only) bool {
	erf := once(v, "Erf")
	if erf == nil {
		return false
	}
	if div := once(erf.Inputs[0], "Div"); div != nil {
		return div.Inputs[0] == x && isScalar(div.Inputs[1], math.Sqrt2)
	}
	mul := once(erf.Inputs[0], "Mul")
	return mul != nil && (mul.Inputs[0] == x && isScalar(mul.Inputs[1], 1/math.Sqrt2) || mul.Inputs[1] == x && isScalar(mul.Inputs[0], 1/math.Sqrt2))
}

// isScalar tells whether v is a constant of one element, about x.
func isScalar(v *Value, x float64) bool {
	values, ok := v.FloatValues()
	return ok && len(values) == 1 && math.Abs(float64(values[0])-x) < 1e-6
}
