package randomgraphs

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"fovea/graphs/importer"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// shrink makes a model that fails smaller as long as it fails in the same way: one output is enough, and a node gives
// way to inputs of the values that it made.
func shrink(model *pb.ModelProto, inputs map[string]*pb.TensorProto, f *failure) (*pb.ModelProto,
	map[string]*pb.TensorProto, *failure) {
	trace := importer.Trace{}
	if source, err := importer.Read(model, importer.Sizes{}); err == nil {
		if seen, err := once(source.Observed(), ort.Disable, nil, inputs); err == nil {
			trace = seen
		}
	}
	for smaller := true; smaller; {
		smaller = false
		for _, candidate := range candidates(model, trace) {
			known := map[string]*pb.TensorProto{}
			for _, in := range candidate.Graph.Input {
				name := in.GetName()
				if known[name] = inputs[name]; known[name] == nil {
					known[name] = trace[name]
				}
			}
			if _, again := check(candidate, known); again != nil && again.kind == f.kind {
				model, inputs, f, smaller = candidate, known, again, true
				break
			}
		}
	}
	return model, inputs, f
}

// candidates returns models that are one step smaller.
func candidates(model *pb.ModelProto, trace importer.Trace) (out []*pb.ModelProto) {
	step := func(change func(g *pb.GraphProto)) {
		m := proto.Clone(model).(*pb.ModelProto)
		change(m.Graph)
		prune(m.Graph)
		out = append(out, m)
	}
	if len(model.Graph.Output) > 1 {
		for i := range model.Graph.Output {
			step(func(g *pb.GraphProto) { g.Output = g.Output[i : i+1] })
		}
	}
	for i := range model.Graph.Node {
		step(func(g *pb.GraphProto) {
			for _, name := range g.Node[i].Output {
				if t := trace[name]; t != nil {
					g.Input = append(g.Input, info(name, pb.TensorProto_DataType(t.GetDataType()),
						append([]int64{}, t.Dims...)))
				}
			}
			g.Node = slices.Delete(g.Node, i, i+1)
		})
	}
	return slices.DeleteFunc(out, func(m *pb.ModelProto) bool { return len(m.Graph.Node) == 0 })
}

// prune drops what leads to no output.
func prune(g *pb.GraphProto) {
	read := map[string]bool{}
	for _, out := range g.Output {
		read[out.GetName()] = true
	}
	var kept []*pb.NodeProto
	for _, n := range slices.Backward(g.Node) {
		if slices.ContainsFunc(n.Output, func(name string) bool { return read[name] }) {
			kept = append(kept, n)
			for _, name := range n.Input {
				read[name] = true
			}
		}
	}
	slices.Reverse(kept)
	g.Node = kept
	g.Input = slices.DeleteFunc(g.Input, func(v *pb.ValueInfoProto) bool { return !read[v.GetName()] })
	g.Initializer = slices.DeleteFunc(g.Initializer, func(t *pb.TensorProto) bool { return !read[t.GetName()] })
}

// text returns a model as a reader wants it, with the values of its inputs.
func text(m *pb.ModelProto, inputs map[string]*pb.TensorProto) string {
	var b strings.Builder
	fmt.Fprintf(&b, "model of opset %d\n", m.OpsetImport[0].GetVersion())
	tensor := func(kind string, t *pb.TensorProto) {
		const most = 12
		content := fmt.Sprint(t.GetInt64Data(), t.GetInt32Data())
		if x := floats(t); x != nil {
			content = fmt.Sprintf("%.4g", x[:min(len(x), most)])
		}
		fmt.Fprintf(&b, "  %s %s %v %v\n", kind, t.GetName(), t.GetDims(), content)
	}
	for _, in := range m.Graph.Input {
		if t := inputs[in.GetName()]; t != nil {
			tensor("input", t)
		}
	}
	for _, t := range m.Graph.Initializer {
		tensor("initializer", t)
	}
	for _, n := range m.Graph.Node {
		fmt.Fprintf(&b, "  %s = %s(%s)", strings.Join(n.Output, ", "), n.GetOpType(), strings.Join(n.Input, ", "))
		for _, a := range n.Attribute {
			value := map[pb.AttributeProto_AttributeType]any{pb.AttributeProto_INT: a.GetI(),
				pb.AttributeProto_FLOAT:  a.GetF(),
				pb.AttributeProto_STRING: string(a.GetS()), pb.AttributeProto_INTS: a.GetInts()}[a.GetType()]
			fmt.Fprintf(&b, " %s=%v", a.GetName(), value)
		}
		b.WriteByte('\n')
	}
	for _, out := range m.Graph.Output {
		fmt.Fprintf(&b, "  output %s\n", out.GetName())
	}
	return b.String()
}
