package importer

import (
	"fmt"
	"slices"
	"strings"

	"fovea/graphs"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// A Refusal is the error for a node that no gradient can pass.
type Refusal struct {
	Node   string // name or number, and operator
	Reason string
}

func (e *Refusal) Error() string { return fmt.Sprintf("import: %s: %s", e.Node, e.Reason) }

const (
	quantised   = "the model is quantised: rounding has no gradient; use the float model it was made of"
	controlFlow = "control flow is not supported: export the model without loops and branches"
	random      = "its result is random: export the model in inference mode"
	sequences   = "sequences, optional values and strings are not supported"
)

// refused gives, by operator, the reason for which a node is refused.
var refused = map[string]string{
	"QuantizeLinear": quantised, "DynamicQuantizeLinear": quantised,
	"MatMulInteger": quantised, "ConvInteger": quantised, "QAttention": quantised, "MatMulNBits": quantised,
	"MatMulBnb4": quantised, "QGemm": quantised, "QMoE": quantised, "GatherBlockQuantized": quantised,
	"RandomNormal": random, "RandomNormalLike": random, "RandomUniform": random, "RandomUniformLike": random,
	"Bernoulli": random, "Multinomial": random,
	"Optional": sequences, "OptionalGetElement": sequences, "OptionalHasElement": sequences,
}

// branching lists the operators whose bodies Decide may put in their place. It does so unless the named property
// depends on the contents of the model's inputs.
var branching = map[string]string{"If": "condition", "Loop": "number of steps", "Scan": "number of steps"}

// refuse returns an error if a node's operator cannot be imported.
func refuse(i int, n *pb.NodeProto) error {
	op := n.GetOpType()
	reason := refused[op]
	switch {
	case strings.HasPrefix(op, "QLinear"), strings.HasPrefix(op, "DynamicQuantize"):
		reason = quantised
	case strings.HasPrefix(op, "Sequence"), strings.HasPrefix(op, "String"):
		reason = sequences
	}
	for _, a := range n.GetAttribute() {
		if branching[op] == "" && a.GetG() != nil || len(a.GetGraphs()) > 0 {
			reason = controlFlow
		}
	}
	if reason == "" {
		return nil
	}
	return &Refusal{onnx.NodeLabel(i, n), reason}
}

// checkOperands refuses integers that depend on the model's inputs where the runtime does not survive some of them.
func checkOperands(n *graphs.Node) error {
	by := n.Input(1)
	if _, constant := by.Content(); n.Domain == "" && n.Op == "Trilu" && by != nil && !constant {
		return fmt.Errorf("its diagonal depends on the model's inputs: not supported")
	}
	if n.Domain != "" || n.Op != "Div" && n.Op != "Mod" || by == nil ||
		by.Type != pb.TensorProto_INT32 && by.Type != pb.TensorProto_INT64 {
		return nil
	}
	if list, ok := integers(by); !ok || slices.Contains(list, 0) || slices.Contains(list, -1) {
		return fmt.Errorf("integers are divided by 0, by -1, or by what depends on the model's inputs: not supported")
	}
	return nil
}

// shapeInputs lists, by operator, the inputs that decide the shape of the result. They must not depend on the contents
// of the model's inputs.
var shapeInputs = map[string][]int{
	"Reshape": {1}, "Expand": {1}, "Tile": {1}, "ConstantOfShape": {0}, "Range": {0, 1, 2}, "Squeeze": {1},
	"Unsqueeze": {1}, "Slice": {1, 2, 3, 4}, "Pad": {1, 3}, "TopK": {1}, "Split": {1}, "OneHot": {1},
	"Resize": {1, 2, 3}, "Upsample": {1}, "CenterCropPad": {1}, "Compress": {1}, "DFT": {1, 2}, "STFT": {1, 3},
	"ReduceSum": {1}, "ReduceMean": {1}, "ReduceMax": {1}, "ReduceMin": {1}, "ReduceProd": {1}, "ReduceL1": {1},
	"ReduceL2": {1}, "ReduceLogSum": {1}, "ReduceLogSumExp": {1}, "ReduceSumSquare": {1},
}

// dataShapes lists the operators whose result's shape depends on the contents of their input.
var dataShapes = map[string]bool{"NonZero": true, "Unique": true, "NonMaxSuppression": true}
