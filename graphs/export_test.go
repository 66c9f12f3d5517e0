package graphs

import (
	"slices"

	"fovea/onnx/pb"
)

var RoundTo = roundTo

// HalfKernels lists the operators that run in a half-precision type, by name with domain, at a version of the standard.
func HalfKernels(half pb.TensorProto_DataType, opset int64) (keys []string) {
	for key, p := range placements {
		if p.kernel(&Node{Op: key}, half, opset) && !(opset >= 22 && slices.Contains(onlyBefore22, key)) {
			keys = append(keys, key)
		}
	}
	return append(keys, "Exp", "ReduceSum") // where they do, see mixing.choose
}
