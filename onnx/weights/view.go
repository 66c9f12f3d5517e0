package weights

import (
	"fmt"
	"math/bits"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// A storage is the memory that tensors of a PyTorch file are views of.
type storage struct {
	key      string
	typ      pb.TensorProto_DataType // UNDEFINED: of bytes, or of elements that are not read
	elements int64                   // of typ; of a storage of bytes, bytes
	size     int64                   // in bytes
	data     []byte                  // nil until it is found in the file
}

// A view is a strided tensor. The element at an index is at offset plus the sum of index times stride, in elements of a
// storage.
type view struct {
	storage        *storage
	typ            pb.TensorProto_DataType
	offset         int64
	shape, strides []int64
}

// tensor returns the view as a Tensor, or an error unless it stays inside its storage. Data is set if v is contiguous,
// in row-major order.
func (v *view) tensor() (Tensor, error) {
	t := Tensor{Type: v.typ, Shape: v.shape}
	width, err := onnx.ElementSize(v.typ)
	if err != nil {
		return t, err
	}
	n, err := onnx.NumElements(v.shape)
	if err != nil {
		return t, err
	}
	if n == 0 {
		return t, nil
	}
	last, contiguous := uint64(v.offset), true
	for i, want := len(v.shape)-1, uint64(1); i >= 0; i-- {
		length, stride := uint64(v.shape[i]), uint64(v.strides[i])
		contiguous = contiguous && (length == 1 || stride == want)
		want *= length // no more than n
		hi, span := bits.Mul64(length-1, stride)
		var carry uint64
		last, carry = bits.Add64(last, span, 0)
		if hi != 0 || carry != 0 {
			return t, fmt.Errorf("strides %v of shape %v are too large", v.strides, v.shape)
		}
	}
	data := v.storage.data
	if elements := uint64(len(data) / width); last >= elements {
		return t, fmt.Errorf("its element %d is outside storage %q, which has %d: the file is damaged",
			last, v.storage.key, elements)
	}
	data = data[v.offset*int64(width):]
	if contiguous {
		size := n * int64(width)
		t.Data = data[:size:size]
		return t, nil
	}
	t.load = func() ([]byte, error) { return gather(data, width, n, v.shape, v.strides), nil }
	return t, nil
}

// gather returns n elements of width bytes in row-major order, copied.
func gather(data []byte, width int, n int64, shape, strides []int64) []byte {
	out := make([]byte, 0, n*int64(width))
	inner := len(shape) - 1
	index, at := make([]int64, inner), int64(0)
	for int64(len(out)) < n*int64(width) {
		for i, from := int64(0), at*int64(width); i < shape[inner]; i++ {
			out = append(out, data[from:from+int64(width)]...)
			from += strides[inner] * int64(width)
		}
		for d := inner - 1; d >= 0; d-- {
			index[d]++
			at += strides[d]
			if index[d] < shape[d] {
				break
			}
			at -= strides[d] * shape[d]
			index[d] = 0
		}
	}
	return out
}
