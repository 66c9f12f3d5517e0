package importer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"fovea/onnx"
	"fovea/onnx/pb"
)

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
