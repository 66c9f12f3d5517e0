package autodiff

import (
	"slices"

	"fovea/graphs"
)

// dft is linear along its axis and the last, which holds real and imaginary parts: both are one axis of the product.
func dft(c *Call) []*value {
	x, y, dy := c.In(0), c.Out(0), c.Grad(0)
	last := int64(x.Rank() - 1)
	axis := last - 1
	if list, ok := c.In(2).IntValues(); ok {
		axis = (list[0] + int64(x.Rank())) % int64(x.Rank())
	}
	before, behind := x.Shape[axis]*x.Shape[last], y.Shape[axis]*y.Shape[last]
	length, known := x.Shape[axis], true
	if c.In(1) != nil {
		var list []int64
		if list, known = c.In(1).IntValues(); known {
			length = list[0]
		}
	}
	inverse, onesided := c.Int("inverse", 0), c.Int("onesided", 0)
	if known && !affords(before*max(before, behind), dy) && inverse*onesided == 0 {
		return []*value{c.transposedDFT(dy, axis, length, 1-inverse)}
	}
	units := c.Reshape(c.identity(before), before, x.Shape[axis], x.Shape[last])
	shape := []int64{before, y.Shape[axis], y.Shape[last]}
	matrix := c.applyShaped(shape, "DFT", c.node.Attributes, units, c.In(1), c.integers([]int64{1}))
	swap := swapped(x.Rank(), axis, last-1)
	pairs := c.Transpose(dy, swap...)
	shape = slices.Concat(pairs.Shape[:last-1], []int64{x.Shape[axis], x.Shape[last]})
	dx := c.MatMul(c.Reshape(pairs, -1, behind), c.Reshape(matrix, before, behind), graphs.TransB)
	return []*value{c.Transpose(c.Reshape(dx, shape...), swap...)}
}

// transposedDFT returns the gradient of a DFT of a length along an axis, which is the DFT in the other direction. That
// divides by the length in the direction inverse, the gradient where the node did. What the node padded is cut off, and
// what it cut off is 0.
func (c *Call) transposedDFT(dy *value, axis, length, inverse int64) *value {
	x, last := c.In(0), int64(dy.Rank()-1)
	back := c.applyShaped(c.padTo(dy, axis, 0, length).Shape, "DFT", graphs.Attributes{"inverse": inverse},
		c.padTo(dy, axis, 0, length), nil, c.integers([]int64{axis}))
	if factor := float64(length); inverse == 1 {
		back = c.Scale(back, factor)
	} else {
		back = c.Scale(back, 1/factor)
	}
	if x.Shape[last] == 1 {
		back = c.Slice(back, last, 0, 1)
	}
	if length > x.Shape[axis] {
		return c.Slice(back, axis, 0, x.Shape[axis])
	}
	return c.padTo(back, axis, 0, x.Shape[axis])
}

// stft is the DFT of windows that start every few elements.
func stft(c *Call) []*value {
	x, y, window := c.In(0), c.Out(0), c.In(2)
	step, ok := c.In(1).IntValues()
	size, known := c.In(3).IntValues()
	if window != nil {
		size, known = window.Shape, true
	}
	if !ok || !known {
		return c.refuse("step or length of the frames are not constant int64")
	}
	x = c.Reshape(x, x.Shape[0], x.Shape[1], -1)
	frames := c.Apply("Gather", graphs.Attributes{"axis": int64(1)}, x, c.frameIndex(y.Shape[1], size[0], step[0]))
	if window != nil {
		frames = c.Mul(frames, c.Reshape(window, size[0], 1))
	}
	a := graphs.Attributes{"onesided": c.Int("onesided", 1)}
	return []*value{c.applyShaped(y.Shape, "DFT", a, frames, nil, c.integers([]int64{2}))}
}

// frameIndex lists the elements of each of the frames, [frames, size], which start a step apart.
func (c *Call) frameIndex(frames, size, step int64) *value {
	var index []int64
	for i := range frames {
		for j := range size {
			index = append(index, i*step+j)
		}
	}
	return c.Reshape(c.Ints(index...), frames, size)
}
