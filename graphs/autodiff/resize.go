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
		if matrix := c.resizeMatrix(axes, i, boxOf(box, i, len(axes))); matrix != nil {
			dx = c.backAlong(dx, int(axis), matrix)
		}
	}
	return []*value{dx}
}

// boxOf returns the box of interest of one of several axes behind an axis that is whole, nothing if there is no box.
func boxOf(box []float32, i, axes int) []float32 {
	if len(box) != 2*axes {
		return []float32{}
	}
	return []float32{0, box[i], 1, box[i+axes]}
}

// resizeMatrix returns the matrix of the node along one of the axes that are resized, nil if that axis stays as it is.
func (c *Call) resizeMatrix(axes []int64, i int, box []float32) *value {
	size, now := c.In(0).Shape[axes[i]], c.Out(0).Shape[axes[i]]
	scales, _ := c.In(2).FloatValues()
	sizes, _ := c.In(3).IntValues()
	a := maps.Clone(c.node.Attributes)
	delete(a, "axes")
	delete(a, "extrapolation_value") // a constant
	cropped := a["coordinate_transformation_mode"] == "tf_crop_and_resize"
	units, roi := c.identity(size), c.Floats(box, int64(len(box)))
	if policy := a["keep_aspect_ratio_policy"]; len(scales) == 0 && policy != nil && policy != "stretch" {
		// The axis that decides the scale of all is resized too, in lowest terms.
		from, to := c.decidingSizes(axes, sizes, policy == "not_larger")
		a["axes"] = []int64{1, 2}
		slabs := c.Expand(c.Reshape(units, size, 1, size), nil, size, from, size)
		resized := c.applyShaped([]int64{size, to, now}, "Resize", a, slabs, nil, nil, c.Ints(to, sizes[i]))
		return c.Reshape(c.Slice(resized, 1, 0, 1), size, now)
	}
	switch {
	case len(scales) > 0 && scales[i] == 1 && !cropped, len(scales) == 0 && size == now && !cropped:
		return nil
	case len(scales) > 0:
		return c.applyShaped([]int64{size, now}, "Resize", a, units, roi, c.Floats([]float32{1, scales[i]}, 2))
	}
	delete(a, "keep_aspect_ratio_policy")
	return c.applyShaped([]int64{size, now}, "Resize", a, units, roi, nil, c.Ints(size, now))
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
