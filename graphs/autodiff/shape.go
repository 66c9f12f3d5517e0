package autodiff

import (
	"slices"

	"fovea/graphs"
)

// Operators that move elements: their gradient moves them back.

func init() {
	register(map[string]Rule{
		"Reshape": reshapeBack, "Squeeze": reshapeBack,
		"Expand":    func(c *Call) []*graphs.Value { return one(c.Grad(0)) }, // the driver sums what was repeated
		"Transpose": transpose,
		"Concat":    concat,
		"Split":     split,
		"Slice":     slice,
		"Pad":       pad,
		"Gather":    gather,
	})
}

func reshapeBack(c *Call) []*graphs.Value { return one(c.Reshape(c.Grad(0), c.In(0).Shape...)) }

func transpose(c *Call) []*graphs.Value {
	perm := c.node.Attributes.Ints("perm")
	inverse := make([]int64, len(perm))
	for i, p := range perm {
		inverse[p] = int64(i)
	}
	return one(c.Transpose(c.Grad(0), inverse...))
}

func concat(c *Call) []*graphs.Value {
	axis := c.Axis(0)
	var sizes []int64
	for _, v := range c.node.Inputs {
		sizes = append(sizes, v.Shape[axis])
	}
	return c.Split(c.Grad(0), axis, sizes...)
}

func split(c *Call) []*graphs.Value {
	var parts []*graphs.Value
	for i, v := range c.node.Outputs {
		part := c.Grad(i)
		if part == nil {
			part = c.zeros(v.Shape)
		}
		parts = append(parts, part)
	}
	return one(c.Concat(c.Axis(0), parts...))
}

func slice(c *Call) []*graphs.Value {
	starts, _ := c.In(1).IntValues()
	axes, _ := c.In(3).IntValues()
	steps, _ := c.In(4).IntValues()
	dx := c.Grad(0)
	for i, axis := range axes {
		if axis < 0 {
			axis += int64(c.In(0).Rank())
		}
		if i < len(steps) && steps[i] != 1 {
			size, start := c.In(0).Shape[axis], starts[i]
			if start < 0 {
				start += size
			} else if steps[i] < 0 {
				start = min(start, size-1)
			}
			dx = c.spaced(dx, axis, start, steps[i], size)
			continue
		}
		dx = c.around(dx, axis, starts[i], c.In(0).Shape[axis])
	}
	return one(dx)
}

// pad: what was padded is cut off; its value gets the gradient of the padding.
// Other modes repeat elements, and negative amounts drop some, axis by axis.
func pad(c *Call) []*graphs.Value {
	pads, _ := c.In(1).IntValues()
	mode, _ := c.node.Attributes["mode"].(string)
	constant := mode == "" || mode == "constant"
	dx, rank := c.Grad(0), c.In(0).Rank()
	for axis, size := range c.In(0).Shape {
		before, after := pads[axis], pads[axis+rank]
		switch {
		case before == 0 && after == 0:
		case constant && before >= 0 && after >= 0:
			dx = c.Slice(dx, int64(axis), before, before+size)
		default:
			units := c.shaped([]int64{size, size + before + after}, "Pad", c.node.Attributes, c.units(size), c.Ints(0, before, 0, after))
			dx = c.alongAxis(dx, axis, units)
		}
	}
	if c.In(2) == nil || !constant {
		return one(dx)
	}
	value := c.Sub(c.ReduceSum(c.Grad(0), false), c.ReduceSum(dx, false))
	return []*graphs.Value{dx, nil, c.Reshape(value, c.In(2).Shape...)}
}

// spaced puts what x has along an axis at the place first on an axis of a size, and
// a step behind each other from there; the rest is 0.
func (c *Call) spaced(x *graphs.Value, axis, first, step, size int64) *graphs.Value {
	count := x.Shape[axis]
	if step < 0 {
		index := make([]int64, count)
		for i := range index {
			index[i] = first + int64(i)*step
		}
		return c.scatter(x, axis, size, c.Ints(index...))
	}
	whole := slices.Clone(x.Shape)
	if whole[axis] = count * step; step > 1 {
		offset := int64(0)
		if whole[axis] == size && first < step {
			offset, first = first, 0
		}
		x = c.Pad(c.Reshape(x, slices.Insert(slices.Clone(x.Shape), int(axis)+1, 1)...), axis+1, offset, step-1-offset)
		x = c.Reshape(x, whole...)
	}
	if end := first + count*step; end > size {
		x = c.Slice(x, axis, 0, size-first)
	}
	return c.around(x, axis, first, size)
}

// around is x with zeros before and behind it on an axis, which has a size then.
func (c *Call) around(x *graphs.Value, axis, first, size int64) *graphs.Value {
	if x.Shape[axis] == size {
		return x
	}
	return c.Pad(x, axis, first, size-first-x.Shape[axis])
}

// gather: each gradient goes back to where its element came from.
func gather(c *Call) []*graphs.Value {
	x, index, axis := c.In(0), c.In(1), c.Axis(0)
	shape := slices.Clone(x.Shape)
	shape[axis] = index.Len()
	dy := c.Reshape(c.Grad(0), shape...)
	if places, ok := index.IntValues(); ok && consecutive(places) {
		return one(c.around(dy, axis, places[0], x.Shape[axis]))
	}
	return one(c.scatter(dy, axis, x.Shape[axis], index))
}

// consecutive tells whether each place follows the one before, from the front.
func consecutive(places []int64) bool {
	for i, p := range places {
		if p < 0 || p != places[0]+int64(i) {
			return false
		}
	}
	return len(places) > 0
}

// scatter puts what x has along an axis at the places that index lists on an
// axis of a size; what comes to the same place is added, the rest is 0.
func (c *Call) scatter(x *graphs.Value, axis, size int64, index *graphs.Value) *graphs.Value {
	along := slices.Repeat([]int64{1}, x.Rank())
	along[axis] = index.Len()
	whole := slices.Clone(x.Shape)
	whole[axis] = size
	return c.Apply("ScatterElements", graphs.Attributes{"axis": axis, "reduction": "add"},
		c.zeros(whole), c.Expand(c.Reshape(index, along...), nil, x.Shape...), x)
}
