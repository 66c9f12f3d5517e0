package importer

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/onnx"
	"fovea/onnx/pb"
)

const (
	deepest  = 32      // calls of functions inside of each other; they may not recurse
	mostNode = 1 << 17 // nodes of a model whose functions are expanded, and calls of functions
	mostText = 1 << 26 // bytes of the names in what the calls expand to
	longest  = 64      // bytes of a function's name that go into the names of its nodes
)

type functionKey struct{ domain, name, overload string }

type expansion struct {
	functions map[functionKey]*pb.FunctionProto
	opsets    map[string]int64
	nodes     []*pb.NodeProto
	calls     int
	text      int
}

// expandFunctions replaces each call of a function of the model by its body.
// opsets gets the domains that only bodies use.
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
		if depth == deepest {
			return fmt.Errorf("import: %s: functions call each other more than %d deep", label(i, n), deepest)
		}
		if len(e.nodes) > mostNode || e.calls > mostNode || e.text > mostText {
			return fmt.Errorf("import: %s: with its functions expanded the model has more than %d nodes, calls or %d bytes of names",
				label(i, n), mostNode, mostText)
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
		e.text += size(f)
		name := f.GetName()
		if err := e.expand(body(f, n, fmt.Sprintf("%s#%d/", name[:min(len(name), longest)], e.calls)), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// size is how many bytes the names are of a function's body, each with a prefix.
func size(f *pb.FunctionProto) (n int) {
	for _, node := range f.GetNode() {
		n += len(node.GetName()) + longest
		for _, name := range slices.Concat(node.GetInput(), node.GetOutput()) {
			n += len(name) + longest
		}
	}
	return n
}

// body is a function's nodes with the call's values and attributes in place of
// the formal ones; other names get the prefix.
func body(f *pb.FunctionProto, call *pb.NodeProto, prefix string) []*pb.NodeProto {
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
			to, ok := names[name]
			if !ok {
				to = prefix + name
			}
			out = append(out, to)
		}
		return out
	}
	var nodes []*pb.NodeProto
	for _, n := range f.GetNode() {
		copied := &pb.NodeProto{Name: proto.String(prefix + n.GetName()), OpType: n.OpType, Domain: n.Domain, Overload: n.Overload,
			Input: rename(n.GetInput()), Output: rename(n.GetOutput())}
		for _, a := range n.GetAttribute() {
			if a.GetRefAttrName() != "" {
				given := attributes[a.GetRefAttrName()]
				if given == nil {
					continue // the operator's default
				}
				a = &pb.AttributeProto{Name: a.Name, Type: given.Type, F: given.F, I: given.I, S: given.S, T: given.T, G: given.G, Floats: given.Floats,
					Ints: given.Ints, Strings: given.Strings, Tensors: given.Tensors, Graphs: given.Graphs} // tensors are shared
			}
			copied.Attribute = append(copied.Attribute, a)
		}
		nodes = append(nodes, copied)
	}
	return nodes
}
