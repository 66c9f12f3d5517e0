package importer

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// The runtime does not check the numbers in a model: a stride of 0 ends the process with a division by zero, and it
// allocates a tensor of any size. So the importer refuses numbers beyond these limits before the first run.
const (
	mostElements = 1 << 28 // of an input, or of a result whose shape is constant
	mostStep     = 1 << 20 // magnitude of a kernel, stride, dilation or padding
)

// atLeastOne lists the attributes that the runtime divides by or counts with.
var atLeastOne = []string{"kernel_shape", "strides", "dilations", "group", "num_groups", "blocksize", "q_num_heads",
	"kv_num_heads", "num_outputs", "hidden_size"}

// bounded lists the attributes whose magnitude is limited.
var bounded = []string{"kernel_shape", "strides", "dilations", "pads", "output_padding", "output_shape"}

// checkNumbers refuses attributes that no model needs.
func checkNumbers(n *pb.NodeProto) error {
	for _, a := range n.GetAttribute() {
		values := a.GetInts()
		if a.GetType() == pb.AttributeProto_INT {
			values = []int64{a.GetI()}
		}
		for _, v := range values {
			if v < 1 && slices.Contains(atLeastOne, a.GetName()) {
				return fmt.Errorf("attribute %s is %d: it must be at least 1", a.GetName(), v)
			}
			if (v > mostStep || v < -mostStep) && slices.Contains(bounded, a.GetName()) {
				return fmt.Errorf("attribute %s is %d: it must not be beyond %d", a.GetName(), v, mostStep)
			}
		}
	}
	return nil
}

// sizeInputs names, by operator, the input that lists sizes of the result or numbers of repetitions.
var sizeInputs = map[string]int{"ConstantOfShape": 0, "Expand": 1, "Reshape": 1, "CenterCropPad": 1, "Resize": 3,
	"AffineGrid": 1, "Col2Im": 1, "Tile": 1, "OneHot": 1, "TopK": 1, "MaxUnpool": 2}

// checkConstants refuses constants that would make a result too large or that the runtime does not survive.
func (s *Source) checkConstants(n *pb.NodeProto) error {
	if onnx.CanonicalDomain(n.GetDomain()) != "" {
		return nil
	}
	op := n.GetOpType()
	if i, ok := sizeInputs[op]; ok {
		elements := 1.0
		for _, size := range s.integersOf(n, i) {
			elements *= max(math.Abs(float64(size)), 1)
		}
		if elements > mostElements {
			return fmt.Errorf("its input %d asks for %.3g elements: %d is the most", i, elements, mostElements)
		}
	}
	switch op {
	case "Pad":
		for _, by := range s.integersOf(n, 1) {
			if by > mostStep || by < -mostStep {
				return fmt.Errorf("a padding of %d: it must not be beyond %d", by, mostStep)
			}
		}
	case "Range":
		first, end, step := s.integersOf(n, 0), s.integersOf(n, 1), s.integersOf(n, 2)
		if len(first) == 1 && len(end) == 1 && len(step) == 1 &&
			(step[0] == 0 || (float64(end[0])-float64(first[0]))/float64(step[0]) > mostElements) {
			return fmt.Errorf("a range from %d to %d in steps of %d: %d steps are the most",
				first[0], end[0], step[0], mostElements)
		}
	case "Div":
		if slices.Contains(s.integersOf(n, 0), math.MinInt64) && slices.Contains(s.integersOf(n, 1), -1) {
			return fmt.Errorf("the quotient of %d and -1 is no int64", math.MinInt64)
		}
	case "Conv", "ConvTranspose":
		if len(n.GetInput()) > 1 && slices.Contains(s.initializers[n.GetInput()[1]].GetDims(), 0) {
			return fmt.Errorf("its weight of shape %v is empty", s.initializers[n.GetInput()[1]].GetDims())
		}
	}
	return nil
}

// withKernel returns a convolution with the shape of its kernel as an attribute. The runtime compares the attribute
// with the rank of the input. Without it, it takes the shape from the weight and reads beyond the end of a list.
func (s *Source) withKernel(n *pb.NodeProto) *pb.NodeProto {
	has := func(a *pb.AttributeProto) bool { return a.GetName() == "kernel_shape" }
	op := n.GetOpType()
	if op != "Conv" && op != "ConvTranspose" || onnx.CanonicalDomain(n.GetDomain()) != "" || len(n.GetInput()) < 2 ||
		slices.ContainsFunc(n.GetAttribute(), has) {
		return n
	}
	dims := s.initializers[n.GetInput()[1]].GetDims()
	if len(dims) < 3 {
		return n
	}
	kernel := &pb.AttributeProto{Name: proto.String("kernel_shape"), Type: pb.AttributeProto_INTS.Enum(),
		Ints: dims[2:]}
	return &pb.NodeProto{Name: n.Name, OpType: n.OpType, Domain: n.Domain, Overload: n.Overload,
		Input: n.Input, Output: n.Output, Attribute: append(slices.Clip(n.Attribute), kernel)}
}

// integersOf returns the elements of a node's input if that is a constant of int64 or int32, and nil otherwise.
func (s *Source) integersOf(n *pb.NodeProto, input int) (out []int64) {
	if input >= len(n.GetInput()) {
		return nil
	}
	t := s.initializers[n.GetInput()[input]]
	data, err := onnx.Data(t)
	if t == nil || err != nil {
		return nil
	}
	switch pb.TensorProto_DataType(t.GetDataType()) {
	case pb.TensorProto_INT64:
		for b := range slices.Chunk(data, 8) {
			out = append(out, int64(binary.LittleEndian.Uint64(b)))
		}
	case pb.TensorProto_INT32:
		for b := range slices.Chunk(data, 4) {
			out = append(out, int64(int32(binary.LittleEndian.Uint32(b))))
		}
	}
	return out
}
