package graphs

import (
	"encoding/binary"
	"math"

	"fovea/internal/numbers"
	"fovea/onnx/pb"
)

// Half-precision element types under short names.
const (
	Float16  = pb.TensorProto_FLOAT16  // IEEE 754 binary16: 11 significant bits, up to 65504
	BFloat16 = pb.TensorProto_BFLOAT16 // the upper half of a float32: 8 significant bits
)

// roundTo returns x rounded to the nearest number of a half-precision type, as its bits and as a float32 again. Of
// two it is the one with an even last bit; what lies beyond the largest becomes infinite.
func roundTo(t pb.TensorProto_DataType, x float32) (bits uint16, rounded float32) {
	if t == BFloat16 {
		bits = numbers.ToBFloat16(x)
		return bits, numbers.FromBFloat16(bits)
	}
	bits = numbers.ToFloat16(float64(x))
	return bits, numbers.FromFloat16(bits)
}

// halfConstant is a float32 constant rounded to a half-precision type, and whether
// that loses none of its numbers to zero or to infinity, and none of their digits.
func halfConstant(t pb.TensorProto_DataType, values []float32) (data []byte, rounded []float32, inRange, exact bool) {
	inRange, exact = true, true
	for _, x := range values {
		bits, y := roundTo(t, x)
		data, rounded = binary.LittleEndian.AppendUint16(data, bits), append(rounded, y)
		exact = exact && (x == y || x != x)
		inRange = inRange && (y == 0) == (x == 0) && math.IsInf(float64(y), 0) == math.IsInf(float64(x), 0)
	}
	return data, rounded, inRange, exact
}
