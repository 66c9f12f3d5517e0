package autodiff

import (
	"slices"

	"fovea/graphs"
)

// Some operators are linear along each axis by itself, such as Resize. The operator, applied to the unit vectors of an
// axis, gives its matrix along that axis. As the unit vectors are constants the runtime computes the matrix once. On a
// long axis of a small tensor the matrix would be larger than all else, so there only its elements near the diagonal
// are computed.

// affords reports whether a matrix of so many elements is not larger than v, or small.
func affords(elements int64, v *value) bool {
	const small = 1 << 16
	return elements <= max(small, v.Len())
}

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

// A band describes an operator along an axis whose results each depend only on the elements near a center.
type band struct {
	apply  func(x *value) *value // from [rows, size before] to [rows, size behind]
	center *value                // the place of each result on the axis, [1, size behind], whole numbers
	reach  int64                 // how far from its center a result depends on elements
}

// backAlongBand does what backAlong does, without the matrix. A comb has a 1 at every k-th element of the axis. The
// operator, applied to k combs that are one element apart, gives k weights for each result: those of the k elements
// around its center.
func (c *Call) backAlongBand(dy *value, axis int, size int64, b band) *value {
	k, now := 2*b.reach+1, dy.Shape[axis]
	combs, first := make([]float32, k*size), make([]float32, k)
	for i := range k * size {
		if first[i/size] = float32(i / size); i%size%k == i/size {
			combs[i] = 1
		}
	}
	weights := b.apply(c.Floats(combs, k, size))
	// Of the places of a comb's ones the one that is at most reach away from the center.
	distance := c.shift(c.Sub(c.Floats(first, k, 1), b.center), float64(b.reach))
	distance = c.Sub(distance, c.Scale(c.Apply("Floor", nil, c.Scale(distance, 1/float64(k))), float64(k)))
	place := c.clamp(c.shift(c.Add(b.center, distance), -float64(b.reach)), 0, float64(size-1))

	shape, inner := slices.Clone(dy.Shape), product(dy.Shape[axis+1:])
	shape[axis] = size
	parts := c.Mul(c.Reshape(dy, -1, 1, now, inner), c.Reshape(weights, k, now, 1))
	index := c.Reshape(c.Cast(place, graphs.Int64), k*now)
	return c.Reshape(c.scatterAdd(c.Reshape(parts, -1, k*now, inner), 1, size, index), shape...)
}

// places returns the whole numbers below size in the shape [1, size].
func (c *Call) places(size int64) *value {
	list := make([]float32, size)
	for i := range list {
		list[i] = float32(i)
	}
	return c.Floats(list, 1, size)
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
