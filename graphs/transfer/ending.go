package transfer

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/graphs/importer"
	"fovea/internal/numbers"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// An Ending is all that a classifier computes behind its last layers with weights, up to one output. What the output
// means follows from the function that the ending computes, whatever nodes it is written in, see [Ending.Read].
type Ending struct {
	Inputs []string // the values that the ending starts from
	Output string

	nodes []*pb.NodeProto
	model *pb.ModelProto
}

// layers lists the operators whose results an ending starts from.
var layers = map[string]bool{"Gemm": true, "MatMul": true, "Conv": true, "ConvTranspose": true, "Einsum": true,
	"FusedMatMul": true, "FusedGemm": true, "FusedConv": true, "MatMulNBits": true, "LSTM": true, "GRU": true, "RNN": true,
	"QLinearConv": true, "QLinearMatMul": true, "QGemm": true, "ConvInteger": true, "MatMulInteger": true,
	"MatMulIntegerToFloat": true, "DynamicQuantizeMatMul": true, "Attention": true, "MultiHeadAttention": true}

// FindEnding returns the ending of a model in front of a value. The model must have its functions expanded.
func FindEnding(m *pb.ModelProto, output string) *Ending {
	w := newWiring(m, nil, 0)
	e := &Ending{Output: output, model: m}
	live, started := map[*pb.NodeProto]bool{}, map[string]bool{}
	for stack := []string{output}; len(stack) > 0; {
		name := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		n := w.makers[name]
		switch {
		case n == nil && !w.varies[name], n != nil && live[n]:
		case n == nil || w.varies[name] && (hasBody(n) || layers[n.GetOpType()] && !w.sumsScores(n)):
			if !started[name] {
				started[name] = true
				e.Inputs = append(e.Inputs, name)
			}
		default:
			live[n] = true
			stack = append(stack, n.GetInput()...)
		}
	}
	for _, n := range m.GetGraph().GetNode() {
		if live[n] {
			e.nodes = append(e.nodes, n)
		}
	}
	slices.Sort(e.Inputs)
	return e
}

func hasBody(n *pb.NodeProto) bool {
	return slices.ContainsFunc(n.GetAttribute(), func(a *pb.AttributeProto) bool { return a.GetG() != nil })
}

// sumsScores reports whether a product with constants only adds up what it reads, as a merger of classes does. The
// weights of a layer have both signs.
func (w *wiring) sumsScores(n *pb.NodeProto) bool {
	if op := n.GetOpType(); op != "Gemm" && op != "MatMul" {
		return false
	}
	for _, name := range n.GetInput()[:min(2, len(n.GetInput()))] {
		t := w.initializers[name]
		if maker := w.makers[name]; t == nil && maker != nil && maker.GetOpType() == "Constant" {
			for _, a := range maker.GetAttribute() {
				t = a.GetT()
			}
		}
		if t == nil || pb.TensorProto_DataType(t.GetDataType()) != pb.TensorProto_FLOAT {
			continue
		}
		data, err := onnx.Data(t)
		if weights := numbers.Decode[float32](data); err == nil && len(weights) > 0 && slices.Min(weights) >= 0 &&
			slices.Max(weights) > 0 { // a new layer may be all 0
			return true
		}
	}
	return false
}

// IsLayer reports whether the output is what a layer makes, with nothing behind it.
func (e *Ending) IsLayer() bool { return len(e.Inputs) == 1 && e.Inputs[0] == e.Output }

// Before returns the whole model with the inputs of the ending as its outputs.
func (e *Ending) Before() *pb.ModelProto {
	out := shallow(e.model)
	out.Graph.Output = nil
	for _, name := range e.Inputs {
		if !slices.ContainsFunc(out.Graph.Input, func(v *pb.ValueInfoProto) bool { return v.GetName() == name }) {
			out.Graph.Output = append(out.Graph.Output, &pb.ValueInfoProto{Name: proto.String(name)})
		}
	}
	return out
}

// Model returns the ending as a model of its own. Its inputs have the types and shapes of a trace; its outputs are all
// values that it computes. It computes in floating point what a quantised ending only rounds and cuts.
func (e *Ending) Model(trace importer.Trace) *pb.ModelProto {
	b := &floatBuilder{g: &pb.GraphProto{Name: proto.String("ending")}, float: map[string]string{}}
	for _, name := range e.Inputs {
		t := trace[name]
		b.g.Input = append(b.g.Input, onnx.NewValueInfo(name, pb.TensorProto_DataType(t.GetDataType()), t.GetDims()))
	}
	for _, n := range e.nodes {
		b.addBoth(n)
	}
	read := map[string]bool{}
	for _, n := range b.g.Node {
		for _, name := range n.GetInput() {
			read[name] = true
		}
	}
	for _, t := range e.model.GetGraph().GetInitializer() {
		if read[t.GetName()] {
			b.g.Initializer = append(b.g.Initializer, t)
		}
	}
	return &pb.ModelProto{IrVersion: proto.Int64(max(e.model.GetIrVersion(), 4)),
		OpsetImport: e.model.GetOpsetImport(), Graph: b.g}
}

// A floatBuilder adds nodes to a graph, and beside those of quantised values the same nodes of the float values.
type floatBuilder struct {
	g     *pb.GraphProto
	float map[string]string // the float value by its quantised one
}

func (b *floatBuilder) add(n *pb.NodeProto) {
	b.g.Node = append(b.g.Node, n)
	for _, name := range n.GetOutput() {
		if name != "" {
			b.g.Output = append(b.g.Output, &pb.ValueInfoProto{Name: proto.String(name)})
		}
	}
}

// addBoth adds a node, and where its results are quantised, the node that makes the float ones.
func (b *floatBuilder) addBoth(n *pb.NodeProto) {
	in := n.GetInput()
	switch op := n.GetOpType(); op {
	case "QuantizeLinear":
		b.float[n.GetOutput()[0]] = in[0]
	case "DequantizeLinear":
		if from := b.float[in[0]]; from != "" {
			n = node("Identity", n.GetOutput()[0], from)
		}
	case "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Slice", "Gather":
		if from := b.float[in[0]]; from != "" {
			b.addFloat(n, op, append([]string{from}, in[1:]...))
		}
	case "QLinearAdd", "QLinearMul":
		b.addFloat(n, op[len("QLinear"):], []string{b.floatOf(in[0:3]), b.floatOf(in[3:6])})
	case "QLinearSoftmax", "QLinearSigmoid", "QLinearLeakyRelu":
		b.addFloat(n, op[len("QLinear"):], []string{b.floatOf(in[0:3])})
	case "QLinearConcat":
		var parts []string
		for part := range slices.Chunk(in[2:], 3) {
			parts = append(parts, b.floatOf(part))
		}
		b.addFloat(n, "Concat", parts)
	}
	b.add(n)
}

// addFloat adds the form of a node that computes its first result as a float value.
func (b *floatBuilder) addFloat(n *pb.NodeProto, op string, inputs []string) {
	quantised := n.GetOutput()[0]
	made := node(op, quantised+"/float", inputs...)
	for _, a := range n.GetAttribute() {
		if a.GetName() != "opset" { // of QLinearSoftmax
			made.Attribute = append(made.Attribute, a)
		}
	}
	b.float[quantised] = made.Output[0]
	b.add(made)
}

// floatOf returns the float value of a quantised one, given with its scale and zero point.
func (b *floatBuilder) floatOf(value []string) string {
	if b.float[value[0]] == "" {
		b.float[value[0]] = value[0] + "/float"
		b.add(node("DequantizeLinear", value[0]+"/float", value...))
	}
	return b.float[value[0]]
}
