package weights

import (
	"fmt"

	"fovea/onnx"
	"fovea/onnx/pb"
	"fovea/onnx/weights/internal/pickle"
)

// An ndarray is a pickled array of NumPy.
type ndarray struct {
	typ     pb.TensorProto_DataType // UNDEFINED: of elements that are not read
	shape   []int64
	fortran bool // column-major order
	data    any  // pickle.Blob or pickle.Latin1
}

// A dtype is a pickled element type of NumPy.
type dtype struct{ typ pb.TensorProto_DataType }

// numpyTypes maps NumPy's codes of element types to types.
var numpyTypes = map[string]pb.TensorProto_DataType{
	"b1": pb.TensorProto_BOOL, "i1": pb.TensorProto_INT8, "u1": pb.TensorProto_UINT8,
	"i2": pb.TensorProto_INT16, "u2": pb.TensorProto_UINT16, "i4": pb.TensorProto_INT32, "u4": pb.TensorProto_UINT32,
	"i8": pb.TensorProto_INT64, "u8": pb.TensorProto_UINT64, "f2": pb.TensorProto_FLOAT16,
	"f4": pb.TensorProto_FLOAT, "f8": pb.TensorProto_DOUBLE,
	"c8": pb.TensorProto_COMPLEX64, "c16": pb.TensorProto_COMPLEX128,
}

// callNumPy returns the array or element type that a call in a pickle of NumPy makes; ok is false for other calls.
func callNumPy(class pickle.Global, args pickle.Tuple) (any, bool, error) {
	switch class {
	case pickle.Global{Module: "numpy.core.multiarray", Name: "_reconstruct"},
		pickle.Global{Module: "numpy._core.multiarray", Name: "_reconstruct"}:
		return &ndarray{}, true, nil
	case pickle.Global{Module: "numpy", Name: "dtype"}:
		d := &dtype{}
		if len(args) > 0 {
			if code, ok := args[0].(pickle.Text); ok && len(code) <= 3 {
				d.typ = numpyTypes[string(code)]
			}
		}
		return d, true, nil
	}
	return nil, false, nil
}

// buildNumPy sets the content of an array or a type, as __setstate__ would. A state that is not known leaves it without
// a type, and so without a tensor.
func buildNumPy(value, state any) {
	s, _ := state.(pickle.Tuple)
	switch v := value.(type) {
	case *dtype: // (version, byte order, …)
		if len(s) > 1 && !pickle.Is(s[1], "<") && !pickle.Is(s[1], "|") && !pickle.Is(s[1], "=") {
			v.typ = pb.TensorProto_UNDEFINED
		}
	case *ndarray: // (version, shape, type, column-major, data)
		if len(s) != 5 {
			return
		}
		shape, ok1 := integers(s[1])
		d, ok2 := s[2].(*dtype)
		fortran, ok3 := s[3].(bool)
		if ok1 && ok2 && ok3 {
			*v = ndarray{d.typ, shape, fortran, s[4]}
		}
	}
}

// tensor returns a as a Tensor. Unless the elements lie in the file in row-major order, they are copied when its Bytes
// are asked for.
func (a *ndarray) tensor() (Tensor, error) {
	t := Tensor{Type: a.typ, Shape: a.shape}
	size, err := onnx.DataSize(a.typ, a.shape)
	if err != nil {
		return t, err
	}
	strides, columns := make([]int64, len(a.shape)), int64(1)
	for i, n := range a.shape {
		strides[i] = columns
		columns *= n
	}
	order := func(data []byte) (Tensor, error) { return Tensor{Type: a.typ, Shape: a.shape, Data: data}, nil }
	if a.fortran {
		order = func(data []byte) (Tensor, error) {
			return (&view{storage: &storage{data: data}, typ: a.typ, shape: a.shape, strides: strides}).tensor()
		}
	}
	wrongSize := func(have int) error {
		return fmt.Errorf("%d bytes of data, but %s of shape %v has %d", have, onnx.TypeName(a.typ), a.shape, size)
	}
	switch data := a.data.(type) {
	case pickle.Blob:
		if int64(len(data)) != size {
			return t, wrongSize(len(data))
		}
		return order(data)
	case pickle.Latin1:
		if int64(len(data)) < size {
			return t, wrongSize(len(data))
		}
		t.load = func() ([]byte, error) {
			decoded, ok := data.Decode(size)
			if !ok {
				return nil, fmt.Errorf("the text of its data does not spell %d bytes: the file is damaged", size)
			}
			t, err := order(decoded)
			if err != nil {
				return nil, err
			}
			return t.Bytes()
		}
		return t, nil
	}
	return t, fmt.Errorf("its data are no bytes")
}

// maxRank is the largest number of dimensions in NumPy and PyTorch.
const maxRank = 64

// integers returns the numbers of a tuple of at most maxRank integers, none of them negative.
func integers(v any) ([]int64, bool) {
	t, ok := v.(pickle.Tuple)
	if !ok || len(t) > maxRank {
		return nil, false
	}
	out := make([]int64, len(t))
	for i, x := range t {
		n, ok := x.(int64)
		if !ok || n < 0 {
			return nil, false
		}
		out[i] = n
	}
	return out, true
}
