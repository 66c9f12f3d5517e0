// Package numbers converts numbers to bytes and back, and rounds them to half precision.
package numbers

import (
	"encoding/binary"
	"unsafe"
)

// Bytes returns the memory of x as bytes, in the machine's byte order. Both slices share it.
func Bytes[T any](x []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(*new(T))))
}

// View returns bytes as numbers in the machine's byte order. Both slices share the memory, which must be aligned
// for T. Bytes behind the last whole number are left out.
func View[T any](data []byte) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/int(unsafe.Sizeof(*new(T))))
}

// A Number has a fixed size.
type Number interface {
	int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | uint64 | float32 | float64
}

// Encode returns x as bytes in little-endian order, as ONNX and safetensors files hold them. It never returns nil.
func Encode[T Number](x []T) []byte {
	data, err := binary.Append([]byte{}, binary.LittleEndian, x)
	if err != nil {
		panic(err) // binary refuses types without a fixed size only
	}
	return data
}

// Decode returns a copy of little-endian bytes as numbers. The bytes need not be aligned, and those behind the last
// whole number are left out. Memory of ONNX Runtime can be read so too: all machines that it supports are
// little-endian.
func Decode[T Number](data []byte) []T {
	out := make([]T, len(data)/int(unsafe.Sizeof(*new(T))))
	if _, err := binary.Decode(data, binary.LittleEndian, out); err != nil {
		panic(err) // out is never longer than data
	}
	return out
}
