package importer

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// Decide replaces control flow that depends on shapes and constants alone. An If becomes the branch that the trace
// took. A Scan, or a Loop with a constant number of steps, becomes its steps. Exporters write an If to squeeze an axis
// of size 1, for instance. If Decide changed something, the model must be traced again. It may then be decided again,
// because branches can hold branches.
func (s *Source) Decide(trace Trace) (changed bool, err error) {
	static := map[string]bool{"": true}
	for name, t := range s.initializers {
		n, err := onnx.NumElements(t.GetDims())
		static[name] = err == nil && (n <= 1 || !isFloat(pb.TensorProto_DataType(t.GetDataType())))
	}
	var nodes []*pb.NodeProto
	for i, n := range s.model.Graph.Node {
		op, standard := n.GetOpType(), onnx.CanonicalDomain(n.GetDomain()) == ""
		if branch, known := s.branchTaken(n, static, trace); known {
			list, err := s.inline(n, branch, fmt.Sprintf("%s#%d/", n.GetOutput()[0], i))
			if err != nil {
				return false, fmt.Errorf("import: %s: %w", onnx.NodeLabel(i, n), err)
			}
			nodes, changed = append(nodes, list...), true
			continue
		}
		steps, err := s.unroll(n, static, trace, fmt.Sprintf("%s#%d/", strings.Join(n.GetOutput(), ","), i))
		if err != nil {
			return false, &Refusal{onnx.NodeLabel(i, n), err.Error()}
		}
		if steps != nil {
			nodes, changed = append(nodes, steps...), true
			continue
		}
		known := branching[op] == "" && !slices.ContainsFunc(n.GetInput(),
			func(name string) bool { return !static[name] })
		if known || standard && (op == "Shape" || op == "Size") {
			for _, name := range n.GetOutput() {
				static[name] = true
			}
		}
		nodes = append(nodes, n)
	}
	s.model.Graph.Node = nodes
	return changed, nil
}

// branchTaken returns the branch that an If takes. known is false for other nodes and for an If whose condition is not
// known.
func (s *Source) branchTaken(n *pb.NodeProto, static map[string]bool, trace Trace) (branch *pb.GraphProto, known bool) {
	if n.GetOpType() != "If" || onnx.CanonicalDomain(n.GetDomain()) != "" || len(n.GetInput()) != 1 ||
		len(n.GetOutput()) == 0 {
		return nil, false
	}
	data := s.knownData(n.GetInput()[0], static, trace)
	if len(data) != 1 {
		return nil, false
	}
	wanted := map[bool]string{true: "then_branch", false: "else_branch"}[data[0] != 0]
	for _, a := range n.GetAttribute() {
		if a.GetName() == wanted {
			return a.GetG(), a.GetG() != nil
		}
	}
	return nil, false
}

// knownData returns the data of an initializer, or of a value that depends on shapes and constants alone. It returns
// nil if the trace does not have it.
func (s *Source) knownData(name string, static map[string]bool, trace Trace) []byte {
	data, ok := s.Initializer(name)
	if !ok && static[name] {
		data = trace[name].GetRawData()
	}
	return data
}

// inline returns the nodes of a branch. The names of its values get the prefix.
func (s *Source) inline(n *pb.NodeProto, branch *pb.GraphProto, prefix string) ([]*pb.NodeProto, error) {
	if len(branch.GetOutput()) != len(n.GetOutput()) {
		return nil, fmt.Errorf("a branch has %d outputs, the node %d", len(branch.GetOutput()), len(n.GetOutput()))
	}
	outputs, nodes, err := s.copyBody(branch, nil, prefix, prefix)
	for i, name := range outputs {
		nodes = append(nodes, newNode("Identity", []string{name}, n.GetOutput()[i]))
	}
	return nodes, err
}

// rename returns a graph, and the graphs inside of it, with new names for its values and a prefix for its nodes.
// Tensors are shared.
func rename(g *pb.GraphProto, names map[string]string, prefix string) *pb.GraphProto {
	newName := func(name string) string {
		if renamed, ok := names[name]; ok {
			return renamed
		}
		return name
	}
	newNames := func(old []string) (out []string) {
		for _, name := range old {
			out = append(out, newName(name))
		}
		return out
	}
	out := &pb.GraphProto{Name: g.Name}
	for _, t := range g.GetInitializer() {
		out.Initializer = append(out.Initializer, &pb.TensorProto{Name: proto.String(newName(t.GetName())),
			DataType: t.DataType, Dims: t.Dims, RawData: t.RawData, FloatData: t.FloatData, DoubleData: t.DoubleData,
			Int32Data: t.Int32Data, Int64Data: t.Int64Data, Uint64Data: t.Uint64Data, StringData: t.StringData})
	}
	values := func(list []*pb.ValueInfoProto) (out []*pb.ValueInfoProto) {
		for _, v := range list {
			out = append(out, &pb.ValueInfoProto{Name: proto.String(newName(v.GetName())), Type: v.Type})
		}
		return out
	}
	out.Input, out.Output = values(g.GetInput()), values(g.GetOutput())
	for _, n := range g.GetNode() {
		copied := &pb.NodeProto{OpType: n.OpType, Domain: n.Domain, Overload: n.Overload,
			Input: newNames(n.GetInput()), Output: newNames(n.GetOutput())}
		if n.GetName() != "" {
			copied.Name = proto.String(prefix + n.GetName())
		}
		for _, a := range n.GetAttribute() {
			if a.GetG() != nil {
				a = &pb.AttributeProto{Name: a.Name, Type: a.Type, G: rename(a.GetG(), names, prefix)}
			}
			copied.Attribute = append(copied.Attribute, a)
		}
		out.Node = append(out.Node, copied)
	}
	return out
}
