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

// roundTo rounds x to the nearest number of a half-precision type, ties to even, and beyond the largest to infinity. It
// returns the bits and the value as a float32.
func roundTo(t pb.TensorProto_DataType, x float32) (bits uint16, rounded float32) {
	if t == BFloat16 {
		bits = numbers.ToBFloat16(x)
		return bits, numbers.FromBFloat16(bits)
	}
	bits = numbers.ToFloat16(float64(x))
	return bits, numbers.FromFloat16(bits)
}

// halfConstant rounds a float32 constant to a half-precision type. inRange reports whether no number becomes zero or
// infinite, exact whether every number stays the same.
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
