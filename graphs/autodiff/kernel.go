package autodiff

import (
	"slices"

	"fovea/graphs"
)

// kernelGradient is the gradient of the weight of a convolution of x [N,C,D…]: for
// each element of the kernel, what it met of x times dY, added up over all images
// and positions. That is one product of matrices, in which images and channels
// have changed places, or one for each row of a kernel for which it would be large.
func (c *Call) kernelGradient(x, dy *graphs.Value, window graphs.Window, group int64) *graphs.Value {
	const most = 1 << 25 // elements of a matrix
	positions, filters := dy.Shape[2:], dy.Shape[1]
	swap := slices.Concat([]int64{1, 0}, axesFrom(2, x.Rank()))
	x = c.Transpose(c.padded(x, window), swap...)
	dy = c.Reshape(c.Transpose(dy, swap...), group, filters/group, -1)

	taps, elements := make([][]int64, len(window.Kernel)), x.Shape[0]*dy.Shape[2]
	for i, size := range window.Kernel {
		for k := range size {
			taps[i] = append(taps[i], k*window.Dilations[i])
		}
		elements *= size
	}
	rows := [][]int64{taps[0]}
	if elements > most {
		rows = slices.Collect(slices.Chunk(taps[0], 1))
	}
	var parts []*graphs.Value
	for _, row := range rows {
		taps[0] = row
		met := c.Reshape(c.met(x, taps, window.Strides, positions), group, -1, dy.Shape[2])
		shape := slices.Concat([]int64{filters, x.Shape[0] / group, int64(len(row))}, window.Kernel[1:])
		parts = append(parts, c.Reshape(c.outer(dy, met), shape...))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return c.Concat(2, parts...)
}

// outer is a·bᵀ of matrices [groups,rows,columns]. The one with more rows stands
// first: the second is rearranged before the product.
func (c *Call) outer(a, b *graphs.Value) *graphs.Value {
	if a.Shape[0] == 1 {
		a, b = c.Reshape(a, a.Shape[1:]...), c.Reshape(b, b.Shape[1:]...)
	}
	last := a.Rank() - 1
	if a.Shape[last-1] >= b.Shape[last-1] {
		return c.MatMul(a, b, graphs.TransB)
	}
	swap := axesFrom(0, last+1)
	swap[last-1], swap[last] = swap[last], swap[last-1]
	return c.Transpose(c.MatMul(b, a, graphs.TransB), swap...)
}

// padded is x with the window's padding around it.
func (c *Call) padded(x *graphs.Value, window graphs.Window) *graphs.Value {
	pads := slices.Concat([]int64{0, 0}, window.Before, []int64{0, 0}, window.After)
	if !slices.ContainsFunc(pads, func(n int64) bool { return n != 0 }) {
		return x
	}
	return c.Apply("Pad", nil, x, c.Ints(pads...))
}

// met is what each element of a kernel meets of x [C,N,D…] at each position, as
// [C·K…,N·P…] in this order. The elements are given by their distance from the
// first, axis by axis.
func (c *Call) met(x *graphs.Value, taps [][]int64, strides, positions []int64) *graphs.Value {
	channels, before, inner := x.Shape[0], x.Len()/x.Shape[0], int64(1)
	for i, size := range slices.Backward(x.Shape[2:]) {
		before /= size
		taps, stride, steps := taps[i], strides[i], positions[i]
		if inner > 1 && len(taps) > 1 {
			// The element moves in front of the images in the same go.
			var index []int64
			for _, tap := range taps {
				for b := range before {
					for p := range steps {
						index = append(index, b*size+tap+p*stride)
					}
				}
			}
			x = c.Apply("Gather", graphs.Attributes{"axis": int64(1)}, c.Reshape(x, channels, before*size, inner), c.Ints(index...))
		} else {
			x = c.Reshape(x, channels, 1, before, size, inner)
			var parts []*graphs.Value
			for _, tap := range taps {
				parts = append(parts, c.steps(x, 3, tap, stride, steps))
			}
			x = parts[0]
			if len(parts) > 1 {
				x = c.Concat(1, parts...)
			}
		}
		before *= int64(len(taps))
		inner *= steps
	}
	return x
}

// steps takes count elements of an axis from the first on, each a stride behind
// the one before.
func (c *Call) steps(x *graphs.Value, axis, first, stride, count int64) *graphs.Value {
	if first == 0 && stride == 1 && count == x.Shape[axis] {
		return x
	}
	end := first + stride*(count-1) + 1
	if stride == 1 {
		return c.Slice(x, axis, first, end)
	}
	return c.Apply("Slice", nil, x, c.Ints(first), c.Ints(end), c.Ints(axis), c.Ints(stride))
}
