package autodiff

import (
	"slices"

	"fovea/graphs"
)

// kernelGradient returns the gradient of the weight of a convolution of x [N,C,D…]. For each element of the kernel it
// is the part of x that the element multiplies, times dY, added up over all images and positions. That is one product
// of matrices, in which images and channels have changed places. A large one is made for each row of the kernel.
func (c *Call) kernelGradient(x, dy *value, window graphs.Window, group int64) *value {
	const most = 1 << 25 // elements of a matrix
	positions, filters := dy.Shape[2:], dy.Shape[1]
	swap := swapped(x.Rank(), 0, 1)
	x = c.Transpose(c.padded(x, window), swap...)
	dy = c.Reshape(c.Transpose(dy, swap...), group, filters/group, -1)

	offsets, elements := make([][]int64, len(window.Kernel)), x.Shape[0]*dy.Shape[2]
	for i, size := range window.Kernel {
		for k := range size {
			offsets[i] = append(offsets[i], k*window.Dilations[i])
		}
		elements *= size
	}
	rows := [][]int64{offsets[0]}
	if elements > most {
		rows = slices.Collect(slices.Chunk(offsets[0], 1))
	}
	var parts []*value
	for _, row := range rows {
		offsets[0] = row
		multiplied := c.Reshape(c.receptive(x, offsets, window.Strides, positions), group, -1, dy.Shape[2])
		shape := slices.Concat([]int64{filters, x.Shape[0] / group, int64(len(row))}, window.Kernel[1:])
		parts = append(parts, c.Reshape(c.timesTransposed(dy, multiplied), shape...))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return c.Concat(2, parts...)
}

// timesTransposed returns a·bᵀ of matrices [groups,rows,columns]. The one with more rows stands first, because the
// runtime rearranges the second before the product.
func (c *Call) timesTransposed(a, b *value) *value {
	if a.Shape[0] == 1 {
		a, b = c.Reshape(a, a.Shape[1:]...), c.Reshape(b, b.Shape[1:]...)
	}
	last := int64(a.Rank() - 1)
	if a.Shape[last-1] >= b.Shape[last-1] {
		return c.MatMul(a, b, graphs.TransB)
	}
	return c.Transpose(c.MatMul(b, a, graphs.TransB), swapped(a.Rank(), last-1, last)...)
}

// padded returns x with the window's padding around it.
func (c *Call) padded(x *value, window graphs.Window) *value {
	pads := slices.Concat([]int64{0, 0}, window.Before, []int64{0, 0}, window.After)
	if !slices.ContainsFunc(pads, func(n int64) bool { return n != 0 }) {
		return x
	}
	return c.Apply("Pad", nil, x, c.Ints(pads...))
}

// receptive returns, for each kernel element, the elements of x [C,N,D…] that it multiplies at each position, as
// [C·K…,N·P…] in this order. Kernel elements are given by their distance from the first, axis by axis.
func (c *Call) receptive(x *value, offsets [][]int64, strides, positions []int64) *value {
	channels, before, inner := x.Shape[0], x.Len()/x.Shape[0], int64(1)
	for i, size := range slices.Backward(x.Shape[2:]) {
		before /= size
		if inner > 1 && len(offsets[i]) > 1 {
			// One Gather also moves the kernel element in front of the images.
			var index []int64
			for _, offset := range offsets[i] {
				for b := range before {
					for p := range positions[i] {
						index = append(index, b*size+offset+p*strides[i])
					}
				}
			}
			x = c.Reshape(x, channels, before*size, inner)
			x = c.Apply("Gather", graphs.Attributes{"axis": int64(1)}, x, c.Ints(index...))
		} else {
			x = c.Reshape(x, channels, 1, before, size, inner)
			var parts []*value
			for _, offset := range offsets[i] {
				parts = append(parts, c.strided(x, 3, offset, strides[i], positions[i]))
			}
			x = parts[0]
			if len(parts) > 1 {
				x = c.Concat(1, parts...)
			}
		}
		before *= int64(len(offsets[i]))
		inner *= positions[i]
	}
	return x
}

// strided returns count elements of an axis from the first on, each a stride behind the one before.
func (c *Call) strided(x *value, axis, first, stride, count int64) *value {
	if first == 0 && stride == 1 && count == x.Shape[axis] {
		return x
	}
	end := first + stride*(count-1) + 1
	if stride == 1 {
		return c.Slice(x, axis, first, end)
	}
	return c.Apply("Slice", nil, x, c.Ints(first), c.Ints(end), c.Ints(axis), c.Ints(stride))
}
