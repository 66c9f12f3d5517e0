package graphs

import (
	"fmt"
	"slices"

	"fovea/internal/numbers"
)

// Floats adds a float32 constant. Without a shape it is a scalar.
func (g *Graph) Floats(values []float32, shape ...int64) *Value {
	return g.constant(Value{Type: Float32, Shape: shape, data: numbers.Encode(values)}, 4)
}

// Scalar adds a float32 constant of rank 0.
func (g *Graph) Scalar(x float64) *Value { return g.Floats([]float32{float32(x)}) }

// Ints adds a one-dimensional int64 constant, such as a shape or axes.
func (g *Graph) Ints(values ...int64) *Value {
	return g.constant(Value{Type: Int64, Shape: []int64{int64(len(values))}, data: numbers.Encode(values)}, 8)
}

// Filled adds a float32 constant whose elements are all x.
func (g *Graph) Filled(x float32, shape ...int64) *Value {
	return g.Floats(slices.Repeat([]float32{x}, int(product(shape))), shape...)
}

// constant returns the constant with the type, shape and elements of v. Each is stored only once.
func (g *Graph) constant(v Value, elementSize int64) *Value {
	if v.data == nil {
		v.data = []byte{}
	}
	if product(v.Shape)*elementSize != int64(len(v.data)) {
		g.fail("constant of shape %s: %d bytes given", shapeString(v.Shape), len(v.data))
		v.Shape, v.data = nil, make([]byte, elementSize)
	}
	v.Shape = slices.Clone(v.Shape)
	key := fmt.Sprint(v.Type, v.Shape, " ", string(v.data))
	if known := g.constants[key]; known != nil {
		return known
	}
	v.Name = g.fresh("const")
	g.constants[key] = &v
	return &v
}

// IntValues returns the elements of an int64 constant. ok is false for any other value.
func (v *Value) IntValues() (values []int64, ok bool) {
	if v == nil || v.data == nil || v.Type != Int64 {
		return nil, false
	}
	return numbers.Decode[int64](v.data), true
}

// FloatValues returns the elements of a float32 constant. ok is false for any other value.
func (v *Value) FloatValues() (values []float32, ok bool) {
	if v == nil || v.data == nil || v.Type != Float32 {
		return nil, false
	}
	return numbers.Decode[float32](v.data), true
}
