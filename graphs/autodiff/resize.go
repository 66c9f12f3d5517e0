package autodiff

import (
	"maps"
	"slices"
)

// resize works on each axis by itself. Its box of interest, scales and sizes are constants.
func resize(c *Call) []*value {
	axes := slices.Clone(c.node.Attributes.Ints("axes"))
	if axes == nil {
		axes = span(0, c.In(0).Rank())
	}
	for i, a := range axes {
		axes[i] = c.fromFront(a)
	}
	box, known := c.In(1).FloatValues()
	scales, _ := c.In(2).FloatValues()
	sizes, _ := c.In(3).IntValues()
	if c.In(1) != nil && !known || len(scales) != len(axes) && len(sizes) != len(axes) {
		return c.refuse("roi, scales or sizes are not constant")
	}
	dx := c.Grad(0)
	for i, axis := range axes {
		size, now := c.In(0).Shape[axis], c.Out(0).Shape[axis]
		apply, beside := c.resizeAlong(axes, i, boxOf(box, i, len(axes)))
		switch {
		case apply == nil:
		case affords(size*max(size, now)*beside, dx):
			dx = c.backAlong(dx, int(axis), apply(c.identity(size)))
		default:
			center := c.Apply("Round", nil, apply(c.places(size)))
			dx = c.backAlongBand(dx, int(axis), size, band{apply, center, c.resizeReach(size, now)})
		}
	}
	return []*value{dx}
}

// resizeReach returns how far from its place a result depends on elements of an axis: two in mode cubic, and further
// where antialiasing widens the kernel. The place may be off by one at the ends of the axis.
func (c *Call) resizeReach(size, now int64) int64 {
	reach := int64(2)
	if c.node.Attributes["antialias"] == int64(1) && now < size {
		reach = (2*size + now - 1) / now
	}
	return reach + 2
}

// boxOf returns the box of interest of one of several axes behind an axis that is whole, nothing if there is no box.
func boxOf(box []float32, i, axes int) []float32 {
	if len(box) != 2*axes {
		return []float32{}
	}
	return []float32{0, box[i], 1, box[i+axes]}
}

// resizeAlong returns the node's operator along one of the axes that are resized, nil if that axis stays as it is. The
// operator works on beside rows for each row that it gets.
func (c *Call) resizeAlong(axes []int64, i int, box []float32) (apply func(x *value) *value, beside int64) {
	size, now := c.In(0).Shape[axes[i]], c.Out(0).Shape[axes[i]]
	scales, _ := c.In(2).FloatValues()
	sizes, _ := c.In(3).IntValues()
	a := maps.Clone(c.node.Attributes)
	delete(a, "axes")
	delete(a, "extrapolation_value") // a constant
	cropped := a["coordinate_transformation_mode"] == "tf_crop_and_resize"
	var roi *value // without a box the whole axis, which some kernels do not read from an empty list
	if len(box) > 0 {
		roi = c.Floats(box, int64(len(box)))
	}
	if policy := a["keep_aspect_ratio_policy"]; len(scales) == 0 && policy != nil && policy != "stretch" {
		// The axis that decides the scale of all is resized too, in lowest terms.
		from, to := c.decidingSizes(axes, sizes, policy == "not_larger")
		a["axes"] = []int64{1, 2}
		return func(x *value) *value {
			rows := x.Shape[0]
			slabs := c.Expand(c.Reshape(x, rows, 1, size), nil, rows, from, size)
			resized := c.applyShaped([]int64{rows, to, now}, "Resize", a, slabs, nil, nil, c.Ints(to, sizes[i]))
			return c.Reshape(c.Slice(resized, 1, 0, 1), rows, now)
		}, from
	}
	switch {
	case len(scales) > 0 && scales[i] == 1 && !cropped, len(scales) == 0 && size == now && !cropped:
		return nil, 1
	case len(scales) > 0:
		return func(x *value) *value {
			scales := c.Floats([]float32{1, scales[i]}, 2)
			return c.applyShaped([]int64{x.Shape[0], now}, "Resize", a, x, roi, scales)
		}, 1
	}
	delete(a, "keep_aspect_ratio_policy")
	return func(x *value) *value {
		return c.applyShaped([]int64{x.Shape[0], now}, "Resize", a, x, roi, nil, c.Ints(x.Shape[0], now))
	}, 1
}

// decidingSizes returns the old and new size, in lowest terms, of the axis that grows least, or else most.
func (c *Call) decidingSizes(axes, sizes []int64, least bool) (from, to int64) {
	for i, axis := range axes {
		size := c.In(0).Shape[axis]
		if more := sizes[i]*max(from, 1) > size*to; from == 0 || more != least {
			from, to = size, sizes[i]
		}
	}
	a, b := from, to
	for b != 0 {
		a, b = b, a%b
	}
	return from / a, to / a
}
