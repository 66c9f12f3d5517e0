package transfer

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/graphs/importer"
	"fovea/internal/numbers"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// FreeBatch makes a model of one image take any number of them, as exporters would have written it on request. Reshape
// keeps its first dimension open. Constants that are joined with features, such as a class token, are repeated for each
// image. Functions must be expanded, constants must be initializers, and the trace must be of one image. The caller has
// to try whether the result works.
func FreeBatch(m *pb.ModelProto, trace importer.Trace) (*pb.ModelProto, error) {
	out := shallow(m)
	g := out.Graph
	in := g.Input[0]
	shape, dims := []int64{-1}, in.GetType().GetTensorType().GetShape().GetDim()
	if len(dims) == 0 {
		return nil, fmt.Errorf("input %q is a scalar", in.GetName())
	}
	for _, d := range dims[1:] {
		shape = append(shape, d.GetDimValue())
	}
	g.Input = []*pb.ValueInfoProto{onnx.NewValueInfo(in.GetName(), pb.TensorProto_FLOAT, shape)}
	g.Output = nil
	for _, v := range m.GetGraph().GetOutput() {
		g.Output = append(g.Output, &pb.ValueInfoProto{Name: v.Name})
	}
	b := batcher{wiring: newWiring(m, trace, 1), out: out}
	g.Node = nil
	for _, n := range m.GetGraph().GetNode() {
		if b.variesIn(n) {
			var err error
			if n, err = b.freeNode(n); err != nil {
				return nil, err
			}
		}
		g.Node = append(g.Node, n)
	}
	dropUnread(g)
	return out, nil
}

type batcher struct {
	*wiring
	out  *pb.ModelProto
	size string // name of the batch size, int64 [1]; empty until a node needs it
}

// freeNode returns a node that depends on the image in a form for any batch.
func (b *batcher) freeNode(n *pb.NodeProto) (*pb.NodeProto, error) {
	switch n.GetOpType() {
	case "Reshape":
		return b.reshape(n)
	case "Concat":
		if axis := integer(n, "axis"); axis == 0 || axis == -int64(len(b.shape(n.GetOutput()[0]))) {
			return n, nil
		}
	default:
		return n, nil
	}
	n = proto.Clone(n).(*pb.NodeProto)
	for i, name := range n.Input {
		if b.varies[name] {
			continue
		}
		repeated, err := b.repeat(name, b.shape(name), n.GetOutput()[0]+fmt.Sprintf("/batch%d", i))
		if err != nil {
			return nil, err
		}
		n.Input[i] = repeated
	}
	return n, nil
}

// reshape opens the first dimension of the result if that is 1 for one image, or if the new shape is a constant that
// leaves no dimension open.
func (b *batcher) reshape(n *pb.NodeProto) (*pb.NodeProto, error) {
	shape := slices.Clone(b.shape(n.GetOutput()[0]))
	if len(shape) == 0 {
		return n, nil
	}
	if shape[0] != 1 {
		t := b.constant(n.GetInput()[1])
		if t == nil {
			return n, nil // the new shape follows the batch already
		}
		data, err := onnx.Data(t)
		if err != nil {
			return nil, err
		}
		if slices.Contains(numbers.Decode[int64](data), -1) {
			return n, nil
		}
	}
	shape[0] = -1
	n = proto.Clone(n).(*pb.NodeProto)
	n.Input[1] = n.GetOutput()[0] + "/batch_shape"
	return n, b.integers(n.Input[1], shape...)
}

// repeat returns the name of a value [N,…] that repeats a value [1,…] for each image.
func (b *batcher) repeat(name string, shape []int64, to string) (string, error) {
	if len(shape) == 0 || shape[0] != 1 {
		return name, nil
	}
	g := b.out.Graph
	if b.size == "" {
		b.size = g.Input[0].GetName() + "/batch_size"
		all := node("Shape", b.size+"s", g.Input[0].GetName())
		first := node("Gather", b.size, b.size+"s", b.size+"_at")
		if err := b.integers(b.size+"_at", 0); err != nil {
			return "", err
		}
		g.Node = append(g.Node, all, first)
	}
	if err := b.integers(to+"_rest", shape[1:]...); err != nil {
		return "", err
	}
	join := node("Concat", to+"_shape", b.size, to+"_rest")
	join.Attribute = integerAttribute("axis", 0)
	g.Node = append(g.Node, join, node("Expand", to, name, to+"_shape"))
	return to, nil
}

func (b *batcher) integers(name string, values ...int64) error {
	t, err := onnx.NewTensor(name, pb.TensorProto_INT64, []int64{int64(len(values))}, numbers.Encode(values))
	b.out.Graph.Initializer = append(b.out.Graph.Initializer, t)
	return err
}
