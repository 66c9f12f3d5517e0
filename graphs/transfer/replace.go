package transfer

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// These are the names of the values that Replace adds to a model.
const (
	HeadWeight = "head.weight"   // float32 [C,F], [C,F,1,1] of a convolution
	HeadBias   = "head.bias"     // float32 [C]
	Vector     = "head.features" // float32 [N,F], the input of the head unless that is a pooled convolution
	Logits     = "logits"        // float32 [N,C]
)

// Replace returns the model with a new head in the place of h and all that follows it. Only the pooling behind a
// convolution stays. The only output is Logits, for the given number of classes. Weight and bias of the head are 0.
// Values that have one of these names, or a reserved one, get another. It is an error if the input has one.
func (h *Head) Replace(classes int64, reserved ...string) (*pb.ModelProto, error) {
	reserved = append(reserved, HeadWeight, HeadBias, Vector, Logits)
	if in := h.model.GetGraph().GetInput()[0].GetName(); slices.Contains(reserved, in) {
		return nil, fmt.Errorf("input %q has the name of something that is added for training: "+
			"give it another, such as \"images\"", in)
	}
	w := newWiring(h.model, nil, 0)
	end := h.Features
	if h.pooled {
		end = w.behindPooling(h.result)
	}
	out := shallow(h.model)
	g := out.Graph
	g.Node = w.nodesFor(h.result, h.Features, end)
	renamed := freeNames(g, reserved)
	name := func(old string) string {
		if n, ok := renamed[old]; ok {
			return n
		}
		return old
	}
	weight := []int64{classes, h.Width}
	if h.pooled {
		weight = append(weight, 1, 1)
		conv := node("Conv", name(h.result), name(h.Features), HeadWeight, HeadBias)
		readsResult := func(n *pb.NodeProto) bool { return slices.Contains(n.GetInput(), name(h.result)) }
		i := slices.IndexFunc(g.Node, readsResult)
		if i < 0 {
			i = len(g.Node)
		}
		g.Node = slices.Insert(g.Node, i, conv)
		g.Node = append(g.Node, node("Flatten", Logits, name(end)))
	} else {
		gemm := node("Gemm", Logits, Vector, HeadWeight, HeadBias)
		gemm.Attribute = integerAttribute("transB", 1)
		g.Node = append(g.Node, node("Flatten", Vector, name(h.Features)), gemm)
	}
	for _, t := range []struct {
		name  string
		shape []int64
	}{{HeadWeight, weight}, {HeadBias, []int64{classes}}} {
		zero, err := onnx.NewTensor(t.name, pb.TensorProto_FLOAT, t.shape, make([]byte, 4*elements(t.shape)))
		if err != nil {
			return nil, err
		}
		g.Initializer = append(g.Initializer, zero)
	}
	batch := g.Input[0].GetType().GetTensorType().GetShape().GetDim()[0].GetDimValue()
	g.Output = []*pb.ValueInfoProto{output(Logits, batch, classes)}
	return out, nil
}

// Deploy returns a model that Replace made with the output probabilities before the logits.
func Deploy(m *pb.ModelProto, probabilities string) *pb.ModelProto {
	out := shallow(m)
	softmax := node("Softmax", probabilities, Logits)
	softmax.Attribute = integerAttribute("axis", 1)
	out.Graph.Node = append(out.Graph.Node, softmax)
	dims := out.Graph.Output[0].GetType().GetTensorType().GetShape().GetDim()
	out.Graph.Output = []*pb.ValueInfoProto{
		output(probabilities, dims[0].GetDimValue(), dims[1].GetDimValue()), out.Graph.Output[0]}
	return out
}

func output(name string, batch, classes int64) *pb.ValueInfoProto {
	return onnx.NewValueInfo(name, pb.TensorProto_FLOAT, []int64{batchDimension(batch), classes})
}

func node(op, result string, inputs ...string) *pb.NodeProto {
	return &pb.NodeProto{OpType: proto.String(op), Name: proto.String(result), Input: inputs, Output: []string{result}}
}

func integerAttribute(name string, x int64) []*pb.AttributeProto {
	return []*pb.AttributeProto{{Name: proto.String(name), Type: pb.AttributeProto_INT.Enum(), I: proto.Int64(x)}}
}

// behindPooling returns the last value of the chain of pooling and reshapes behind a convolution, before a softmax.
func (w *wiring) behindPooling(name string) string {
	for {
		readers := w.readers[name]
		if len(readers) != 1 || !pooling[readers[0].GetOpType()] {
			return name
		}
		name = readers[0].GetOutput()[0]
	}
}

// nodesFor returns the nodes that compute some values, in their order. It leaves out the maker of the value except and
// all nodes that only that needs.
func (w *wiring) nodesFor(except string, values ...string) []*pb.NodeProto {
	live := map[*pb.NodeProto]bool{}
	for stack := values; len(stack) > 0; {
		name := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if n := w.makers[name]; n != nil && name != except && !live[n] {
			live[n] = true
			stack = append(stack, n.GetInput()...)
		}
	}
	nodes := slices.Clone(w.model.GetGraph().GetNode())
	return slices.DeleteFunc(nodes, func(n *pb.NodeProto) bool { return !live[n] })
}

// dropUnread drops the initializers that no node reads. It returns the names of all remaining values.
func dropUnread(g *pb.GraphProto) map[string]bool {
	used := map[string]bool{}
	for _, n := range g.Node {
		for _, name := range slices.Concat(n.GetInput(), n.GetOutput()) {
			used[name] = true
		}
	}
	g.Initializer = slices.DeleteFunc(g.Initializer, func(t *pb.TensorProto) bool { return !used[t.GetName()] })
	return used
}

// freeNames drops unread initializers and renames the values that have one of the names. It returns the new names by
// the old.
func freeNames(g *pb.GraphProto, names []string) map[string]string {
	used := dropUnread(g)
	renamed := map[string]string{}
	for _, name := range names {
		if used[name] {
			other := name + ".model"
			for used[other] {
				other += "_"
			}
			renamed[name], used[other] = other, true
		}
	}
	if len(renamed) == 0 {
		return renamed
	}
	for i, t := range g.Initializer {
		if name, ok := renamed[t.GetName()]; ok {
			t = proto.Clone(t).(*pb.TensorProto)
			t.Name = proto.String(name)
			g.Initializer[i] = t
		}
	}
	for i, n := range g.Node {
		n = proto.Clone(n).(*pb.NodeProto)
		for _, list := range [][]string{n.Input, n.Output} {
			for i, name := range list {
				if other, ok := renamed[name]; ok {
					list[i] = other
				}
			}
		}
		g.Node[i] = n
	}
	return renamed
}
