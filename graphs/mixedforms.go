package graphs

import (
	"maps"
	"slices"

	"fovea/onnx/pb"
)

// prepare rewrites nodes into forms that have half-precision kernels or that round less.
func (g *Graph) prepare(half pb.TensorProto_DataType) {
	g.raiseOpset(half)
	if half == BFloat16 && g.opset() >= bfloat16Conv {
		g.rewrite(g.convolveForwardUnstrided)
	}
	g.addInProducts()
}

// convolveForwardUnstrided writes a transposed convolution without strides as a convolution, which has a bfloat16
// kernel.
func (g *Graph) convolveForwardUnstrided(n *Node) {
	if !slices.ContainsFunc(n.Attributes.Ints("strides"), func(s int64) bool { return s != 1 }) {
		g.convolveForward(n)
	}
}

// addInProducts moves the bias behind a product of matrices into the product. Then only the sum is rounded, and not the
// product too.
func (g *Graph) addInProducts() {
	users := g.users()
	merged := map[*Node]bool{}
	for _, n := range g.Nodes {
		if n.Op != "Add" || n.FullPrecision || g.isOutput(n.Outputs[0]) {
			continue
		}
		for i, v := range n.Inputs {
			product, bias := v.node, n.Inputs[1-i]
			if product == nil || product.Op != "Gemm" || len(product.Inputs) != 2 ||
				product.Attributes.Float("beta", 1) != 1 ||
				product.FullPrecision || isSum(product) || len(users[v]) != 1 || g.isOutput(v) ||
				bias.Rank() != 1 || bias.Len() != v.Shape[1] || bias.Type != v.Type || !isInput(bias) {
				continue
			}
			merged[product] = true
			n.Op, n.Version, n.Attributes = "Gemm", product.Version, product.Attributes
			n.Inputs = append(slices.Clone(product.Inputs), bias)
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

// opset returns the version of the standard's operators that the model declares.
func (g *Graph) opset() int64 { return max(Opset(""), g.opsets[""]) }

// raiseOpset declares the version that brought bfloat16 convolutions. It does nothing if the graph has operators that
// mean something else there or have no kernel.
func (g *Graph) raiseOpset(half pb.TensorProto_DataType) {
	uses := func(ops ...string) bool {
		return slices.ContainsFunc(g.Nodes, func(n *Node) bool { return n.Domain == "" && slices.Contains(ops, n.Op) })
	}
	if half != BFloat16 || g.opset() >= bfloat16Conv || !uses("Conv") || uses(onlyBefore22...) {
		return
	}
	const ir = 10 // the first version of the format with opset 21 and 22
	g.opsets = maps.Clone(g.opsets)
	if g.opsets == nil {
		g.opsets = map[string]int64{}
	}
	g.opsets[""], g.ir = bfloat16Conv, max(g.ir, ir)
}
