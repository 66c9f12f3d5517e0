package autodiff

import (
	"fovea/graphs"
)

func init() { register(map[string]Rule{"GridSample": defined(gridSample)}) }

// A tap is an element on an axis that a sample reads: its index, a whole number,
// and its weight.
type tap struct{ index, weight *graphs.Value }

// gridSample: Y is X [N,C,D…] at the points that the grid [N,E…,axes] tells, between
// -1 and 1, the last axis first: the sum over all combinations of the axes' taps.
func gridSample(c *Call) []*graphs.Value {
	x, grid := c.In(0), c.In(1)
	axes := x.Rank() - 2
	n, points := x.Shape[0], grid.Len()/grid.Shape[0]/int64(axes)
	grid = c.Reshape(grid, n, points, int64(axes))
	along := make([][]tap, axes)
	for axis, size := range x.Shape[2:] {
		part := int64(axes - 1 - axis)
		along[axis] = c.taps(c.Reshape(c.Slice(grid, 2, part, part+1), n, 1, points), float64(size))
	}
	return one(c.Reshape(c.sampled(x, along), c.Out(0).Shape...))
}

// sampled is x [N,C,D…] at points, [N,C,points], by the taps along each axis, whose
// indices and weights are [N,1,points].
func (c *Call) sampled(x *graphs.Value, along [][]tap) (y *graphs.Value) {
	all := []tap{{c.Scalar(0), c.Scalar(1)}}
	for axis, size := range x.Shape[2:] {
		var next []tap
		for _, known := range all {
			for _, t := range along[axis] {
				next = append(next, tap{c.Add(c.Scale(known.index, float64(size)), t.index), c.Mul(known.weight, t.weight)})
			}
		}
		all = next
	}
	flat := c.Reshape(x, x.Shape[0], x.Shape[1], -1)
	for _, t := range all {
		index := c.Expand(c.Cast(t.index, graphs.Int64), nil, x.Shape[0], x.Shape[1], t.index.Shape[2])
		read := c.shaped(index.Shape, "GatherElements", graphs.Attributes{"axis": int64(2)}, flat, index)
		y = c.sum(y, c.Mul(read, t.weight))
	}
	return y
}

// taps are what samples read on an axis of a size, by the node's mode.
func (c *Call) taps(at *graphs.Value, size float64) []tap {
	low, range_ := -0.5, size // of the axis, in elements
	if c.Int("align_corners", 0) == 1 {
		low, range_ = 0, size-1
	}
	mode, _ := c.node.Attributes["mode"].(string)
	place := c.plus(low, c.Scale(c.plus(1, at), range_/2))
	if mode == "nearest" {
		place = c.Apply("Round", nil, place)
	} else if mode != "cubic" {
		place = c.into(place, low, range_, size)
	}
	if mode == "nearest" {
		return c.inside([]tap{{place, c.Scalar(1)}}, low, range_, size)
	}
	if mode != "cubic" {
		return c.inside(c.neighbours(place), low, range_, size)
	}
	first := c.Apply("Floor", nil, place)
	t := c.Sub(place, first)
	var out []tap
	for i := range 4 {
		distance := c.Abs(c.plus(float64(1-i), t))
		out = append(out, tap{c.plus(float64(i-1), first), c.cubic(distance, i == 1 || i == 2)})
	}
	return c.inside(out, low, range_, size)
}

// neighbours are the elements before and behind a place, with the weights of a
// straight line between them.
func (c *Call) neighbours(place *graphs.Value) []tap {
	first := c.Apply("Floor", nil, place)
	t := c.Sub(place, first)
	return []tap{{first, c.minus(1, t)}, {c.plus(1, first), t}}
}

// cubic is Keys' kernel with a = -0.75, for distances below 1 or from 1 to 2.
func (c *Call) cubic(d *graphs.Value, near bool) *graphs.Value {
	const a = -0.75
	if near {
		return c.plus(1, c.Mul(c.Mul(d, d), c.plus(-(a+3), c.Scale(d, a+2))))
	}
	return c.plus(-4*a, c.Mul(d, c.plus(8*a, c.Mul(d, c.plus(-5*a, c.Scale(d, a))))))
}

// into moves places beyond the axis onto it, but for padding with zeros.
func (c *Call) into(place *graphs.Value, low, range_, size float64) *graphs.Value {
	switch c.node.Attributes["padding_mode"] {
	case "reflection":
		if range_ == 0 {
			return c.Scale(place, 0)
		}
		d := c.Abs(c.plus(-low, place))
		d = c.Sub(d, c.Scale(c.Apply("Floor", nil, c.Scale(d, 1/(2*range_))), 2*range_))
		return c.plus(low+range_, c.Neg(c.Abs(c.plus(-range_, d))))
	case "border":
		return c.within(place, size)
	}
	return place
}

// within cuts a place to the elements of an axis.
func (c *Call) within(place *graphs.Value, size float64) *graphs.Value {
	return c.Apply("Min", nil, c.Apply("Max", nil, place, c.Scalar(0)), c.Scalar(size-1))
}

// inside moves taps beyond the axis onto it, or weighs them with 0.
func (c *Call) inside(taps []tap, low, range_, size float64) []tap {
	for i, t := range taps {
		moved := c.into(t.index, low, range_, size)
		index := c.within(moved, size)
		if padding := c.node.Attributes["padding_mode"]; padding == nil || padding == "zeros" {
			t.weight = c.Where(c.Equal(index, moved), t.weight, c.Scalar(0))
		}
		taps[i] = tap{index, t.weight}
	}
	return taps
}
