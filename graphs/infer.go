package graphs

import (
	"errors"
	"fmt"
	"slices"

	"fovea/onnx/pb"
)

// An inference returns types and shapes of a node's outputs from its inputs and attributes, by the operator's
// specification.
type inference struct {
	inputs int // the first of them that must be there
	infer  func(n *Node) ([]Value, error)
}

var (
	ofOne    = inference{1, same}
	ofTwo    = inference{2, elementwise}
	ofAll    = inference{1, elementwise}
	reducing = inference{1, reduction}
)

// inferences lists the operators that graphs can be built from.
var inferences = map[string]inference{
	"Identity": ofOne, "Neg": ofOne, "Exp": ofOne, "Erf": ofOne, "Log": ofOne, "Sqrt": ofOne, "Tanh": ofOne,
	"Gelu": ofOne, "Abs": ofOne, "Sign": ofOne, "Floor": ofOne, "Ceil": ofOne, "Round": ofOne, "Reciprocal": ofOne,
	"Sin": ofOne, "Cos": ofOne, "Tan": ofOne, "Asin": ofOne, "Acos": ofOne, "Atan": ofOne,
	"Sinh": ofOne, "Cosh": ofOne, "Asinh": ofOne, "Acosh": ofOne, "Atanh": ofOne,
	"Sigmoid": ofOne, "Softplus": ofOne, "Softsign": ofOne, "Mish": ofOne, "HardSwish": ofOne, "HardSigmoid": ofOne,
	"Relu": ofOne, "LeakyRelu": ofOne, "ThresholdedRelu": ofOne, "Elu": ofOne, "Celu": ofOne, "Selu": ofOne,
	"Softmax": {1, sameAlongAxis}, "LogSoftmax": {1, sameAlongAxis},
	"PRelu": ofTwo, "Add": ofTwo, "Sub": ofTwo, "Mul": ofTwo, "Div": ofTwo, "Pow": ofTwo,
	"MatMul": {2, inferMatMul}, "FusedMatMul": {2, inferMatMul}, "Gemm": {2, inferGemm},
	"Sum": ofAll, "Mean": ofAll, "Max": ofAll, "Min": ofAll, "Clip": {1, inferClip},
	"Equal": {2, inferComparison}, "Where": {3, inferWhere},
	"ReduceSum": reducing, "ReduceMean": reducing, "ReduceMax": reducing, "ReduceMin": reducing,
	"ReduceL1": reducing, "ReduceL2": reducing, "ReduceSumSquare": reducing,
	"ReduceLogSum": reducing, "ReduceLogSumExp": reducing,
	"LayerNormalization": {2, inferLayerNormalization}, "BatchNormalization": {5, inferBatchNormalization},
	"Conv": {2, inferConv}, "ConvTranspose": {2, inferConvTranspose}, "MaxPool": {1, inferPool},
	"AveragePool": {1, inferPool}, "GlobalAveragePool": {1, inferGlobalPool}, "GlobalMaxPool": {1, inferGlobalPool},
	"ScatterElements": {3, inferScatterElements}, "Gather": {2, inferGather},
	"Reshape": {2, inferReshape}, "Transpose": {1, inferTranspose}, "Squeeze": {2, inferSqueeze},
	"Concat": {1, inferConcat}, "Split": {2, inferSplit}, "Slice": {4, inferSlice}, "Pad": {2, inferPad},
	"Expand": {2, inferExpand}, "Shape": {1, inferShape}, "Cast": {1, inferCast},
}

func infer(n *Node, outputs int) ([]Value, error) {
	rule, ok := inferences[n.Op]
	if !ok {
		return nil, errors.New("no shape inference for this operator")
	}
	if err := requireInputs(n, rule.inputs); err != nil {
		return nil, err
	}
	out, err := rule.infer(n)
	if err != nil {
		return nil, err
	}
	if len(out) < outputs {
		return nil, fmt.Errorf("it has %d outputs, not %d", len(out), outputs)
	}
	return out[:outputs], nil
}

// requireInputs returns an error unless inputs 0 to count-1 are present.
func requireInputs(n *Node, count int) error {
	for i := range count {
		if n.Input(i) == nil {
			return fmt.Errorf("input %d is missing", i)
		}
	}
	return nil
}

func one(t pb.TensorProto_DataType, shape []int64) []Value {
	return []Value{{Type: t, Shape: shape}}
}

func same(n *Node) ([]Value, error) {
	return one(n.Inputs[0].Type, slices.Clone(n.Inputs[0].Shape)), nil
}

func sameAlongAxis(n *Node) ([]Value, error) {
	if _, err := Axis(n.Attributes.Int("axis", -1), n.Inputs[0].Rank()); err != nil {
		return nil, err
	}
	return same(n)
}

// elementwise infers an operator that broadcasts all its inputs.
func elementwise(n *Node) ([]Value, error) {
	if err := requireInputs(n, max(1, len(n.Inputs))); err != nil {
		return nil, err
	}
	t, shape := n.Inputs[0].Type, n.Inputs[0].Shape
	for _, v := range n.Inputs[1:] {
		if v.Type != t {
			return nil, errors.New("element types differ")
		}
		var err error
		if shape, err = broadcast(shape, v.Shape); err != nil {
			return nil, err
		}
	}
	return one(t, slices.Clone(shape)), nil
}

