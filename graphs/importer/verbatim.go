package importer

import (
	"fmt"

	"fovea/graphs"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// Verbatim makes a graph of the model as it is written, to be changed where it
// is and written again: nodes keep the version of their operators, nothing is
// folded, and a symbolic first dimension of the inputs stays open. All shapes
// between inputs and outputs are those that the trace saw. Functions are expanded,
// Constant nodes are constants and an Identity of one is that one, as everywhere
// here.
func (s *Source) Verbatim(trace Trace) (*graphs.Graph, error) {
	model := s.Model()
	g := graphs.Imported(model.GetGraph().GetName(), s.freePrefix(), model.GetIrVersion(), s.opsets)
	values := map[string]*graphs.Value{"": nil}
	for _, in := range model.GetGraph().GetInput() {
		tensor := in.GetType().GetTensorType()
		shape := []int64{}
		for i, d := range s.bound(in.GetName()) {
			if dims := tensor.GetShape().GetDim(); i == 0 && dims[0].GetDimValue() == 0 {
				d = graphs.Dynamic
			}
			shape = append(shape, d)
		}
		values[in.GetName()] = g.Input(in.GetName(), pb.TensorProto_DataType(tensor.GetElemType()), shape...)
	}
	for _, t := range model.GetGraph().GetInitializer() {
		data, err := onnx.Data(t)
		if err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
		values[t.GetName()] = g.Initializer(t.GetName(), pb.TensorProto_DataType(t.GetDataType()), t.GetDims(), data)
	}
	b := builder{Source: s, trace: trace}
	for i, n := range model.GetGraph().GetNode() {
		fail := func(err error) (*graphs.Graph, error) { return nil, fmt.Errorf("import: %s: %w", label(i, n), err) }
		if what := branching[n.GetOpType()]; what != "" {
			return nil, &Refusal{label(i, n), fmt.Sprintf("its %s depends on what the model's inputs contain; %s", what, controlFlow)}
		}
		node := &graphs.Node{Op: n.GetOpType(), Domain: onnx.CanonicalDomain(n.GetDomain()), Name: n.GetName()}
		node.Version = s.opsets[node.Domain]
		var err error
		if node.Attributes, err = attributes(n); err != nil {
			return fail(err)
		}
		for _, name := range n.GetInput() {
			v, ok := values[name]
			if !ok {
				return fail(fmt.Errorf("input %q is no tensor", name))
			}
			node.Inputs = append(node.Inputs, v)
		}
		if data, constant := first(node).Content(); data != nil && constant && node.Op == "Identity" && node.Domain == "" {
			values[n.GetOutput()[0]] = node.Inputs[0] // a weight that layers share
			continue
		}
		results, err := b.results(n, true)
		if err != nil {
			return fail(err)
		}
		for _, v := range g.Append(node, results...) {
			if v != nil {
				values[v.Name] = v
			}
		}
	}
	for _, out := range model.GetGraph().GetOutput() {
		v := values[out.GetName()]
		if v == nil {
			return nil, fmt.Errorf("import: output %q is no tensor of numbers", out.GetName())
		}
		g.Output(out.GetName(), v)
	}
	return g, g.Err()
}

func first(n *graphs.Node) *graphs.Value {
	if len(n.Inputs) == 0 {
		return nil
	}
	return n.Inputs[0]
}

// bound is the shape of an input with its symbolic dimensions bound.
func (s *Source) bound(input string) (shape []int64) {
	for _, in := range s.model.GetGraph().GetInput() {
		if in.GetName() == input {
			for _, d := range in.GetType().GetTensorType().GetShape().GetDim() {
				shape = append(shape, d.GetDimValue())
			}
		}
	}
	return shape
}
