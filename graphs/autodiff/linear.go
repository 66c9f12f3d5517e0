package autodiff

import (
	"slices"

	"fovea/graphs"
)

// Operators that are linear along each axis by itself, with coefficients that
// the operator itself tells on the unit vectors of the axis. As these are
// constants the runtime computes the coefficients once.

// units are the unit vectors of an axis, one a row.
func (c *Call) units(size int64) *graphs.Value {
	eye := make([]float32, size*size)
	for i := range size {
		eye[i*size+i] = 1
	}
	return c.Floats(eye, size, size)
}

// alongAxis applies to an axis of dy the transpose of what the operator made of
// the unit vectors, [size before, size behind].
func (c *Call) alongAxis(dy *graphs.Value, axis int, ofUnits *graphs.Value) *graphs.Value {
	shape, inner := slices.Clone(dy.Shape), int64(1)
	for _, size := range shape[axis+1:] {
		inner *= size
	}
	before, behind := ofUnits.Shape[0], ofUnits.Shape[1]
	shape[axis] = before
	if inner == 1 {
		return c.Reshape(c.MatMul(c.Reshape(dy, -1, behind), ofUnits, graphs.TransB), shape...)
	}
	slabs := c.Reshape(dy, -1, behind, inner)
	return c.Reshape(c.MatMul(ofUnits, slabs, graphs.NoTrans), shape...)
}
