package autodiff

import (
	endian "encoding/binary"
	"slices"

	"fovea/graphs"
)

// Operators that give elements another place by a fixed pattern: their gradient moves them back.

func transpose(c *Call, _, _, dy *value) *value {
	perm := c.node.Attributes.Ints("perm")
	inverse := make([]int64, len(perm))
	for i, p := range perm {
		inverse[p] = int64(i)
	}
	return c.Transpose(dy, inverse...)
}

// concat cuts dy into the parts that were joined.
func concat(c *Call) []*value {
	axis := c.Axis(0)
	var sizes []int64
	for _, v := range c.node.Inputs {
		sizes = append(sizes, v.Shape[axis])
	}
	return c.Split(c.Grad(0), axis, sizes...)
}

// split joins the gradients of the parts. A part on which the result does not depend gets zeros.
func split(c *Call) []*value {
	var parts []*value
	for i, v := range c.node.Outputs {
		part := c.Grad(i)
		if part == nil {
			part = c.zeros(v.Shape)
		}
		parts = append(parts, part)
	}
	return []*value{c.Concat(c.Axis(0), parts...)}
}

// slice puts zeros where elements were left out.
func slice(c *Call, x, _, dx *value) *value {
	starts, _ := c.In(1).IntValues()
	axes, _ := c.In(3).IntValues()
	steps, _ := c.In(4).IntValues()
	if len(steps) < len(axes) {
		steps = slices.Repeat([]int64{1}, len(axes))
	}
	for i, axis := range axes {
		axis = c.fromFront(axis)
		dx = c.unslice(dx, axis, starts[i], steps[i], x.Shape[axis])
	}
	return dx
}

// unslice undoes the slice of one axis, which had the given size. A start may count from the end.
func (c *Call) unslice(dx *value, axis, start, step, size int64) *value {
	switch {
	case step == 1:
		return c.padTo(dx, axis, start, size)
	case start < 0:
		start += size
	case step < 0:
		start = min(start, size-1)
	}
	return c.spreadOut(dx, axis, start, step, size)
}

// padTo returns x with zeros before and behind it on an axis, which then has the given size.
func (c *Call) padTo(x *value, axis, before, size int64) *value {
	if x.Shape[axis] == size {
		return x
	}
	return c.Pad(x, axis, before, size-before-x.Shape[axis])
}

// spreadOut places the elements of x a step apart on an axis of the given size, from the place first on. The rest is 0.
func (c *Call) spreadOut(x *value, axis, first, step, size int64) *value {
	count := x.Shape[axis]
	if step < 0 {
		index := make([]int64, count)
		for i := range index {
			index[i] = first + int64(i)*step
		}
		return c.scatterAdd(x, axis, size, c.Ints(index...))
	}
	whole := slices.Clone(x.Shape)
	if whole[axis] = count * step; step > 1 {
		offset := int64(0)
		if whole[axis] == size && first < step {
			offset, first = first, 0
		}
		x = c.Pad(c.unsqueezed(x, int(axis)+1), axis+1, offset, step-1-offset)
		x = c.Reshape(x, whole...)
	}
	if end := first + count*step; end > size {
		x = c.Slice(x, axis, 0, size-first)
	}
	return c.padTo(x, axis, first, size)
}

// pad cuts the padding off, axis by axis; the padding's value gets the gradient of the padding.
func pad(c *Call) []*value {
	pads, _ := c.In(1).IntValues()
	mode, _ := c.node.Attributes["mode"].(string)
	constant := mode == "" || mode == "constant"
	dx, rank := c.Grad(0), c.In(0).Rank()
	for axis := range rank {
		dx = c.unpad(dx, axis, pads[axis], pads[axis+rank], constant)
	}
	if c.In(2) == nil || !constant {
		return []*value{dx}
	}
	ofPadding := c.Sub(c.ReduceSum(c.Grad(0), false), c.ReduceSum(dx, false))
	return []*value{dx, nil, c.Reshape(ofPadding, c.In(2).Shape...)}
}

// unpad undoes the padding of one axis. Modes other than constant repeat elements, and negative amounts drop some.
func (c *Call) unpad(dx *value, axis int, before, after int64, constant bool) *value {
	size, along := c.In(0).Shape[axis], int64(axis)
	switch {
	case before == 0 && after == 0:
		return dx
	case constant && before >= 0 && after >= 0:
		return c.Slice(dx, along, before, before+size)
	case constant:
		return c.Pad(dx, along, -before, -after)
	}
	now := size + before + after
	from := c.Reshape(c.Ints(span(0, int(size))...), 1, size) // padded as x was, it tells the origin of each element
	from = c.applyShaped([]int64{1, now}, "Pad", c.node.Attributes, from, c.Ints(0, before, 0, after))
	if from = c.Reshape(from, now); before < 0 || after < 0 {
		return c.scatterAdd(dx, along, size, from)
	}
	middle := c.Slice(dx, along, before, before+size)
	for _, part := range [][2]int64{{0, before}, {before + size, now}} {
		if part[0] < part[1] {
			middle = c.addAt(middle, along, c.Slice(from, 0, part[0], part[1]), c.Slice(dx, along, part[0], part[1]))
		}
	}
	return middle
}

