package autodiff

import (
	"slices"

	"fovea/graphs"
)

// Some operators are linear along each axis by itself, such as Resize and Pad. The operator, applied to the unit
// vectors of an axis, gives its matrix along that axis. As the unit vectors are constants the runtime computes the
// matrix once.

// identity returns the unit matrix of a size: the unit vectors of an axis, one a row.
func (c *Call) identity(size int64) *value {
	eye := make([]float32, size*size)
	for i := range size {
		eye[i*size+i] = 1
	}
	return c.Floats(eye, size, size)
}

// backAlong applies to an axis of dy the transpose of an operator's matrix, [size before, size behind].
func (c *Call) backAlong(dy *value, axis int, matrix *value) *value {
	shape, inner := slices.Clone(dy.Shape), int64(1)
	for _, size := range shape[axis+1:] {
		inner *= size
	}
	before, behind := matrix.Shape[0], matrix.Shape[1]
	shape[axis] = before
	if inner == 1 {
		return c.Reshape(c.MatMul(c.Reshape(dy, -1, behind), matrix, graphs.TransB), shape...)
	}
	slabs := c.Reshape(dy, -1, behind, inner)
	return c.Reshape(c.MatMul(matrix, slabs, graphs.NoTrans), shape...)
}

// span lists the whole numbers from a to below b, such as axes.
func span(a, b int) []int64 {
	var list []int64
	for ; a < b; a++ {
		list = append(list, int64(a))
	}
	return list
}

// swapped lists the axes of a tensor with two of them exchanged.
func swapped(rank int, a, b int64) []int64 {
	axes := span(0, rank)
	axes[a], axes[b] = axes[b], axes[a]
	return axes
}
