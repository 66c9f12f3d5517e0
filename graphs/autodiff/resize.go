package autodiff

import (
	"maps"
	"slices"

	"fovea/graphs"
)

func init() { register(map[string]Rule{"Resize": resize}) }

// resize works on each axis by itself. Its box of interest, scales and sizes are
// constants.
func resize(c *Call) []*graphs.Value {
	rank := int64(c.In(0).Rank())
	axes := slices.Clone(c.node.Attributes.Ints("axes"))
	if axes == nil {
		axes = axesFrom(0, int(rank))
	}
	box, known := c.In(1).FloatValues()
	scales, _ := c.In(2).FloatValues()
	sizes, _ := c.In(3).IntValues()
	if c.In(1) != nil && !known || len(scales) != len(axes) && len(sizes) != len(axes) {
		return c.refuse("roi, scales or sizes are not constant")
	}
	for i, a := range axes {
		axes[i] = (a + rank) % rank
	}
	dx := c.Grad(0)
	for i, axis := range axes {
		part := []float32{}
		if len(box) == 2*len(axes) {
			part = []float32{0, box[i], 1, box[i+len(axes)]}
		}
		if units := c.resizedUnits(axes, i, part); units != nil {
			dx = c.alongAxis(dx, int(axis), units)
		}
	}
	return one(dx)
}

// resizedUnits is what becomes of the unit vectors of one of the axes that are resized,
// nil if they stay as they are.
func (c *Call) resizedUnits(axes []int64, i int, box []float32) *graphs.Value {
	size, now := c.In(0).Shape[axes[i]], c.Out(0).Shape[axes[i]]
	scales, _ := c.In(2).FloatValues()
	sizes, _ := c.In(3).IntValues()
	a := maps.Clone(c.node.Attributes)
	delete(a, "axes")
	delete(a, "extrapolation_value") // a constant
	cropped := a["coordinate_transformation_mode"] == "tf_crop_and_resize"
	units, roi := c.units(size), c.Floats(box, int64(len(box)))
	if policy := a["keep_aspect_ratio_policy"]; len(scales) == 0 && policy != nil && policy != "stretch" {
		// The axis that decides the scale of all is resized too, in lowest terms.
		from, to := c.decidingSizes(axes, sizes, policy == "not_larger")
		a["axes"] = []int64{1, 2}
		slabs := c.Expand(c.Reshape(units, size, 1, size), nil, size, from, size)
		resized := c.shaped([]int64{size, to, now}, "Resize", a, slabs, nil, nil, c.Ints(to, sizes[i]))
		return c.Reshape(c.Slice(resized, 1, 0, 1), size, now)
	}
	switch {
	case len(scales) > 0 && scales[i] == 1 && !cropped, len(scales) == 0 && size == now && !cropped:
		return nil
	case len(scales) > 0:
		return c.shaped([]int64{size, now}, "Resize", a, units, roi, c.Floats([]float32{1, scales[i]}, 2))
	}
	delete(a, "keep_aspect_ratio_policy")
	return c.shaped([]int64{size, now}, "Resize", a, units, roi, nil, c.Ints(size, now))
}

// decidingSizes are old and new size, in lowest terms, of the axis that grows least or
// most.
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
