package limits

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"fovea/internal/numbers"
	"fovea/onnx"
	"fovea/onnx/pb"
)

const (
	// MostElements is the largest number of elements of an input, or of a result whose shape is constant.
	MostElements = 1 << 28

	mostStep = 1 << 20 // magnitude of a kernel, stride, dilation or padding
)

// atLeastOne lists the attributes that the runtime divides by or counts with.
var atLeastOne = []string{"kernel_shape", "strides", "dilations", "group", "num_groups", "blocksize", "block_size",
	"num_heads", "q_num_heads", "kv_num_heads", "num_outputs", "hidden_size", "pooled_shape", "output_height",
	"output_width", "bits", "K", "N"}

// bounded lists the attributes whose magnitude is limited.
var bounded = []string{"kernel_shape", "strides", "dilations", "pads", "output_padding", "output_shape",
	"pooled_shape", "output_height", "output_width", "sampling_ratio", "hidden_size"}

// CheckAttributes refuses attributes that no model needs.
func CheckAttributes(n *pb.NodeProto) error {
	for _, a := range n.GetAttribute() {
		values := a.GetInts()
		if a.GetType() == pb.AttributeProto_INT {
			values = []int64{a.GetI()}
		}
		for _, v := range values {
			if v < 1 && slices.Contains(atLeastOne, a.GetName()) && !mayBeZero(n, a.GetName()) {
				return fmt.Errorf("attribute %s is %d: it must be at least 1", a.GetName(), v)
			}
			if (v > mostStep || v < -mostStep) && slices.Contains(bounded, a.GetName()) {
				return fmt.Errorf("attribute %s is %d: it must not be beyond %d", a.GetName(), v, mostStep)
			}
		}
	}
	return nil
}

// mayBeZero reports whether an attribute is one of those that 0 leaves unset.
func mayBeZero(n *pb.NodeProto, attribute string) bool {
	switch attribute {
	case "block_size":
		return strings.HasSuffix(n.GetOpType(), "quantizeLinear") || n.GetOpType() == "QuantizeLinear"
	case "num_heads", "q_num_heads", "kv_num_heads":
		return n.GetOpType() == "RotaryEmbedding"
	}
	return false
}

// sizeInputs names, by operator, the input that lists sizes of the result or numbers of repetitions.
var sizeInputs = map[string]int{"ConstantOfShape": 0, "Expand": 1, "Reshape": 1, "CenterCropPad": 1, "Resize": 3,
	"AffineGrid": 1, "Col2Im": 1, "Tile": 1, "OneHot": 1, "TopK": 1, "MaxUnpool": 2,
	"HannWindow": 0, "HammingWindow": 0, "BlackmanWindow": 0}

// divisorInputs names, by operator, inputs that the runtime divides by.
var divisorInputs = map[string][]int{"STFT": {1}, "Col2Im": {1, 2}, "MelWeightMatrix": {0, 1, 2}, "DFT": {1}}

// CheckConstants refuses constants that would make a result too large or that the runtime does not survive. constant
// returns the tensor of a value that is a constant, or nil.
func CheckConstants(n *pb.NodeProto, constant func(name string) *pb.TensorProto) error {
	if onnx.CanonicalDomain(n.GetDomain()) != "" {
		return nil
	}
	list := func(input int) []int64 {
		if input >= len(n.GetInput()) {
			return nil
		}
		return Integers(constant(n.GetInput()[input]))
	}
	op := n.GetOpType()
	if i, ok := sizeInputs[op]; ok {
		elements := 1.0
		for _, size := range list(i) {
			elements *= max(math.Abs(float64(size)), 1)
		}
		if elements > MostElements {
			return fmt.Errorf("its input %d asks for %.3g elements: %d is the most", i, elements, MostElements)
		}
	}
	for _, i := range divisorInputs[op] {
		for _, v := range list(i) {
			if v < 1 {
				return fmt.Errorf("its input %d is %d: it must be at least 1", i, v)
			}
		}
	}
	switch op {
	case "Pad":
		for _, by := range list(1) {
			if by > mostStep || by < -mostStep {
				return fmt.Errorf("a padding of %d: it must not be beyond %d", by, mostStep)
			}
		}
	case "Range":
		first, end, step := list(0), list(1), list(2)
		if len(first) == 1 && len(end) == 1 && len(step) == 1 &&
			(step[0] == 0 || (float64(end[0])-float64(first[0]))/float64(step[0]) > MostElements) {
			return fmt.Errorf("a range from %d to %d in steps of %d: %d steps are the most",
				first[0], end[0], step[0], MostElements)
		}
	case "Div", "Mod":
		return checkDivision(list(0), list(1))
	case "Trilu":
		for _, k := range list(1) {
			if k > 1<<31 || k < -1<<31 {
				return fmt.Errorf("a diagonal of %d: it must not be beyond %d", k, 1<<31)
			}
		}
	case "Conv", "ConvTranspose":
		if len(n.GetInput()) > 1 {
			if dims := constant(n.GetInput()[1]).GetDims(); slices.Contains(dims, 0) {
				return fmt.Errorf("its weight of shape %v is empty", dims)
			}
		}
	}
	return nil
}

// checkDivision refuses integer divisions that end the process.
func checkDivision(dividend, divisor []int64) error {
	if slices.Contains(divisor, 0) {
		return fmt.Errorf("it divides integers by 0")
	}
	if slices.Contains(divisor, -1) {
		for _, least := range []int64{math.MinInt64, math.MinInt32} {
			if slices.Contains(dividend, least) {
				return fmt.Errorf("the quotient of %d and -1 is no integer of that type", least)
			}
		}
	}
	return nil
}

// Integers returns the elements of a tensor of integers, and nil for other tensors.
func Integers(t *pb.TensorProto) []int64 {
	if t == nil {
		return nil
	}
	data, err := onnx.Data(t)
	if err != nil {
		return nil
	}
	switch pb.TensorProto_DataType(t.GetDataType()) {
	case pb.TensorProto_INT64:
		return widened[int64](data)
	case pb.TensorProto_UINT64:
		return widened[uint64](data)
	case pb.TensorProto_INT32:
		return widened[int32](data)
	case pb.TensorProto_UINT32:
		return widened[uint32](data)
	case pb.TensorProto_INT16:
		return widened[int16](data)
	case pb.TensorProto_UINT16:
		return widened[uint16](data)
	case pb.TensorProto_INT8:
		return widened[int8](data)
	case pb.TensorProto_UINT8:
		return widened[uint8](data)
	}
	return nil
}

func widened[T numbers.Number](data []byte) (out []int64) {
	for _, x := range numbers.Decode[T](data) {
		out = append(out, int64(x))
	}
	return out
}

// WithKernel returns a convolution with the shape of its kernel as an attribute. The runtime compares the attribute
// with the rank of the input. Without it, it takes the shape from the weight and reads beyond the end of a list.
// weight is the shape of the weight if that is constant.
func WithKernel(n *pb.NodeProto, weight []int64) *pb.NodeProto {
	has := func(a *pb.AttributeProto) bool { return a.GetName() == "kernel_shape" }
	if kernelInput(n) == 0 || len(weight) < 3 || slices.ContainsFunc(n.GetAttribute(), has) {
		return n
	}
	kernel := &pb.AttributeProto{Name: proto.String("kernel_shape"), Type: pb.AttributeProto_INTS.Enum(),
		Ints: weight[2:]}
	return &pb.NodeProto{Name: n.Name, OpType: n.OpType, Domain: n.Domain, Overload: n.Overload,
		Input: n.Input, Output: n.Output, Attribute: append(slices.Clip(n.Attribute), kernel)}
}
