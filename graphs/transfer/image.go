package transfer

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// An Image is the input of a classifier.
type Image struct {
	Name  string
	Batch int64 // 0 stands for any
}

// channels is the number of channels of an image.
const channels = 3

// TakeImages returns the model with its only input as float32 [N,3,size,size]. If the model has the channels last, as
// TensorFlow's have, it puts a transposition in front. m does not change, and weights are shared.
func TakeImages(m *pb.ModelProto, size int64) (*pb.ModelProto, Image, error) {
	in, err := onlyInput(m.GetGraph())
	if err != nil {
		return nil, Image{}, err
	}
	name, tensor := in.GetName(), in.GetType().GetTensorType()
	var dims []int64 // 0: symbolic
	for _, d := range tensor.GetShape().GetDim() {
		dims = append(dims, max(d.GetDimValue(), 0))
	}
	side, channelsLast, err := CheckImages(name, pb.TensorProto_DataType(tensor.GetElemType()), dims)
	if err != nil {
		return nil, Image{}, err
	}
	if side != 0 && side != size {
		return nil, Image{}, fmt.Errorf("input %q takes images of %d×%[2]d pixels: set data.size = %[2]d", name, side)
	}
	out := shallow(m)
	shape := []int64{batchDimension(dims[0]), channels, size, size}
	out.Graph.Input = []*pb.ValueInfoProto{onnx.NewValueInfo(name, pb.TensorProto_FLOAT, shape)}
	out.Graph.Output = slices.DeleteFunc(out.Graph.Output, func(v *pb.ValueInfoProto) bool {
		return v.GetName() == name || onnx.Initializer(m.GetGraph(), v.GetName()) != nil // no node computes them
	})
	if channelsLast {
		out.Graph.Node = withTransposedInput(out.Graph.Node, name)
	}
	return out, Image{Name: name, Batch: dims[0]}, nil
}

// CheckImages returns an error that says what to do unless an input takes square RGB images in float32. It returns their
// side and whether the channels stand last. A dimension of 0 is not known.
func CheckImages(input string, t pb.TensorProto_DataType, dims []int64) (side int64, channelsLast bool, err error) {
	if t != pb.TensorProto_FLOAT || len(dims) != 4 {
		return 0, false, fmt.Errorf("input %q is %s of shape %v: images are float32 [N,3,S,S]: %s", input,
			onnx.TypeName(t), dims, wayOut(t))
	}
	channelsLast = dims[3] == channels && dims[1] != channels
	channel, height, width := dims[1], dims[2], dims[3]
	if channelsLast {
		channel, height, width = dims[3], dims[1], dims[2]
	}
	switch {
	case channel != channels && channel != 0:
		return 0, false, fmt.Errorf("input %q has shape %v, %d channels: images have the 3 of RGB: %s", input, dims,
			channel, otherChannels(channel))
	case height != width && height != 0 && width != 0:
		return 0, false, fmt.Errorf("input %q takes images of %d×%d pixels: only square ones are supported: "+
			"export it for square images, or with symbolic height and width", input, height, width)
	}
	return max(height, width), channelsLast, nil
}

// wayOut says how to get a model of float32 images from one whose input has another type or rank.
func wayOut(t pb.TensorProto_DataType) string {
	switch t {
	case pb.TensorProto_FLOAT:
		return "export it with the axes images, channels, height and width"
	case pb.TensorProto_FLOAT16, pb.TensorProto_BFLOAT16, pb.TensorProto_DOUBLE:
		return "export it in float32, from the model that it was converted from"
	}
	return "export it without the preparation of the images, which Fovea does"
}

// otherChannels says how to get a model of RGB images from one with another number of channels.
func otherChannels(channels int64) string {
	if channels == 1 {
		return "put a ReduceMean over the channels, with keepdims, in front of it, or take a model of RGB images"
	}
	return "take a model of RGB images"
}

// onlyInput returns the only input that is not an initializer.
func onlyInput(g *pb.GraphProto) (*pb.ValueInfoProto, error) {
	weights := map[string]bool{}
	for _, t := range g.GetInitializer() {
		weights[t.GetName()] = true
	}
	isWeight := func(v *pb.ValueInfoProto) bool { return weights[v.GetName()] }
	inputs := slices.DeleteFunc(slices.Clone(g.GetInput()), isWeight)
	if len(inputs) == 1 {
		return inputs[0], nil
	}
	var names []string
	hint := ""
	for _, v := range inputs {
		names = append(names, fmt.Sprintf("%q", v.GetName()))
		if strings.HasSuffix(v.GetName(), ":0") && len(inputs) > 1 { // TensorFlow names results so
			hint = "; tf2onnx leaves constants, such as those of Normalization, as inputs where it converts " +
				"a function, as Keras 3 has it do: save a SavedModel with model.export and convert that"
		}
	}
	return nil, fmt.Errorf("the model has %d inputs (%s), a classifier of images has one%s",
		len(inputs), strings.Join(names, ", "), hint)
}

// withTransposedInput puts a transposition to channels last between the input and the nodes that read it.
func withTransposedInput(nodes []*pb.NodeProto, input string) []*pb.NodeProto {
	transposed := input + "/channels_last"
	out := []*pb.NodeProto{{OpType: proto.String("Transpose"), Name: proto.String(transposed), Input: []string{input},
		Output: []string{transposed}, Attribute: []*pb.AttributeProto{{Name: proto.String("perm"),
			Type: pb.AttributeProto_INTS.Enum(), Ints: []int64{0, 2, 3, 1}}}}}
	for _, n := range nodes {
		if slices.Contains(n.GetInput(), input) {
			n = proto.Clone(n).(*pb.NodeProto)
			for i, name := range n.Input {
				if name == input {
					n.Input[i] = transposed
				}
			}
		}
		out = append(out, n)
	}
	return out
}

// shallow copies a model and its lists. The elements of the lists are shared. From IR version 4 on initializers need
// not be inputs.
func shallow(m *pb.ModelProto) *pb.ModelProto {
	g := m.GetGraph()
	return &pb.ModelProto{IrVersion: proto.Int64(max(m.GetIrVersion(), 4)), OpsetImport: m.GetOpsetImport(),
		Functions: m.GetFunctions(),
		Graph: &pb.GraphProto{Name: g.Name, Node: slices.Clone(g.GetNode()),
			Initializer:       slices.Clone(g.GetInitializer()),
			SparseInitializer: g.GetSparseInitializer(), Input: slices.Clone(g.GetInput()),
			Output: slices.Clone(g.GetOutput())}}
}

// batchDimension returns the dimension for a batch size: -1, which stands for a symbol, for 0.
func batchDimension(batch int64) int64 {
	if batch == 0 {
		return -1
	}
	return batch
}
