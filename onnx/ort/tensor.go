package ort

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"fovea/internal/numbers"
	"fovea/onnx/pb"
)

// A Tensor is a typed view of Memory in row-major order, which the runtime reads and writes in place. It keeps its
// memory alive until Close.
type Tensor struct {
	memory *Memory
	owned  bool
	closed bool
	data   []byte // nil on a GPU
	offset int    // in memory, bytes
	bytes  int
	kind   pb.TensorProto_DataType
	shape  []int64
}

// NewTensor returns a zeroed tensor with memory of its own, which Close frees. Without dimensions it is a scalar.
func NewTensor(t pb.TensorProto_DataType, shape ...int64) (*Tensor, error) {
	bytes, err := tensorBytes(t, shape)
	if err != nil {
		return nil, err
	}
	m, err := Allocate(bytes)
	if err != nil {
		return nil, err
	}
	tensor, err := m.Tensor(0, t, shape...)
	if err != nil {
		m.Free()
		return nil, err
	}
	tensor.owned = true
	return tensor, nil
}

// Tensor returns a view of the memory from a byte offset, which must be a multiple of the element's size. Views may
// overlap.
func (m *Memory) Tensor(offset int, t pb.TensorProto_DataType, shape ...int64) (*Tensor, error) {
	bytes, err := tensorBytes(t, shape)
	if err != nil {
		return nil, err
	}
	size := m.Size()
	if offset < 0 || offset > size || bytes > size-offset {
		return nil, fmt.Errorf("tensor %s: %d bytes from offset %d do not fit into %d bytes of memory",
			typeText(t, shape), bytes, offset, size)
	}
	if element := elementSize(t); offset%element != 0 {
		return nil, fmt.Errorf("tensor %s: offset %d is not a multiple of the element's %d bytes",
			typeText(t, shape), offset, element)
	}
	if err := m.retain(); err != nil {
		return nil, fmt.Errorf("tensor %s: %w", typeText(t, shape), err)
	}
	tensor := &Tensor{memory: m, offset: offset, bytes: bytes, kind: t, shape: slices.Clone(shape)}
	if m.device == nil {
		tensor.data = m.data[offset : offset+bytes : offset+bytes]
	}
	return tensor, nil
}

// Type returns the element type.
func (t *Tensor) Type() pb.TensorProto_DataType { return t.kind }

// Shape returns the dimensions. It is the tensor's own slice: do not change it.
func (t *Tensor) Shape() []int64 { return t.shape }

// Bytes returns the elements in the machine's byte order, or nil on a GPU.
func (t *Tensor) Bytes() []byte { return t.data }

// Float32 returns the elements of a FLOAT tensor, or nil on a GPU. It panics for another type.
func (t *Tensor) Float32() []float32 {
	t.mustBe(pb.TensorProto_FLOAT)
	return numbers.View[float32](t.data)
}

// Int64 returns the elements of an INT64 tensor, or nil on a GPU. It panics for another type.
func (t *Tensor) Int64() []int64 {
	t.mustBe(pb.TensorProto_INT64)
	return numbers.View[int64](t.data)
}

func (t *Tensor) mustBe(want pb.TensorProto_DataType) {
	if t.kind != want {
		panic(fmt.Sprintf("ort: %s elements asked of a tensor %s", want, typeText(t.kind, t.shape)))
	}
}

// Close ends the view, and frees the memory if NewTensor made it. Sessions that the tensor is bound to may go on.
// Slices that the tensor returned must not be used any more.
func (t *Tensor) Close() error {
	if t.closed {
		return nil
	}
	t.closed = true
	t.data = nil
	err := t.memory.release()
	if t.owned {
		if freed := t.memory.Free(); err == nil {
			err = freed
		}
	}
	return err
}

// elementSize returns the bytes of an element. It returns 0 for types that have none of their own (strings, packed
// 4-bit numbers) or that the runtime lacks.
func elementSize(t pb.TensorProto_DataType) int {
	switch t {
	case pb.TensorProto_UINT8, pb.TensorProto_INT8, pb.TensorProto_BOOL, pb.TensorProto_FLOAT8E4M3FN,
		pb.TensorProto_FLOAT8E4M3FNUZ, pb.TensorProto_FLOAT8E5M2, pb.TensorProto_FLOAT8E5M2FNUZ:
		return 1
	case pb.TensorProto_UINT16, pb.TensorProto_INT16, pb.TensorProto_FLOAT16, pb.TensorProto_BFLOAT16:
		return 2
	case pb.TensorProto_FLOAT, pb.TensorProto_INT32, pb.TensorProto_UINT32:
		return 4
	case pb.TensorProto_DOUBLE, pb.TensorProto_INT64, pb.TensorProto_UINT64:
		return 8
	}
	return 0
}

func tensorBytes(t pb.TensorProto_DataType, shape []int64) (int, error) {
	size := int64(elementSize(t))
	if size == 0 {
		return 0, fmt.Errorf("tensor %s: the element type has no fixed size in whole bytes", typeText(t, shape))
	}
	bytes := size
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("tensor %s: negative dimension", typeText(t, shape))
		}
		if d > 0 && bytes > math.MaxInt/d {
			return 0, fmt.Errorf("tensor %s: larger than the address space", typeText(t, shape))
		}
		bytes *= d
	}
	return int(bytes), nil
}

// typeText returns an element type and shape as "FLOAT[2,3]". Symbolic dimensions are "?".
func typeText(t pb.TensorProto_DataType, shape []int64) string {
	dims := make([]string, len(shape))
	for i, d := range shape {
		if dims[i] = fmt.Sprint(d); d < 0 {
			dims[i] = "?"
		}
	}
	return fmt.Sprintf("%s[%s]", t, strings.Join(dims, ","))
}
