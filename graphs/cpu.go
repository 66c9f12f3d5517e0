package graphs

import "slices"

// ForCPU rewrites nodes into forms that ONNX Runtime's CPU kernels run faster. The
// results are the same but for rounding. Nothing can be differentiated behind it.
func (g *Graph) ForCPU() {
	g.rewrite(g.transposeApart, g.convolveForward, g.compare)
}

// rewrite applies changes to each node, which may put nodes in front of it.
func (g *Graph) rewrite(changes ...func(n *Node)) {
	nodes := g.Nodes
	g.Nodes = nil
	for _, n := range nodes {
		for _, change := range changes {
			change(n)
		}
		g.Nodes = append(g.Nodes, n)
	}
}

// transposeApart writes a product Aᵀ·B of matrices as a transposition and a plain
// product. The kernel rearranges a transposed A again for every strip of B's columns,
// which costs more than transposing it once.
func (g *Graph) transposeApart(n *Node) {
	a := n.Attributes
	if n.Op == "Gemm" && len(n.Inputs) == 2 && a.Int("transA", 0) == 1 && a.Int("transB", 0) == 0 && a.Float("alpha", 1) == 1 {
		n.Op, n.Attributes, n.Inputs = "MatMul", nil, []*Value{g.Transpose(n.Inputs[0], 1, 0), n.Inputs[1]}
	}
}

// convolveForward writes a transposed convolution that takes no strides as a
// convolution with turned kernels. The kernel of the former adds up its results on
// one thread.
func (g *Graph) convolveForward(n *Node) {
	if n.Op != "ConvTranspose" {
		return
	}
	x, weight, group := n.Inputs[0], n.Inputs[1], n.Attributes.Int("group", 1)
	window, err := TransposedWindow(n)
	if err != nil || slices.ContainsFunc(window.Strides, func(s int64) bool { return s != 1 }) {
		return
	}
	for i, size := range n.Outputs[0].Shape[2:] {
		around := window.extent(i) - 1 // padding with which each element of the result is met by every element of a kernel
		window.Before[i], window.After[i] = around-window.Before[i], around-window.After[i]
		if window.Before[i] < 0 || window.After[i] < 0 || x.Shape[i+2]+window.Before[i]+window.After[i]-around != size {
			return
		}
	}
	n.Op, n.Attributes = "Conv", Attributes{"group": group, "pads": window.Pads(), "dilations": window.Dilations,
		"kernel_shape": window.Kernel}
	n.Inputs = slices.Clone(n.Inputs)
	n.Inputs[1] = g.turned(weight, group)
}

// turned are the kernels [M,C/group,K…] of a transposed convolution as those
// [C,M/group,K…] of a convolution: with their elements in reverse order.
func (g *Graph) turned(w *Value, group int64) *Value {
	filters, channels, taps := w.Shape[0]/group, w.Shape[1], product(w.Shape[2:])
	shape := slices.Concat([]int64{group * channels, filters}, w.Shape[2:])
	if taps > 1 {
		last := make([]int64, taps)
		for i := range last {
			last[i] = taps - 1 - int64(i)
		}
		// The runtime moves one axis at a time much faster than several.
		w = g.Transpose(g.Reshape(w, -1, taps), 1, 0)
		w = g.Apply("Gather", Attributes{"axis": int64(0)}, w, g.Ints(last...))
	}
	if filters > 1 && channels > 1 {
		w = g.Transpose(g.Reshape(w, taps*group, filters, channels), 0, 2, 1)
	}
	if taps > 1 {
		w = g.Transpose(g.Reshape(w, taps, -1), 1, 0)
	}
	return g.Reshape(w, shape...)
}

// compare writes the sign of what is not negative as a comparison, whose kernel is
// vectorised and runs on all threads.
func (g *Graph) compare(n *Node) {
	if n.Op != "Sign" || n.Inputs[0].Type != Float32 || n.Inputs[0].node == nil || n.Inputs[0].node.Op != "Relu" {
		return
	}
	positive := g.Apply("Greater", nil, n.Inputs[0], g.Scalar(0))
	n.Op, n.Attributes, n.Inputs = "Cast", Attributes{"to": int64(Float32)}, []*Value{positive}
}
