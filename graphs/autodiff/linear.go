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
	rank := dy.Rank()
	rows := dy.Len() / dy.Shape[axis]
	there := slices.Concat(axesFrom(0, axis), axesFrom(axis+1, rank), []int64{int64(axis)})
	last := c.Transpose(dy, there...)
	shape := slices.Clone(last.Shape)
	shape[rank-1] = ofUnits.Shape[0]
	product := c.MatMul(c.Reshape(last, rows, dy.Shape[axis]), ofUnits, graphs.TransB)
	back := slices.Concat(axesFrom(0, axis), []int64{int64(rank - 1)}, axesFrom(axis, rank-1))
	return c.Transpose(c.Reshape(product, shape...), back...)
}
