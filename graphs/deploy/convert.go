package deploy

import (
	"errors"
	"fmt"
	"slices"

	"fovea/graphs"
)

// A change of an operator between two opsets. Nil: nothing has to be done.
type change struct {
	up, down func(g *graphs.Graph, n *graphs.Node) error
}

// changes lists, by operator and the opset that brought it, what is more than
// another element type or text of the specification (Changelog.md). What an
// operator was before opset 11 is known of those alone that exporters wrote then.
var changes = map[string]map[int64]change{
	"Clip":               {11: {up: limitsAsInputs}},
	"Pad":                {11: {up: padsAsInputs}, 18: {down: without(3)}, 19: {down: onlyModes("constant", "reflect", "edge")}},
	"Slice":              {10: {up: refuse}},
	"TopK":               {10: {up: refuse}, 11: {}},
	"Upsample":           {9: {up: refuse}, 10: {up: refuse}},
	"Resize":             {11: {up: refuse}, 13: {}, 18: {down: lacking("antialias", "axes", "keep_aspect_ratio_policy")}, 19: {down: notHalfPixelSymmetric}},
	"MaxPool":            {8: {}, 10: {}},
	"AveragePool":        {10: {}, 19: {down: lacking("dilations")}},
	"LpPool":             {18: {down: lacking("ceil_mode", "dilations")}},
	"Dropout":            {12: {up: pass}},
	"Gemm":               {11: {}},
	"GatherND":           {12: {}},
	"ArgMax":             {12: {}},
	"ArgMin":             {12: {}},
	"DepthToSpace":       {11: {}},
	"Squeeze":            {13: {up: axesAsInput}},
	"Unsqueeze":          {13: {up: axesAsInput}},
	"Split":              {13: {up: splitAsInput}, 18: {up: countParts, down: sayParts}},
	"ReduceSum":          {13: {up: axesAsInput}},
	"Softmax":            {13: {up: lastAxis}},
	"LogSoftmax":         {13: {up: lastAxis}},
	"Hardmax":            {13: {up: lastAxis}},
	"Reshape":            {14: {down: withoutZeros}},
	"GRU":                {14: {down: lacking("layout")}},
	"LSTM":               {14: {down: lacking("layout")}},
	"RNN":                {14: {down: lacking("layout")}},
	"Shape":              {15: {down: wholeShape}},
	"RoiAlign":           {16: {up: halfPixelsNo, down: refuse}},
	"ScatterND":          {16: {down: onlyReductions("none")}, 18: {down: onlyReductions("none", "add", "mul")}},
	"Cast":               {19: {down: lacking("saturate")}, 24: {down: lacking("round_mode")}},
	"GridSample":         {16: {down: refuse}, 20: {up: shortModes, down: longModes}},
	"IsInf":              {20: {}},
	"ScatterElements":    {16: {down: onlyReductions("none")}, 18: {down: onlyReductions("none", "add", "mul")}},
	"BatchNormalization": {9: {up: normalised}, 14: {up: normalised, down: lacking("training_mode")}},
	"QuantizeLinear":     {13: {}, 19: {down: lacking("saturate")}, 21: {down: lacking("block_size", "output_dtype")}, 23: {down: lacking("precision")}},
	"DequantizeLinear":   {13: {}, 21: {down: lacking("block_size")}, 23: {down: lacking("output_dtype")}},
}

func init() {
	for _, op := range []string{"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin",
		"ReduceProd", "ReduceSumSquare"} {
		changes[op] = map[int64]change{18: {up: axesAsInput, down: axesAsAttribute}}
	}
}

// steady are the operators that never changed, from opset 7 to 25, and that
// opset 13 has; conformity with ONNX's own history is tested.
var steady = map[string]bool{}

func init() {
	for _, op := range []string{"Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Concat",
		"ConstantOfShape", "Conv", "ConvInteger", "ConvTranspose", "Cos", "Cosh", "CumSum", "Det", "Div", "DynamicQuantizeLinear",
		"Einsum", "Elu", "Equal", "Erf", "Exp", "Expand", "EyeLike", "Flatten", "Floor", "Gather", "GatherElements", "GlobalAveragePool",
		"GlobalLpPool", "GlobalMaxPool", "Greater", "GreaterOrEqual", "HardSigmoid", "Identity", "InstanceNormalization", "IsNaN", "LRN",
		"LeakyRelu", "Less", "LessOrEqual", "Log", "LpNormalization", "MatMul", "MatMulInteger", "Max", "Mean",
		"MeanVarianceNormalization", "Min", "Mod", "Mul", "Neg", "NonZero", "Not", "OneHot", "Or", "PRelu", "Pow", "QLinearConv",
		"QLinearMatMul", "Range", "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Size", "Softplus",
		"Softsign", "SpaceToDepth", "Sqrt", "Sub", "Sum", "Tan", "Tanh", "ThresholdedRelu", "Tile", "Transpose", "Where", "Xor"} {
		steady[op] = true
	}
}

// convert brings the nodes of the standard domain to an opset.
func convert(g *graphs.Graph, opset int64) error {
	var refused []error
	each(g, func(n *graphs.Node) {
		if e, ok := expansions[n.Op]; ok && n.Domain == "" && opset < e.since {
			e.write(g, n)
		}
	})
	each(g, func(n *graphs.Node) {
		if n.Domain != "" || n.Opset() == opset {
			return
		}
		if err := convertNode(g, n, opset); err != nil {
			refused = append(refused, fmt.Errorf("%s: %s of opset %d cannot be written in opset %d: %w", n, n.Op, n.Opset(), opset, err))
		}
	})
	return errors.Join(append(refused, g.Err())...)
}

// each gives the nodes, in order, to visit, which may append others in front.
func each(g *graphs.Graph, visit func(n *graphs.Node)) {
	nodes := g.Nodes
	g.Nodes = nil
	for _, n := range nodes {
		visit(n)
		g.Nodes = append(g.Nodes, n)
	}
}

func convertNode(g *graphs.Graph, n *graphs.Node, opset int64) error {
	from := n.Opset()
	list, known := changes[n.Op]
	e, newer := expansions[n.Op]
	if !known && !steady[n.Op] && !(newer && opset >= e.since) {
		return errors.New("what changed in between is not known")
	}
	var versions []int64
	for v := range list {
		if from < v && v <= opset || opset < v && v <= from {
			versions = append(versions, v)
		}
	}
	slices.Sort(versions)
	if opset < from {
		slices.Reverse(versions)
	}
	for _, v := range versions {
		apply := list[v].up
		if opset < from {
			apply = list[v].down
		}
		if apply != nil {
			if err := apply(g, n); err != nil {
				return err
			}
		}
	}
	n.Version = opset
	return nil
}