func inferComparison(n *Node) ([]Value, error) {
	out, err := elementwise(n)
	if err != nil {
		return nil, err
	}
	return one(Bool, out[0].Shape), nil
}

func inferWhere(n *Node) ([]Value, error) {
	condition, a, b := n.Inputs[0], n.Inputs[1], n.Inputs[2]
	if condition.Type != Bool || a.Type != b.Type {
		return nil, errors.New("the condition is not boolean, or the element types differ")
	}
	shape, err := broadcast(a.Shape, b.Shape)
	if err == nil {
		shape, err = broadcast(condition.Shape, shape)
	}
	return one(a.Type, shape), err
}

// inferClip checks that the bounds, if present, are scalars.
func inferClip(n *Node) ([]Value, error) {
	for _, v := range n.Inputs[min(1, len(n.Inputs)):] {
		if v != nil && (v.Rank() != 0 || v.Type != n.Inputs[0].Type) {
			return nil, errors.New("a bound is no scalar of the input's type")
		}
	}
	return same(n)
}

// Transposition selects the operands of a matrix product whose last two dimensions are swapped.
type Transposition int

// TransA and TransB transpose the first and the second operand. Their sum transposes both.
const (
	NoTrans Transposition = 0
	TransA  Transposition = 1
	TransB  Transposition = 2
)

func matrix(shape []int64, transposed bool) (rows, columns int64) {
	rows, columns = shape[len(shape)-2], shape[len(shape)-1]
	if transposed {
		rows, columns = columns, rows
	}
	return rows, columns
}

func inferMatMul(n *Node) ([]Value, error) {
	a, b := n.Inputs[0], n.Inputs[1]
	if a.Type != b.Type {
		return nil, errors.New("element types differ")
	}
	if a.Rank() < 2 || b.Rank() < 2 {
		return nil, errors.New("operands need two dimensions or more")
	}
	m, k := matrix(a.Shape, n.Attributes.Int("transA", 0) == 1)
	k2, p := matrix(b.Shape, n.Attributes.Int("transB", 0) == 1)
	if k != k2 {
		return nil, fmt.Errorf("inner dimensions %d and %d differ", k, k2)
	}
	batch, err := broadcast(a.Shape[:a.Rank()-2], b.Shape[:b.Rank()-2])
	return one(a.Type, append(batch, m, p)), err
}

func inferGemm(n *Node) ([]Value, error) {
	if n.Inputs[0].Rank() != 2 || n.Inputs[1].Rank() != 2 {
		return nil, errors.New("operands need two dimensions")
	}
	out, err := inferMatMul(n)
	if err != nil || n.Input(2) == nil {
		return out, err
	}
	shape, err := broadcast(out[0].Shape, n.Inputs[2].Shape)
	if err == nil && !slices.Equal(shape, out[0].Shape) {
		err = fmt.Errorf("bias does not broadcast to %s", shapeString(out[0].Shape))
	}
	return out, err
}

// reduction infers reductions with constant axes. Without axes they reduce all.
func reduction(n *Node) ([]Value, error) {
	x := n.Inputs[0]
	reduced, err := ReducedAxes(n)
	if err != nil {
		return nil, err
	}
	shape := []int64{}
	for i, d := range x.Shape {
		switch {
		case !slices.Contains(reduced, i):
			shape = append(shape, d)
		case n.Attributes.Int("keepdims", 1) == 1:
			shape = append(shape, 1)
		}
	}
	return one(x.Type, shape), nil
}

// ReducedAxes lists the axes that a reduction removes, counted from the front.
func ReducedAxes(n *Node) ([]int, error) {
	x := n.Inputs[0]
	var axes []int64
	if n.Input(1) != nil {
		var ok bool
		if axes, ok = n.Inputs[1].IntValues(); !ok {
			return nil, errors.New("axes are not constant")
		}
	}
	var out []int
	if len(axes) == 0 {
		for i := range x.Shape {
			out = append(out, i)
		}
		return out, nil
	}
	for _, a := range axes {
		i, err := Axis(a, x.Rank())
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

// inferLayerNormalization returns Y, Mean and InvStdDev. The statistics keep every axis, with size 1 from the
// attribute's axis on.
func inferLayerNormalization(n *Node) ([]Value, error) {
	x := n.Inputs[0]
	from, err := Axis(n.Attributes.Int("axis", -1), x.Rank())
	if err != nil {
		return nil, err
	}
	for _, w := range n.Inputs[1:] {
		if w != nil && !slices.Equal(w.Shape, x.Shape[from:]) {
			return nil, fmt.Errorf("scale or bias is not of shape %s", shapeString(x.Shape[from:]))
		}
	}
	statistics := slices.Clone(x.Shape)
	for i := from; i < len(statistics); i++ {
		statistics[i] = 1
	}
	return []Value{
		{Type: x.Type, Shape: slices.Clone(x.Shape)},
		{Type: Float32, Shape: statistics},
		{Type: Float32, Shape: slices.Clone(statistics)},
	}, nil
}

func inferCast(n *Node) ([]Value, error) {
	return one(pb.TensorProto_DataType(n.Attributes.Int("to", 0)), slices.Clone(n.Inputs[0].Shape)), nil
}
