package importer

import (
	"fmt"

	"fovea/graphs"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// Verbatim imports the model as it is written, for programs that change parts of it and write it again. Nodes
// keep the version of their operators, nothing is folded, and a symbolic first dimension of an input stays open. The
// shapes of all other values are those of the trace. Functions are expanded, Constant nodes are constants, and the
// Identity of a constant is that constant, as in Import.
func (s *Source) Verbatim(trace Trace) (*Model, error) {
	b := s.newBuilder(trace)
	for _, in := range s.Model().GetGraph().GetInput() {
		shape := s.inputShape(in.GetName())
		if dims := in.GetType().GetTensorType().GetShape().GetDim(); len(shape) > 0 && dims[0].GetDimValue() == 0 {
			shape[0] = graphs.Dynamic
		}
		b.addInput(in, shape)
	}
	for _, t := range s.model.Graph.Initializer {
		data, err := onnx.Data(t)
		if err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
		kind := pb.TensorProto_DataType(t.GetDataType())
		b.Values[t.GetName()] = b.Graph.Initializer(t.GetName(), kind, t.GetDims(), data)
	}
	return b.build(b.addVerbatim)
}

func (b *builder) addVerbatim(n *pb.NodeProto) error {
	node, err := b.newNode(n)
	if err != nil {
		return err
	}
	if _, constant := node.Input(0).Content(); constant && node.Op == "Identity" && node.Domain == "" {
		b.Values[n.GetOutput()[0]] = node.Inputs[0] // a weight that layers share
		return nil
	}
	results, err := b.results(n, true)
	if err != nil {
		return err
	}
	for _, v := range b.Graph.Append(node, results...) {
		if v != nil {
			b.Values[v.Name] = v
		}
	}
	return nil
}
