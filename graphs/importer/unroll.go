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

// mostSteps is the number of steps of a loop that is unrolled.
const mostSteps = 1 << 12

// A loop is a Loop or Scan whose number of steps is known.
type loop struct {
	body       *pb.GraphProto
	steps      int64
	carried    []string                                                    // values that the first step gets from outside
	given      func(step int64, prefix string) ([]string, []*pb.NodeProto) // values of the body's further inputs
	givenFirst bool                                                        // they come before those carried, and the first output is the condition
	axes       []int64                                                     // along which the results of the steps are joined
	backwards  []bool                                                      // the last step's comes first
}

// unroll replaces a Loop or Scan by its steps, nil if their number is not known.
func (s *Source) unroll(n *pb.NodeProto, static map[string]bool, trace Trace, prefix string) ([]*pb.NodeProto, error) {
	var l *loop
	var err error
	switch {
	case domainOf(n.GetDomain()) != "":
	case n.GetOpType() == "Scan" && s.opsets[""] < 9:
		err = errors.New("Scan of opset 8 is not supported: convert the model")
	case n.GetOpType() == "Scan":
		l, err = s.scan(n, trace)
	case n.GetOpType() == "Loop":
		l, err = s.counted(n, static, trace)
	}
	if l == nil || err != nil {
		return nil, err
	}
	first := 0 // carried value among the body's outputs
	if l.givenFirst {
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
		given, made := l.given(step, p)
		inputs := slices.Concat(l.carried, given)
		if l.givenFirst {
			inputs = slices.Concat(given, l.carried)
		}
		outputs, copied, err := s.copied(l.body, inputs, p, prefix)
		if err != nil {
			return nil, err
		}
		if nodes = slices.Concat(nodes, made, copied); len(nodes) > mostNode {
			return nil, fmt.Errorf("unrolled it has more than %d nodes", mostNode)
		}
		l.carried = outputs[first : first+len(l.carried)]
		for i, name := range outputs[first+len(l.carried):] {
			parts[i] = append(parts[i], name)
		}
	}
	for i, name := range n.GetOutput() {
		if part := i - len(l.carried); name != "" && part >= 0 {
			nodes = append(nodes, s.joined(name, parts[part], l.axes[part], l.backwards[part])...)
		} else if name != "" {
			nodes = append(nodes, plain("Identity", []string{l.carried[i]}, name))
		}
	}
	return nodes, nil
}

