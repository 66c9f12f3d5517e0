package graphs

import (
	"encoding/binary"
	"math"

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
		return bfloat16(x)
	}
	return float16(x)
}

func bfloat16(x float32) (bits uint16, rounded float32) {
	b := math.Float32bits(x)
	if x != x {
		b |= 1 << 22 // otherwise a NaN with an empty upper half would become an infinity
	} else {
		b += 0x7fff + b>>16&1
	}
	return uint16(b >> 16), math.Float32frombits(b &^ 0xffff)
}

func float16(x float32) (bits uint16, rounded float32) {
	const smallest = 1.0 / (1 << 24) // distance of two numbers below 2^-14
	sign := uint16(math.Float32bits(x) >> 31 << 15)
	size := math.Abs(float64(x))
	switch {
	case x != x:
		return sign | 0x7e00, x
	case size >= 65520: // halfway from the largest number to 65536
		return sign | 0x7c00, float32(math.Copysign(math.Inf(1), float64(x)))
	case size < 1.0/(1<<14):
		steps := math.RoundToEven(size / smallest)
		return sign | uint16(steps), float32(math.Copysign(steps*smallest, float64(x)))
	}
	fraction, exponent := math.Frexp(size) // fraction in [½, 1)
	steps := math.RoundToEven(fraction * (1 << 11))
	// A fraction that was rounded up to 1 carries into the exponent.
	bits = uint16(exponent+13)<<10 + uint16(steps)
	return sign | bits, float32(math.Copysign(math.Ldexp(steps, exponent-11), float64(x)))
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
