package importer

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/onnx"
	"fovea/onnx/limits"
	"fovea/onnx/pb"
)

const (
	mostDepth = limits.MostDepth // of calls inside of each other, so that recursion ends
	mostNodes = limits.MostNodes // of a model whose functions are expanded, and of calls
	mostText  = 1 << 26          // bytes of the names in all expanded bodies
	mostName  = 64               // bytes of a function's name that go into the names of its nodes
)

type functionKey struct{ domain, name, overload string }

type expansion struct {
	functions map[functionKey]*pb.FunctionProto
	opsets    map[string]int64
	nodes     []*pb.NodeProto
	calls     int
	text      int
}

// expandFunctions replaces each call of one of the model's functions by the body. It adds to opsets the domains that
// only bodies use.
func expandFunctions(m *pb.ModelProto, opsets map[string]int64) ([]*pb.NodeProto, error) {
	if len(m.GetFunctions()) == 0 {
		return m.GetGraph().GetNode(), nil
	}
	e := &expansion{functions: map[functionKey]*pb.FunctionProto{}, opsets: opsets}
	for _, f := range m.GetFunctions() {
		e.functions[functionKey{onnx.CanonicalDomain(f.GetDomain()), f.GetName(), f.GetOverload()}] = f
	}
	return e.nodes, e.expand(m.GetGraph().GetNode(), 0)
}

func (e *expansion) expand(nodes []*pb.NodeProto, depth int) error {
	for i, n := range nodes {
		f := e.functions[functionKey{onnx.CanonicalDomain(n.GetDomain()), n.GetOpType(), n.GetOverload()}]
		if f == nil {
			e.nodes = append(e.nodes, n)
			continue
		}
		if depth == mostDepth {
			return fmt.Errorf("import: %s: functions call each other more than %d deep", onnx.NodeLabel(i, n), mostDepth)
		}
		if len(e.nodes) > mostNodes || e.calls > mostNodes || e.text > mostText {
			return fmt.Errorf("import: %s: with its functions expanded the model has more than %d nodes, calls "+
				"or %d bytes of names", onnx.NodeLabel(i, n), mostNodes, mostText)
		}
		for _, o := range f.GetOpsetImport() {
			domain := onnx.CanonicalDomain(o.GetDomain())
			if known, ok := e.opsets[domain]; ok && known != o.GetVersion() {
				return fmt.Errorf("import: function %q uses opset %d of domain %q, the model %d: they must agree",
					f.GetName(), o.GetVersion(), o.GetDomain(), known)
			}
			e.opsets[domain] = o.GetVersion()
		}
		e.calls++
		e.text += nameBytes(f)
		name := f.GetName()
		prefix := fmt.Sprintf("%s#%d/", name[:min(len(name), mostName)], e.calls)
		if err := e.expand(expandedBody(f, n, prefix), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// nameBytes returns an upper limit for the bytes of the names in an expanded body, each with its prefix.
func nameBytes(f *pb.FunctionProto) (n int) {
	for _, node := range f.GetNode() {
		n += len(node.GetName()) + mostName
		for _, name := range slices.Concat(node.GetInput(), node.GetOutput()) {
			n += len(name) + mostName
		}
	}
	return n
}

// expandedBody returns a function's nodes with the values and attributes of a call in place of the formal ones. All
// other names get the prefix.
func expandedBody(f *pb.FunctionProto, call *pb.NodeProto, prefix string) []*pb.NodeProto {
	names := map[string]string{"": ""}
	for i, name := range f.GetInput() {
		names[name] = ""
		if i < len(call.GetInput()) {
			names[name] = call.GetInput()[i]
		}
	}
	for i, name := range f.GetOutput() {
		if i < len(call.GetOutput()) && call.GetOutput()[i] != "" {
			names[name] = call.GetOutput()[i]
		}
	}
	attributes := map[string]*pb.AttributeProto{}
	for _, a := range slices.Concat(f.GetAttributeProto(), call.GetAttribute()) {
		attributes[a.GetName()] = a
	}
	rename := func(list []string) (out []string) {
		for _, name := range list {
			renamed, ok := names[name]
			if !ok {
				renamed = prefix + name
			}
			out = append(out, renamed)
		}
		return out
	}
	var nodes []*pb.NodeProto
	for _, n := range f.GetNode() {
		copied := &pb.NodeProto{Name: proto.String(prefix + n.GetName()), OpType: n.OpType, Domain: n.Domain,
			Overload: n.Overload, Input: rename(n.GetInput()), Output: rename(n.GetOutput())}
		for _, a := range n.GetAttribute() {
			if a.GetRefAttrName() != "" {
				value := attributes[a.GetRefAttrName()]
				if value == nil {
					continue // the operator's default holds
				}
				// A clone would copy tensors, which are shared here.
				a = &pb.AttributeProto{Name: a.Name, Type: value.Type, F: value.F, I: value.I, S: value.S, T: value.T,
					G: value.G, Floats: value.Floats, Ints: value.Ints, Strings: value.Strings, Tensors: value.Tensors,
					Graphs: value.Graphs}
			}
			copied.Attribute = append(copied.Attribute, a)
		}
		nodes = append(nodes, copied)
	}
	return nodes
}

// Inline returns a model without functions: each call is replaced by the body. Initializers are no inputs of it, as
// files before IR version 4 list them. It does not change m and shares its weights.
func Inline(m *pb.ModelProto) (*pb.ModelProto, error) {
	opsets := map[string]int64{}
	for _, o := range m.GetOpsetImport() {
		opsets[onnx.CanonicalDomain(o.GetDomain())] = o.GetVersion()
	}
	nodes, err := expandFunctions(m, opsets)
	if err != nil {
		return nil, err
	}
	g := m.GetGraph()
	weights := map[string]bool{}
	for _, t := range g.GetInitializer() {
		weights[t.GetName()] = true
	}
	isWeight := func(v *pb.ValueInfoProto) bool { return weights[v.GetName()] }
	out := &pb.ModelProto{IrVersion: proto.Int64(max(m.GetIrVersion(), 4)), Graph: &pb.GraphProto{Name: g.Name,
		Node: nodes, Initializer: g.GetInitializer(), SparseInitializer: g.GetSparseInitializer(),
		Input: slices.DeleteFunc(slices.Clone(g.GetInput()), isWeight), Output: g.GetOutput()}}
	for _, domain := range slices.Sorted(maps.Keys(opsets)) {
		out.OpsetImport = append(out.OpsetImport,
			&pb.OperatorSetIdProto{Domain: proto.String(domain), Version: proto.Int64(opsets[domain])})
	}
	return out, nil
}
