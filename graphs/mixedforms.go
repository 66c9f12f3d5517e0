package graphs

import (
	"maps"
	"slices"

	"fovea/onnx/pb"
)

// prepare writes nodes in forms that have half-precision kernels, or round less.
func (g *Graph) prepare(half pb.TensorProto_DataType) {
	g.raiseOpset(half)
	if half == BFloat16 && g.opset() >= bfloat16Conv {
		g.rewrite(g.convolveForwardUnstrided)
	}
	g.addInProducts()
}

// convolveForwardUnstrided writes a transposed convolution without strides as a
// convolution, of which there is a bfloat16 kernel.
func (g *Graph) convolveForwardUnstrided(n *Node) {
	if !slices.ContainsFunc(n.Attributes.Ints("strides"), func(s int64) bool { return s != 1 }) {
		g.convolveForward(n)
	}
}

// addInProducts makes the bias behind a product of matrices part of it: then the
// sum is rounded, not both.
func (g *Graph) addInProducts() {
	users := g.users()
	merged := map[*Node]bool{}
	for _, n := range g.Nodes {
		if n.Op != "Add" || n.FullPrecision || g.isOutput(n.Outputs[0]) {
			continue
		}
		for i, v := range n.Inputs {
			product, bias := v.node, n.Inputs[1-i]
			if product == nil || product.Op != "Gemm" || len(product.Inputs) != 2 || product.Attributes.Float("beta", 1) != 1 ||
				product.FullPrecision || isSum(product) || len(users[v]) != 1 || g.isOutput(v) ||
				bias.Rank() != 1 || bias.Len() != v.Shape[1] || bias.Type != v.Type || !given(bias) {
				continue
			}
			merged[product] = true
			n.Op, n.Version, n.Attributes, n.Inputs = "Gemm", product.Version, product.Attributes, append(slices.Clone(product.Inputs), bias)
			break
		}
	}
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n *Node) bool { return merged[n] })
}

// users lists the nodes that read each value.
func (g *Graph) users() map[*Value][]*Node {
	out := map[*Value][]*Node{}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			out[v] = append(out[v], n)
		}
	}
	return out
}

// opset is the version of the standard's operators that the model states.
func (g *Graph) opset() int64 { return max(Opset(""), g.opsets[""]) }

// raiseOpset states the version since which a convolution may be in bfloat16, unless
// another operator of the graph has another meaning there, or no kernel.
func (g *Graph) raiseOpset(half pb.TensorProto_DataType) {
	uses := func(ops ...string) bool {
		return slices.ContainsFunc(g.Nodes, func(n *Node) bool { return n.Domain == "" && slices.Contains(ops, n.Op) })
	}
	if half != BFloat16 || g.opset() >= bfloat16Conv || !uses("Conv") || uses(onlyBefore22...) {
		return
	}
	const ir = 10 // the first with opset 21 and 22
	g.opsets = maps.Clone(g.opsets)
	if g.opsets == nil {
		g.opsets = map[string]int64{}
	}
	g.opsets[""], g.ir = bfloat16Conv, max(g.ir, ir)
}