// tile adds up the gradients of the copies.
func tile(c *Call, x, _, dy *value) *value {
	var shape, copies []int64
	for i, size := range x.Shape {
		copies = append(copies, int64(len(shape)))
		shape = append(shape, dy.Shape[i]/size, size)
	}
	return c.Reshape(c.ReduceSum(c.Reshape(dy, shape...), false, copies...), x.Shape...)
}

// sameOnGradient applies the operator itself to dy: Trilu hides what it hid, ReverseSequence turns back.
func sameOnGradient(c *Call, x, _, dy *value) *value {
	return c.applyShaped(x.Shape, c.node.Op, c.node.Attributes, append([]*value{dy}, c.node.Inputs[1:]...)...)
}

// cumSum adds up from the other end.
func cumSum(c *Call, x, _, dy *value) *value {
	a := graphs.Attributes{"exclusive": c.Int("exclusive", 0), "reverse": 1 - c.Int("reverse", 0)}
	return c.applyShaped(x.Shape, "CumSum", a, dy, c.In(1))
}

// cumProd multiplies each element with the product of those before it, in steps of 1, 2, 4 and so on. There is no
// quotient, so an element may be 0.
func cumProd(c *Call) []*value {
	y := c.In(0)
	list, ok := c.In(1).IntValues()
	if data, constant := c.In(1).Content(); !ok && constant && len(data) == 4 {
		list, ok = []int64{int64(int32(endian.LittleEndian.Uint32(data)))}, true
	}
	if !ok || len(list) != 1 {
		return c.refuse("the axis is not constant")
	}
	axis, size := c.fromFront(list[0]), int64(0)
	size = y.Shape[axis]
	delayed := func(by int64) *value { // y, with ones before its first elements
		ones := slices.Clone(y.Shape)
		ones[axis] = by
		filled := c.Expand(c.Scalar(1), nil, ones...)
		switch {
		case by >= size:
			ones[axis] = size
			return c.Expand(c.Scalar(1), nil, ones...)
		case c.Int("reverse", 0) == 1:
			return c.Concat(axis, c.Slice(y, axis, by, size), filled)
		}
		return c.Concat(axis, filled, c.Slice(y, axis, 0, size-by))
	}
	for by := int64(1); by < size; by *= 2 {
		y = c.Mul(y, delayed(by))
	}
	if c.Int("exclusive", 0) == 1 {
		y = delayed(1)
	}
	return []*value{y}
}

func depthToSpace(c *Call) []*value {
	x, b := c.In(0), c.Int("blocksize", 1)
	n, depth, h, w := x.Shape[0], x.Shape[1]/b/b, x.Shape[2], x.Shape[3]
	blocks, perm := c.Reshape(x, n, b, b, depth, h, w), []int64{0, 3, 4, 1, 5, 2}
	if c.node.Attributes["mode"] == "CRD" {
		blocks, perm = c.Reshape(x, n, depth, b, b, h, w), []int64{0, 1, 4, 2, 5, 3}
	}
	return []*value{c.Reshape(c.Transpose(blocks, perm...), c.Out(0).Shape...)}
}

func spaceToDepth(c *Call) []*value {
	x, b := c.In(0), c.Int("blocksize", 1)
	blocks := c.Reshape(x, x.Shape[0], x.Shape[1], x.Shape[2]/b, b, x.Shape[3]/b, b)
	perm := []int64{0, 3, 5, 1, 2, 4}
	if c.node.Attributes["mode"] == "CRD" {
		perm = []int64{0, 1, 3, 5, 2, 4}
	}
	return []*value{c.Reshape(c.Transpose(blocks, perm...), c.Out(0).Shape...)}
}

// centerCropPad puts zeros where elements were cut off, and cuts padding off. An odd element more is at the end.
func centerCropPad(c *Call, x, _, dx *value) *value {
	for axis, size := range x.Shape {
		now := dx.Shape[axis]
		if less := size - now; less > 0 {
			dx = c.Pad(dx, int64(axis), less/2, less-less/2)
		} else if less < 0 {
			dx = c.Slice(dx, int64(axis), -less/2, -less/2+size)
		}
	}
	return dx
}
