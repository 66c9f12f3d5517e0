package graphs

import (
	"slices"

	"fovea/onnx/pb"
)

// These methods apply the operators that Fovea writes. They follow the ONNX operator specification, opset 20, and ONNX
// Runtime's specification of FusedMatMul.

func (g *Graph) Add(a, b *Value) *Value { return g.Apply("Add", nil, a, b) }
func (g *Graph) Sub(a, b *Value) *Value { return g.Apply("Sub", nil, a, b) }
func (g *Graph) Mul(a, b *Value) *Value { return g.Apply("Mul", nil, a, b) }
func (g *Graph) Div(a, b *Value) *Value { return g.Apply("Div", nil, a, b) }
func (g *Graph) Pow(a, b *Value) *Value { return g.Apply("Pow", nil, a, b) }
func (g *Graph) Neg(x *Value) *Value    { return g.Apply("Neg", nil, x) }
func (g *Graph) Exp(x *Value) *Value    { return g.Apply("Exp", nil, x) }
func (g *Graph) Erf(x *Value) *Value    { return g.Apply("Erf", nil, x) }
func (g *Graph) Log(x *Value) *Value    { return g.Apply("Log", nil, x) }
func (g *Graph) Sqrt(x *Value) *Value   { return g.Apply("Sqrt", nil, x) }
func (g *Graph) Tanh(x *Value) *Value   { return g.Apply("Tanh", nil, x) }
func (g *Graph) Abs(x *Value) *Value    { return g.Apply("Abs", nil, x) }
func (g *Graph) Sin(x *Value) *Value    { return g.Apply("Sin", nil, x) }
func (g *Graph) Cos(x *Value) *Value    { return g.Apply("Cos", nil, x) }
func (g *Graph) Relu(x *Value) *Value   { return g.Apply("Relu", nil, x) }

// Equal returns true where a and b are equal.
func (g *Graph) Equal(a, b *Value) *Value { return g.Apply("Equal", nil, a, b) }

// Where returns a where the condition is true, and b elsewhere.
func (g *Graph) Where(condition, a, b *Value) *Value {
	return g.Apply("Where", nil, condition, a, b)
}

// Sign returns -1, 0 or 1.
func (g *Graph) Sign(x *Value) *Value { return g.Apply("Sign", nil, x) }

// Sigmoid computes 1/(1 + exp(-x)).
func (g *Graph) Sigmoid(x *Value) *Value { return g.Apply("Sigmoid", nil, x) }

// Softplus computes log(1 + exp(x)).
func (g *Graph) Softplus(x *Value) *Value { return g.Apply("Softplus", nil, x) }

// Gelu computes x·Φ(x) with the exact normal distribution function.
func (g *Graph) Gelu(x *Value) *Value { return g.Apply("Gelu", nil, x) }

// Scale multiplies by a constant.
func (g *Graph) Scale(x *Value, by float64) *Value {
	if by == 1 {
		return x
	}
	return g.Mul(x, g.Scalar(by))
}

// MatMul computes op(a)·op(b) over the last two dimensions and broadcasts the others. It chooses the operator that
// needs no separate transposition.
func (g *Graph) MatMul(a, b *Value, t Transposition) *Value { return g.ScaledMatMul(1, a, b, t) }

// ScaledMatMul multiplies the result of MatMul by alpha.
func (g *Graph) ScaledMatMul(alpha float32, a, b *Value, t Transposition) *Value {
	if alpha == 1 && t == NoTrans {
		return g.Apply("MatMul", nil, a, b)
	}
	attributes := Attributes{"alpha": alpha, "transA": int64(t & 1), "transB": int64(t >> 1)}
	if a.Rank() == 2 && b.Rank() == 2 {
		return g.Apply("Gemm", attributes, a, b)
	}
	return g.ApplyN(1, Microsoft, "FusedMatMul", attributes, a, b)[0]
}

// Linear computes x·wᵀ + bias for x [M,K], w [N,K] and bias [N], as torch.nn.Linear does. It adds the bias behind the
// product: ONNX Runtime would first spread a third input of Gemm over the whole result, on one thread.
func (g *Graph) Linear(x, w, bias *Value) *Value {
	return g.Add(g.MatMul(x, w, TransB), bias)
}

// ReduceSum adds up along axes, or along all if there are none. The axes stay with size 1 if keep is set.
func (g *Graph) ReduceSum(x *Value, keep bool, axes ...int64) *Value {
	return g.reduce("ReduceSum", x, keep, axes)
}

// ReduceMean computes the mean along axes, as ReduceSum does.
func (g *Graph) ReduceMean(x *Value, keep bool, axes ...int64) *Value {
	return g.reduce("ReduceMean", x, keep, axes)
}

// ReduceMax computes the largest value along axes, as ReduceSum does.
func (g *Graph) ReduceMax(x *Value, keep bool, axes ...int64) *Value {
	return g.reduce("ReduceMax", x, keep, axes)
}