// copied is a graph's nodes with its inputs replaced and names of their own, and the
// names of its outputs. Its initializers, of which all steps of a loop share one, get
// another prefix.
func (s *Source) copied(g *pb.GraphProto, inputs []string, prefix, shared string) (outputs []string, nodes []*pb.NodeProto, err error) {
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

// scan: the last inputs are sequences, of which each step gets one element.
func (s *Source) scan(n *pb.NodeProto, trace Trace) (*loop, error) {
	a := map[string][]int64{}
	l := &loop{}
	count := 0
	for _, attribute := range n.GetAttribute() {
		switch attribute.GetName() {
		case "body":
			l.body = attribute.GetG()
		case "num_scan_inputs":
			count = int(attribute.GetI())
		default:
			a[attribute.GetName()] = attribute.GetInts()
		}
	}
	at := func(list string, i int) int64 {
		if i < len(a[list]) {
			return a[list][i]
		}
		return 0
	}
	states := len(n.GetInput()) - count
	if l.body == nil || count < 1 || states < 0 {
		return nil, errors.New("its body or its sequences are missing")
	}
	l.carried = n.GetInput()[:states]
	sequences := n.GetInput()[states:]
	axes := make([]int64, count)
	for i, name := range sequences {
		shape := s.shape(name, trace)
		axes[i] = at("scan_input_axes", i)
		if axes[i] < 0 {
			axes[i] += int64(len(shape))
		}
		if axes[i] < 0 || int(axes[i]) >= len(shape) || i > 0 && shape[axes[i]] != l.steps {
			return nil, fmt.Errorf("the length of sequence %q is not known, or another than that of the others", name)
		}
		l.steps = shape[axes[i]]
	}
	l.given = func(step int64, prefix string) (names []string, nodes []*pb.NodeProto) {
		for i, name := range sequences {
			index := step
			if at("scan_input_directions", i) == 1 {
				index = l.steps - 1 - step
			}
			element := fmt.Sprintf("%selement%d", prefix, i)
			gather := plain("Gather", []string{name, s.integer(element+".index", index)}, element)
			gather.Attribute = []*pb.AttributeProto{integerAttribute("axis", axes[i])}
			names, nodes = append(names, element), append(nodes, gather)
		}
		return names, nodes
	}
	for i := range l.body.GetOutput() {
		l.axes = append(l.axes, at("scan_output_axes", i))
		l.backwards = append(l.backwards, at("scan_output_directions", i) == 1)
	}
	return l, nil
}

// counted: a Loop with a constant number of steps and a condition that stays true.
func (s *Source) counted(n *pb.NodeProto, static map[string]bool, trace Trace) (*loop, error) {
	if len(n.GetInput()) < 2 || len(n.GetAttribute()) == 0 {
		return nil, errors.New("inputs or body are missing")
	}
	body := n.GetAttribute()[0].GetG()
	content := func(name string) []byte {
		data, ok := s.Initializer(name)
		if !ok && static[name] {
			data = trace[name].GetRawData()
		}
		return data
	}
	steps, condition := content(n.GetInput()[0]), n.GetInput()[1]
	if goes := content(condition); len(steps) != 8 || condition != "" && (len(goes) != 1 || goes[0] == 0) || !staysTrue(body) {
		return nil, nil
	}
	l := &loop{body: body, steps: int64(binary.LittleEndian.Uint64(steps)), carried: n.GetInput()[2:], givenFirst: true,
		axes: make([]int64, len(body.GetOutput())), backwards: make([]bool, len(body.GetOutput()))}
	l.given = func(step int64, prefix string) ([]string, []*pb.NodeProto) {
		return []string{s.integer(prefix+"step", step), s.constant(prefix+"condition", pb.TensorProto_BOOL, []byte{1})}, nil
	}
	return l, nil
}

// staysTrue tells whether a Loop's condition, its body's first output, is the one that
// it got or a constant true.
func staysTrue(body *pb.GraphProto) bool {
	if len(body.GetInput()) < 2 || len(body.GetOutput()) == 0 {
		return false
	}
	name := body.GetOutput()[0].GetName()
	for range len(body.GetNode()) + 1 {
		if name == body.GetInput()[1].GetName() {
			return true
		}
		if t := onnx.Initializer(body, name); t != nil {
			return truth(t)
		}
		i := slices.IndexFunc(body.GetNode(), func(n *pb.NodeProto) bool { return slices.Contains(n.GetOutput(), name) })
		if i < 0 {
			return false
		}
		switch n := body.GetNode()[i]; {
		case n.GetOpType() == "Constant":
			t, err := constantTensor(n)
			return err == nil && truth(t)
		case len(n.GetInput()) != 1 || n.GetOpType() != "Identity" && n.GetOpType() != "Cast":
			return false
		default:
			name = n.GetInput()[0]
		}
	}
	return false
}

// truth tells whether a tensor is one element other than 0.
func truth(t *pb.TensorProto) bool {
	n, err := onnx.NumElements(t.GetDims())
	data, err2 := onnx.Data(t)
	return err == nil && err2 == nil && n == 1 && slices.ContainsFunc(data, func(b byte) bool { return b != 0 })
}

// joined stacks the results of a loop's steps along an axis.
func (s *Source) joined(name string, parts []string, axis int64, backwards bool) (nodes []*pb.NodeProto) {
	if backwards {
		slices.Reverse(parts)
	}
	along := []*pb.AttributeProto{integerAttribute("axis", axis)}
	var stacked []string
	for i, part := range parts {
		to := fmt.Sprintf("%s#part%d", name, i)
		unsqueeze := plain("Unsqueeze", []string{part}, to)
		if s.opsets[""] >= 13 {
			unsqueeze.Input = append(unsqueeze.Input, s.constant(to+".axes", pb.TensorProto_INT64, binary.LittleEndian.AppendUint64(nil, uint64(axis)), 1))
		} else {
			unsqueeze.Attribute = []*pb.AttributeProto{{Name: proto.String("axes"), Type: pb.AttributeProto_INTS.Enum(), Ints: []int64{axis}}}
		}
		nodes, stacked = append(nodes, unsqueeze), append(stacked, to)
	}
	concat := plain("Concat", stacked, name)
	concat.Attribute = along
	return append(nodes, concat)
}

// shape is the shape of a value of the model, nil if it is not known.
func (s *Source) shape(name string, trace Trace) (dims []int64) {
	if t := s.initializers[name]; t != nil {
		return t.GetDims()
	}
	for _, in := range s.model.Graph.Input {
		if in.GetName() == name {
			for _, d := range in.GetType().GetTensorType().GetShape().GetDim() {
				dims = append(dims, d.GetDimValue())
			}
			return dims
		}
	}
	return trace[name].GetDims()
}

// integer adds an initializer of rank 0 and returns its name.
func (s *Source) integer(name string, x int64) string {
	return s.constant(name, pb.TensorProto_INT64, binary.LittleEndian.AppendUint64(nil, uint64(x)))
}

func (s *Source) constant(name string, t pb.TensorProto_DataType, data []byte, shape ...int64) string {
	s.addInitializer(&pb.TensorProto{Name: &name, DataType: proto.Int32(int32(t)), Dims: shape, RawData: data})
	return name
}

func plain(op string, inputs []string, output string) *pb.NodeProto {
	return &pb.NodeProto{Name: proto.String(output), OpType: &op, Input: inputs, Output: []string{output}}
}

func integerAttribute(name string, x int64) *pb.AttributeProto {
	return &pb.AttributeProto{Name: &name, Type: pb.AttributeProto_INT.Enum(), I: &x}
}
