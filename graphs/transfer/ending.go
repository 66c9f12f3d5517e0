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
// values that it computes. What quantisation rounds and cuts is left as it is, so that the model computes what the
// quantised one stands for.
func (e *Ending) Model(trace importer.Trace) *pb.ModelProto {
	g := &pb.GraphProto{Name: proto.String("ending")}
	out := &pb.ModelProto{IrVersion: proto.Int64(max(e.model.GetIrVersion(), 4)), OpsetImport: e.model.GetOpsetImport(),
		Graph: g}
	for _, name := range e.Inputs {
		t := trace[name]
		g.Input = append(g.Input, onnx.NewValueInfo(name, pb.TensorProto_DataType(t.GetDataType()), t.GetDims()))
	}
	read := map[string]bool{}
	add := func(n *pb.NodeProto) {
		g.Node = append(g.Node, n)
		for _, name := range n.GetInput() {
			read[name] = true
		}
		for _, name := range n.GetOutput() {
			if name != "" {
				g.Output = append(g.Output, &pb.ValueInfoProto{Name: proto.String(name)})
			}
		}
	}
	quantised := map[string]string{} // the float value by its quantised one
	for _, n := range e.nodes {
		switch n.GetOpType() {
		case "QuantizeLinear":
			quantised[n.GetOutput()[0]] = n.GetInput()[0]
		case "QLinearSoftmax": // ONNX Runtime 1.27 makes 0 of a probability that its bytes cannot hold
			y := n.GetOutput()[0]
			quantised[y] = y + "/softmax"
			add(node("DequantizeLinear", y+"/float", n.GetInput()[:3]...))
			softmax := node("Softmax", quantised[y], y+"/float")
			softmax.Attribute = integerAttribute("axis", integer(n, "axis"))
			add(softmax)
		case "DequantizeLinear":
			if from := quantised[n.GetInput()[0]]; from != "" {
				n = node("Identity", n.GetOutput()[0], from)
			}
		}
		add(n)
	}
	for _, t := range e.model.GetGraph().GetInitializer() {
		if read[t.GetName()] {
			g.Initializer = append(g.Initializer, t)
		}
	}
	return out
}