// ReduceMin computes the smallest value along axes, as ReduceSum does.
func (g *Graph) ReduceMin(x *Value, keep bool, axes ...int64) *Value {
	return g.reduce("ReduceMin", x, keep, axes)
}

func (g *Graph) reduce(op string, x *Value, keep bool, axes []int64) *Value {
	keepdims := int64(0)
	if keep {
		keepdims = 1
	}
	if len(axes) == 0 {
		return g.Apply(op, Attributes{"keepdims": keepdims}, x)
	}
	return g.Apply(op, Attributes{"keepdims": keepdims}, x, g.Ints(axes...))
}

// Softmax computes exp(x)/Σexp(x) along axis.
func (g *Graph) Softmax(x *Value, axis int64) *Value {
	return g.Apply("Softmax", Attributes{"axis": axis}, x)
}

// LogSoftmax computes log(Softmax(x)) along axis.
func (g *Graph) LogSoftmax(x *Value, axis int64) *Value {
	return g.Apply("LogSoftmax", Attributes{"axis": axis}, x)
}

// LayerNormalization normalises over the last dimension. It returns the normalised values, and the mean and the inverse
// standard deviation, which the gradient reads.
func (g *Graph) LayerNormalization(x, weight, bias *Value, epsilon float32) (y, mean, invStd *Value) {
	out := g.ApplyN(3, "", "LayerNormalization", Attributes{"axis": int64(-1), "epsilon": epsilon}, x, weight, bias)
	return out[0], out[1], out[2]
}

// Reshape gives the elements of x a new shape, in which one dimension may be -1.
func (g *Graph) Reshape(x *Value, shape ...int64) *Value {
	if slices.Equal(x.Shape, shape) {
		return x
	}
	return g.Apply("Reshape", nil, x, g.Ints(shape...))
}

// Transpose permutes the dimensions: dimension i of the result is perm[i] of x. A permutation that changes nothing is
// left out, because ONNX Runtime would take it for a swap where it joins it with a Gemm.
func (g *Graph) Transpose(x *Value, perm ...int64) *Value {
	same := len(perm) == x.Rank()
	for i, p := range perm {
		same = same && p == int64(i)
	}
	if same {
		return x
	}
	return g.Apply("Transpose", Attributes{"perm": perm}, x)
}

// Squeeze removes the axes, which have size 1.
func (g *Graph) Squeeze(x *Value, axes ...int64) *Value {
	return g.Apply("Squeeze", nil, x, g.Ints(axes...))
}

// Concat joins values along axis.
func (g *Graph) Concat(axis int64, parts ...*Value) *Value {
	return g.Apply("Concat", Attributes{"axis": axis}, parts...)
}

// Split cuts x along axis into parts of the given sizes.
func (g *Graph) Split(x *Value, axis int64, sizes ...int64) []*Value {
	return g.ApplyN(len(sizes), "", "Split", Attributes{"axis": axis}, x, g.Ints(sizes...))
}

// Slice returns x[start:end] along axis.
func (g *Graph) Slice(x *Value, axis, start, end int64) *Value {
	return g.Apply("Slice", nil, x, g.Ints(start), g.Ints(end), g.Ints(axis))
}

// Pad adds zeros before and after x along one axis.
func (g *Graph) Pad(x *Value, axis, before, after int64) *Value {
	pads := make([]int64, 2*x.Rank())
	if int(axis) < x.Rank() {
		pads[axis], pads[int(axis)+x.Rank()] = before, after
	}
	return g.Apply("Pad", nil, x, g.Ints(pads...))
}

// Expand broadcasts x to a shape. A Dynamic dimension takes its size at run time from the Dynamic dimension of like.
func (g *Graph) Expand(x *Value, like *Value, shape ...int64) *Value {
	i := int64(slices.Index(shape, Dynamic))
	if slices.Equal(x.Shape, shape) && i < 0 {
		return x
	}
	if i < 0 {
		return g.Apply("Expand", nil, x, g.Ints(shape...))
	}
	if like == nil || !slices.Contains(like.Shape, Dynamic) {
		g.fail("Expand to %s: there is no value to take the size from", shapeString(shape))
		return x
	}
	j := int64(slices.Index(like.Shape, Dynamic))
	parts := []*Value{g.Apply("Shape", Attributes{"start": j, "end": j + 1}, like)}
	if i > 0 {
		parts = append([]*Value{g.Ints(shape[:i]...)}, parts...)
	}
	if rest := shape[i+1:]; len(rest) > 0 {
		parts = append(parts, g.Ints(rest...))
	}
	return g.Apply("Expand", nil, x, g.Concat(0, parts...))
}

// Cast converts the elements to another type.
func (g *Graph) Cast(x *Value, to pb.TensorProto_DataType) *Value {
	if x.Type == to {
		return x
	}
	return g.Apply("Cast", Attributes{"to": int64(to)}, x)
}
