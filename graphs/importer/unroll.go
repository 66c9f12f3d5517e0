package importer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// mostSteps is the largest number of steps of a loop that is unrolled.
const mostSteps = 1 << 12

// unroll returns the steps of a Loop or Scan, or nil for other nodes and if the number of steps is not known.
func (s *Source) unroll(n *pb.NodeProto, static map[string]bool, trace Trace, prefix string) ([]*pb.NodeProto, error) {
	var l *loop
	var err error
	switch {
	case onnx.CanonicalDomain(n.GetDomain()) != "":
	case n.GetOpType() == "Scan" && s.opsets[""] < 9:
		err = errors.New("the form of opset 8 is not supported: convert the model")
	case n.GetOpType() == "Scan":
		l, err = s.scanLoop(n, trace)
	case n.GetOpType() == "Loop":
		l, err = s.countedLoop(n, static, trace)
	}
	if l == nil || err != nil {
		return nil, err
	}
	first := 0 // index of the first carried value among the body's outputs
	if l.stepInputsFirst {
		first = 1
	}
	results := len(l.body.GetOutput()) - first - len(l.carried)
	if results < 0 || len(n.GetOutput()) > len(l.carried)+results || len(l.axes) < results {
		return nil, errors.New("its body does not have the outputs that the node has")
	}
	if l.steps < 1 || l.steps > mostSteps {
		return nil, fmt.Errorf("%d steps are not supported, only 1 to %d", l.steps, mostSteps)
	}
	var nodes []*pb.NodeProto
	parts := make([][]string, results)
	for step := range l.steps {
		p := fmt.Sprintf("%s%d/", prefix, step)
		stepInputs, made := l.stepInputs(step, p)
		inputs := slices.Concat(l.carried, stepInputs)
		if l.stepInputsFirst {
			inputs = slices.Concat(stepInputs, l.carried)
		}
		outputs, copied, err := s.copyBody(l.body, inputs, p, prefix)
		if err != nil {
			return nil, err
		}
		if nodes = append(append(nodes, made...), copied...); len(nodes) > mostNodes {
			return nil, fmt.Errorf("unrolled it has more than %d nodes", mostNodes)
		}
		l.carried = outputs[first : first+len(l.carried)]
		for i, name := range outputs[first+len(l.carried):] {
			parts[i] = append(parts[i], name)
		}
	}
	for i, name := range n.GetOutput() {
		if part := i - len(l.carried); name != "" && part >= 0 {
			nodes = append(nodes, s.joinResults(name, parts[part], l.axes[part], l.backwards[part])...)
		} else if name != "" {
			nodes = append(nodes, newNode("Identity", []string{l.carried[i]}, name))
		}
	}
	return nodes, nil
}

// copyBody returns a graph's nodes with its inputs replaced and prefix before the names of its values, and the names of
// its outputs. Its initializers get the prefix shared, so that all steps of a loop use the same ones.
func (s *Source) copyBody(g *pb.GraphProto, inputs []string, prefix, shared string) (outputs []string,
	nodes []*pb.NodeProto, err error) {
	if len(g.GetSparseInitializer()) > 0 {
		return nil, nil, errors.New("sparse tensors are not supported")
	}
	if len(g.GetInput()) != len(inputs) {
		return nil, nil, fmt.Errorf("its body has %d inputs, not %d", len(g.GetInput()), len(inputs))
	}
	names := map[string]string{}
	for i, in := range g.GetInput() {
		names[in.GetName()] = inputs[i]
	}
	for _, t := range g.GetInitializer() {
		names[t.GetName()] = shared + t.GetName()
	}
	for _, n := range g.GetNode() {
		for _, name := range n.GetOutput() {
			if name != "" {
				names[name] = prefix + name
			}
		}
	}
	renamed := rename(g, names, prefix)
	for _, t := range renamed.GetInitializer() {
		if s.initializers[t.GetName()] == nil {
			s.addInitializer(t)
		}
	}
	for _, out := range renamed.GetOutput() {
		outputs = append(outputs, out.GetName())
	}
	nodes, err = s.addNodes(renamed.GetNode())
	return outputs, nodes, err
}

// joinResults stacks the results of a loop's steps along an axis.
func (s *Source) joinResults(name string, parts []string, axis int64, backwards bool) (nodes []*pb.NodeProto) {
	if backwards {
		slices.Reverse(parts)
	}
	var stacked []string
	for i, part := range parts {
		to := fmt.Sprintf("%s#part%d", name, i)
		unsqueeze := newNode("Unsqueeze", []string{part}, to)
		if s.opsets[""] >= 13 {
			unsqueeze.Input = append(unsqueeze.Input, s.integer(to+".axes", axis, 1))
		} else {
			unsqueeze.Attribute = []*pb.AttributeProto{{Name: proto.String("axes"),
				Type: pb.AttributeProto_INTS.Enum(), Ints: []int64{axis}}}
		}
		nodes, stacked = append(nodes, unsqueeze), append(stacked, to)
	}
	concat := newNode("Concat", stacked, name)
	concat.Attribute = []*pb.AttributeProto{integerAttribute("axis", axis)}
	return append(nodes, concat)
}

// integer adds an initializer of one element, a scalar if no shape is given, and returns its name.
func (s *Source) integer(name string, x int64, shape ...int64) string {
	return s.constant(name, pb.TensorProto_INT64, binary.LittleEndian.AppendUint64(nil, uint64(x)), shape...)
}

func (s *Source) constant(name string, t pb.TensorProto_DataType, data []byte, shape ...int64) string {
	s.addInitializer(&pb.TensorProto{Name: &name, DataType: proto.Int32(int32(t)), Dims: shape, RawData: data})
	return name
}

func newNode(op string, inputs []string, output string) *pb.NodeProto {
	return &pb.NodeProto{Name: proto.String(output), OpType: &op, Input: inputs, Output: []string{output}}
}

func integerAttribute(name string, x int64) *pb.AttributeProto {
	return &pb.AttributeProto{Name: &name, Type: pb.AttributeProto_INT.Enum(), I: &x}
}
