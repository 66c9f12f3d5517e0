package graphs

import (
	"math"
	"slices"

	"fovea/onnx/pb"
)

// Lower rewrites a float32 graph for the device that it runs on and for a precision. half is the type beside float32,
// or Float32 for none. See Mix, MixEmulated and ForCPU. The graph cannot be differentiated afterwards.
func (g *Graph) Lower(half pb.TensorProto_DataType, gpu bool) {
	if gpu {
		g.Mix(half)
		return
	}
	g.MixEmulated(half)
	g.ForCPU()
}

// ForCPU rewrites nodes into forms that ONNX Runtime's CPU kernels run faster. The results differ only by rounding. The
// graph cannot be differentiated afterwards.
func (g *Graph) ForCPU() {
	g.rewrite(g.transposeApart, g.convolveForward, g.sumByProduct, signByRamp)
}

// rewrite applies changes to each node. A change may append nodes in front of it.
func (g *Graph) rewrite(changes ...func(n *Node)) {
	g.rewriteEach(func(n *Node) {
		for _, change := range changes {
			change(n)
		}
		g.Nodes = append(g.Nodes, n)
	})
}

// rewriteEach empties the graph and passes each of its nodes, in order, to a function that appends it again.
func (g *Graph) rewriteEach(appendNode func(n *Node)) {
	nodes := g.Nodes
	g.Nodes = nil
	for _, n := range nodes {
		appendNode(n)
	}
}

// transposeApart writes a product Aᵀ·B of matrices as a plain product and transpositions. It transposes the matrix with
// fewer columns; if that is B, it also transposes the result. The Gemm kernel rearranges a transposed A for every strip
// of B's columns, which costs more than transposing it once.
func (g *Graph) transposeApart(n *Node) {
	attributes := n.Attributes
	if n.Op != "Gemm" || len(n.Inputs) != 2 || attributes.Int("transA", 0) != 1 || attributes.Int("transB", 0) != 0 ||
		attributes.Float("alpha", 1) != 1 {
		return
	}
	a, b := n.Inputs[0], n.Inputs[1]
	if a.Shape[1] <= b.Shape[1] {
		n.Op, n.Attributes, n.Inputs = "MatMul", nil, []*Value{g.Transpose(a, 1, 0), b}
		return
	}
	product := g.MatMul(g.Transpose(b, 1, 0), a, NoTrans)
	n.Op, n.Attributes, n.Inputs = "Transpose", Attributes{"perm": []int64{1, 0}}, []*Value{product}
}

// convolveForward writes a transposed convolution as a convolution with reversed kernels. It does so if the strides are
// 1 or the kernel has one element. The kernel of ConvTranspose adds up its results on one thread.
func (g *Graph) convolveForward(n *Node) {
	if n.Op != "ConvTranspose" {
		return
	}
	x, weight, group := n.Inputs[0], n.Inputs[1], n.Attributes.Int("group", 1)
	window, err := TransposedWindow(n)
	if err != nil {
		return
	}
	strided := slices.ContainsFunc(window.Strides, func(s int64) bool { return s != 1 })
	if strided {
		padded := slices.ContainsFunc(window.Pads(), func(p int64) bool { return p != 0 })
		if product(window.Kernel) != 1 || padded || len(n.Inputs) > 2 {
			return
		}
	}
	spatial := n.Outputs[0].Shape[2:]
	for i, size := range x.Shape[2:] {
		fullPadding := window.extent(i) - 1 // with it, every element of the kernel reaches every element of x
		before, after := fullPadding-window.Before[i], fullPadding-window.After[i]
		if before < 0 || after < 0 || !strided && size+before+after-fullPadding != spatial[i] {
			return
		}
		window.Before[i], window.After[i] = before, after
	}
	attributes := Attributes{"group": group, "pads": window.Pads(), "dilations": window.Dilations,
		"kernel_shape": window.Kernel}
	inputs := slices.Clone(n.Inputs)
	inputs[1] = g.reversedKernels(weight, group)
	if !strided {
		n.Op, n.Attributes, n.Inputs = "Conv", attributes, inputs
		return
	}
	y := g.Apply("Conv", attributes, inputs...)
	for i, stride := range window.Strides {
		y = g.spread(y, int64(i+2), stride, spatial[i])
	}
	n.Op, n.Attributes, n.Inputs = "Identity", nil, []*Value{y}
}

// spread places the elements of an axis at multiples of stride on an axis of the given size, with zeros between and
// behind them.
func (g *Graph) spread(x *Value, axis, stride, size int64) *Value {
	count, shape := x.Shape[axis], slices.Clone(x.Shape)
	const small = 1 << 16
	if shape[axis] = size; int(axis) == x.Rank()-1 && count*size <= max(small, x.Len()) {
		// The runtime pads single elements slowly, so a product with a 0/1 matrix places them if it is not too large.
		places := make([]float32, count*size)
		for i := range count {
			places[i*size+i*stride] = 1
		}
		return g.MatMul(x, g.Floats(places, count, size), NoTrans)
	}
	inner := product(shape[axis+1:])
	x = g.Reshape(g.Pad(g.Reshape(x, -1, count, 1, inner), 2, 0, stride-1), -1, count*stride, inner)
	if more := size - count*stride; more > 0 {
		x = g.Pad(x, 1, 0, more)
	} else if more < 0 {
		x = g.Slice(x, 1, 0, size)
	}
	return g.Reshape(x, shape...)
}

// reversedKernels returns the kernels [M,C/group,K…] of a transposed convolution as kernels [C,M/group,K…] of a
// convolution, with their elements in reverse order.
func (g *Graph) reversedKernels(w *Value, group int64) *Value {
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

// sumByProduct writes the sums of a matrix's columns as a product with ones: ONNX Runtime 1.27 takes a quarter of the
// time.
func (g *Graph) sumByProduct(n *Node) {
	if n.Op != "ReduceSum" || n.Domain != "" {
		return
	}
	x := n.Inputs[0]
	if x.Rank() != 2 || x.Type != Float32 || n.Attributes.Int("keepdims", 1) != 0 {
		return
	}
	if axes, err := ReducedAxes(n); err == nil && len(axes) == 1 && axes[0] == 0 {
		sums := g.MatMul(g.Filled(1, 1, x.Shape[0]), x, NoTrans)
		n.Op, n.Attributes, n.Inputs = "Reshape", nil, []*Value{sums, g.Ints(n.Outputs[0].Shape...)}
	}
}

// signByRamp writes the sign of a Relu's result as the steepest possible ramp. The kernel of HardSigmoid is vectorised
// and runs on all threads.
func signByRamp(n *Node) {
	if n.Op == "Sign" && n.Inputs[0].Type == Float32 && n.Inputs[0].node != nil && n.Inputs[0].node.Op == "Relu" {
		n.Op, n.Attributes = "HardSigmoid", Attributes{"alpha": float32(math.MaxFloat32), "beta": float32(0)}
	}
}
