package importer

import (
	"encoding/binary"
	"errors"
	"fmt"

	"fovea/onnx/limits"
	"fovea/onnx/pb"
)

// A loop is a Loop or Scan whose number of steps is known.
type loop struct {
	body    *pb.GraphProto
	steps   int64
	carried []string // values that each step passes to the next; here those of the first step

	// stepInputs returns the names of the body's other inputs and the nodes that make them. Their names begin with
	// prefix.
	stepInputs func(step int64, prefix string) ([]string, []*pb.NodeProto)
	// stepInputsFirst is set for Loop: these inputs come before the carried ones, and the first output is the
	// condition.
	stepInputsFirst bool

	axes      []int64 // along which the results of the steps are joined
	backwards []bool  // the result of the last step comes first
}

// scanLoop returns the loop of a Scan. Its last inputs are sequences, and each step gets one element of each.
func (s *Source) scanLoop(n *pb.NodeProto, trace Trace) (*loop, error) {
	lists := map[string][]int64{}
	l := &loop{}
	count := 0
	for _, attribute := range n.GetAttribute() {
		switch attribute.GetName() {
		case "body":
			l.body = attribute.GetG()
		case "num_scan_inputs":
			count = int(attribute.GetI())
		default:
			lists[attribute.GetName()] = attribute.GetInts()
		}
	}
	listed := func(name string, i int) int64 {
		if i < len(lists[name]) {
			return lists[name][i]
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
		axes[i] = listed("scan_input_axes", i)
		if axes[i] < 0 {
			axes[i] += int64(len(shape))
		}
		if axes[i] < 0 || int(axes[i]) >= len(shape) || i > 0 && shape[axes[i]] != l.steps {
			return nil, fmt.Errorf("the length of sequence %q is unknown or differs from that of the others", name)
		}
		l.steps = shape[axes[i]]
	}
	l.stepInputs = func(step int64, prefix string) (names []string, nodes []*pb.NodeProto) {
		for i, name := range sequences {
			index := step
			if listed("scan_input_directions", i) == 1 {
				index = l.steps - 1 - step
			}
			element := fmt.Sprintf("%selement%d", prefix, i)
			gather := newNode("Gather", []string{name, s.integer(element+".index", index)}, element)
			gather.Attribute = []*pb.AttributeProto{integerAttribute("axis", axes[i])}
			names, nodes = append(names, element), append(nodes, gather)
		}
		return names, nodes
	}
	for i := range l.body.GetOutput() {
		l.axes = append(l.axes, listed("scan_output_axes", i))
		l.backwards = append(l.backwards, listed("scan_output_directions", i) == 1)
	}
	return l, nil
}

// countedLoop returns the loop of a Loop with a constant number of steps and a condition that stays true, and nil for
// others.
func (s *Source) countedLoop(n *pb.NodeProto, static map[string]bool, trace Trace) (*loop, error) {
	if len(n.GetInput()) < 2 || len(n.GetAttribute()) == 0 {
		return nil, errors.New("inputs or body are missing")
	}
	body := n.GetAttribute()[0].GetG()
	steps := s.knownData(n.GetInput()[0], static, trace)
	condition := s.knownData(n.GetInput()[1], static, trace)
	startsTrue := n.GetInput()[1] == "" || len(condition) == 1 && condition[0] != 0
	if len(steps) != 8 || !startsTrue || !limits.StaysTrue(body) {
		return nil, nil
	}
	l := &loop{body: body, steps: int64(binary.LittleEndian.Uint64(steps)), carried: n.GetInput()[2:],
		stepInputsFirst: true,
		axes:            make([]int64, len(body.GetOutput())), backwards: make([]bool, len(body.GetOutput()))}
	l.stepInputs = func(step int64, prefix string) ([]string, []*pb.NodeProto) {
		condition := s.constant(prefix+"condition", pb.TensorProto_BOOL, []byte{1})
		return []string{s.integer(prefix+"step", step), condition}, nil
	}
	return l, nil
}

// shape returns the shape of a value of the model, or nil if it is not known.
func (s *Source) shape(name string, trace Trace) []int64 {
	if t := s.initializers[name]; t != nil {
		return t.GetDims()
	}
	if dims := s.inputShape(name); dims != nil {
		return dims
	}
	return trace[name].GetDims()
}

// inputShape returns the shape of an input of the model with its symbolic dimensions bound, or nil if no input has the
// name.
func (s *Source) inputShape(name string) []int64 {
	for _, in := range s.model.Graph.Input {
		if in.GetName() == name {
			return dimensions(in)
		}
	}
	return nil
}
