package deploy

import (
	"errors"
	"fmt"
	"slices"

	"fovea/graphs"
)

// A change holds the rewrites of an operator to a newer opset and to an older one. A nil rewrite changes nothing.
type change struct{ up, down rewrite }

// changes lists, by operator and the opset that changed it, the changes that are more than another element type or text
// of the specification (Changelog.md). Of the time before opset 11 it only has those that exporters then wrote.
var changes = map[string]map[int64]change{
	"Clip": {11: {up: limitsAsInputs}},
	"Pad": {11: {up: padsAsInputs}, 18: {down: withoutInput(3)},
		19: {down: only("mode", "constant", "reflect", "edge")}},
	"Slice":        {10: {up: refuse}},
	"TopK":         {10: {up: refuse}, 11: {}},
	"Upsample":     {9: {up: refuse}, 10: {up: refuse}},
	"MaxPool":      {8: {}, 10: {}},
	"AveragePool":  {10: {}, 19: {down: withoutAttributes("dilations")}},
	"LpPool":       {18: {down: withoutAttributes("ceil_mode", "dilations")}},
	"Dropout":      {12: {up: dropoutToIdentity}},
	"Gemm":         {11: {}},
	"GatherND":     {12: {}},
	"ArgMax":       {12: {}},
	"ArgMin":       {12: {}},
	"DepthToSpace": {11: {}},
	"Squeeze":      {13: {up: listAsInput("axes")}},
	"Unsqueeze":    {13: {up: listAsInput("axes")}},
	"ReduceSum":    {13: {up: listAsInput("axes")}},
	"Softmax":      {13: {up: overLastAxis}},
	"LogSoftmax":   {13: {up: overLastAxis}},
	"Hardmax":      {13: {up: overLastAxis}},
	"Reshape":      {14: {down: withoutAllowZero}},
	"GRU":          {14: {down: withoutAttributes("layout")}},
	"LSTM":         {14: {down: withoutAttributes("layout")}},
	"RNN":          {14: {down: withoutAttributes("layout")}},
	"Shape":        {15: {down: sliceOfShape}},
	"RoiAlign":     {16: {up: outputHalfPixel, down: refuse}},
	"Cast":         {19: {down: withoutAttributes("saturate")}, 24: {down: withoutAttributes("round_mode")}},
	"GridSample":   {16: {down: refuse}, 20: {up: shortModes, down: longModes}},
	"IsInf":        {20: {}},
	"Resize": {11: {up: refuse}, 13: {}, 18: {down: withoutAttributes("antialias", "axes", "keep_aspect_ratio_policy")},
		19: {down: withoutHalfPixelSymmetric}},
	"Split": {13: {up: listAsInput("split")}, 18: {up: countParts, down: listSizes}},
	"ScatterND": {16: {down: only("reduction", "none")},
		18: {down: only("reduction", "none", "add", "mul")}},
	"ScatterElements": {16: {down: only("reduction", "none")},
		18: {down: only("reduction", "none", "add", "mul")}},
	"BatchNormalization": {9: {up: inferenceMode}, 14: {up: inferenceMode, down: withoutAttributes("training_mode")}},
	"QuantizeLinear": {13: {}, 19: {down: withoutAttributes("saturate")},
		21: {down: withoutAttributes("block_size", "output_dtype")}, 23: {down: withoutAttributes("precision")}},
	"DequantizeLinear": {13: {}, 21: {down: withoutAttributes("block_size")},
		23: {down: withoutAttributes("output_dtype")}},
}

func init() {
	for _, op := range []string{"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
		"ReduceMin", "ReduceProd", "ReduceSumSquare"} {
		changes[op] = map[int64]change{18: {up: listAsInput("axes"), down: axesAsAttribute}}
	}
}

// steady lists the operators of opset 13 that did not change from opset 7 to 25. A test compares it with ONNX's own
// history.
var steady = map[string]bool{}

func init() {
	for _, op := range []string{
		"Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Concat",
		"ConstantOfShape", "Conv", "ConvInteger", "ConvTranspose", "Cos", "Cosh", "CumSum", "Det", "Div",
		"DynamicQuantizeLinear", "Einsum", "Elu", "Equal", "Erf", "Exp", "Expand", "EyeLike", "Flatten", "Floor",
		"Gather", "GatherElements", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "Greater", "GreaterOrEqual",
		"HardSigmoid", "Identity", "InstanceNormalization", "IsNaN", "LRN", "LeakyRelu", "Less", "LessOrEqual", "Log",
		"LpNormalization", "MatMul", "MatMulInteger", "Max", "Mean", "MeanVarianceNormalization", "Min", "Mod", "Mul",
		"Neg", "NonZero", "Not", "OneHot", "Or", "PRelu", "Pow", "QLinearConv", "QLinearMatMul", "Range", "Reciprocal",
		"Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Size", "Softplus", "Softsign",
		"SpaceToDepth", "Sqrt", "Sub", "Sum", "Tan", "Tanh", "ThresholdedRelu", "Tile", "Transpose", "Where", "Xor",
	} {
		steady[op] = true
	}
}

// convert rewrites the nodes of the standard domain for an opset.
func convert(g *graphs.Graph, opset int64) error {
	var refused []error
	eachNode(g, func(n *graphs.Node) {
		if e, ok := expansions[n.Op]; ok && n.Domain == "" && opset < e.since {
			e.write(g, n)
		}
	})
	eachNode(g, func(n *graphs.Node) {
		if n.Domain != "" || n.Opset() == opset {
			return
		}
		if err := convertNode(g, n, opset); err != nil {
			refused = append(refused, fmt.Errorf("%s: %s of opset %d cannot be written in opset %d: %w",
				n, n.Op, n.Opset(), opset, err))
		}
	})
	return errors.Join(append(refused, g.Err())...)
}

// eachNode calls visit for the nodes in order. It may append nodes to g, which then stand in front of its own.
func eachNode(g *graphs.Graph, visit func(n *graphs.Node)) {
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
