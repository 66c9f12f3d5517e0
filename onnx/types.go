package onnx

import (
	"fmt"
	"math"
	"math/bits"

	"fovea/onnx/pb"
)

// elementTypes maps each element type to its usual name and its width in bits. Strings have no fixed width.
var elementTypes = map[pb.TensorProto_DataType]struct {
	name string
	bits uint64
}{
	pb.TensorProto_FLOAT:          {"float32", 32},
	pb.TensorProto_UINT8:          {"uint8", 8},
	pb.TensorProto_INT8:           {"int8", 8},
	pb.TensorProto_UINT16:         {"uint16", 16},
	pb.TensorProto_INT16:          {"int16", 16},
	pb.TensorProto_INT32:          {"int32", 32},
	pb.TensorProto_INT64:          {"int64", 64},
	pb.TensorProto_STRING:         {"string", 0},
	pb.TensorProto_BOOL:           {"bool", 8},
	pb.TensorProto_FLOAT16:        {"float16", 16},
	pb.TensorProto_DOUBLE:         {"float64", 64},
	pb.TensorProto_UINT32:         {"uint32", 32},
	pb.TensorProto_UINT64:         {"uint64", 64},
	pb.TensorProto_COMPLEX64:      {"complex64", 64},
	pb.TensorProto_COMPLEX128:     {"complex128", 128},
	pb.TensorProto_BFLOAT16:       {"bfloat16", 16},
	pb.TensorProto_FLOAT8E4M3FN:   {"float8_e4m3fn", 8},
	pb.TensorProto_FLOAT8E4M3FNUZ: {"float8_e4m3fnuz", 8},
	pb.TensorProto_FLOAT8E5M2:     {"float8_e5m2", 8},
	pb.TensorProto_FLOAT8E5M2FNUZ: {"float8_e5m2fnuz", 8},
	pb.TensorProto_UINT4:          {"uint4", 4},
	pb.TensorProto_INT4:           {"int4", 4},
	pb.TensorProto_FLOAT4E2M1:     {"float4_e2m1", 4},
	pb.TensorProto_FLOAT8E8M0:     {"float8_e8m0", 8},
	pb.TensorProto_UINT2:          {"uint2", 2},
	pb.TensorProto_INT2:           {"int2", 2},
	pb.TensorProto_FLOAT6E2M3:     {"float6_e2m3", 6},
	pb.TensorProto_FLOAT6E3M2:     {"float6_e3m2", 6},
}

// TypeName returns the usual name of an element type, such as "float32".
func TypeName(dtype pb.TensorProto_DataType) string {
	if e, ok := elementTypes[dtype]; ok {
		return e.name
	}
	return fmt.Sprintf("type %d", dtype)
}

// ElementSize returns the bytes of one element. It is an error for strings and for types of less than a byte; for those
// use [DataSize].
func ElementSize(dtype pb.TensorProto_DataType) (int, error) {
	e := elementTypes[dtype]
	if e.bits == 0 || e.bits%8 != 0 {
		return 0, fmt.Errorf("elements of %s do not have a whole number of bytes", TypeName(dtype))
	}
	return int(e.bits / 8), nil
}

// NumElements returns the number of elements of a shape, which is 1 for a scalar. A negative dimension, or more
// elements than an int64 holds, is an error.
func NumElements(shape []int64) (int64, error) {
	n, empty := uint64(1), false
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		empty = empty || d == 0
	}
	if empty {
		return 0, nil
	}
	for _, d := range shape {
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > math.MaxInt64 {
			return 0, fmt.Errorf("shape %v has too many elements", shape)
		}
		n = lo
	}
	return int64(n), nil
}

// DataSize returns the bytes of a tensor: elements × width. The types of 2, 4 and 6 bits are packed and fill up to a
// whole byte.
func DataSize(dtype pb.TensorProto_DataType, shape []int64) (int64, error) {
	e := elementTypes[dtype]
	if e.bits == 0 {
		return 0, fmt.Errorf("elements of %s have no fixed size", TypeName(dtype))
	}
	n, err := NumElements(shape)
	if err != nil {
		return 0, err
	}
	hi, lo := bits.Mul64(uint64(n), e.bits)
	if hi != 0 || lo > math.MaxInt64-7 {
		return 0, fmt.Errorf("%s of shape %v has too many bytes", TypeName(dtype), shape)
	}
	return int64((lo + 7) / 8), nil
}
