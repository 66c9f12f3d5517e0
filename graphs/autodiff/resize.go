package autodiff

import (
	"maps"
	"math"
	"slices"

	"fovea/graphs"
)

func init() { register(map[string]Rule{"Resize": resize}) }

// resize works on each axis by itself. Its box of interest, scales and sizes are
// constants.
func resize(c *Call) []*graphs.Value {
	x, y := c.In(0), c.Out(0)
	axes := c.node.Attributes.Ints("axes")
	if axes == nil {
		axes = axesFrom(0, x.Rank())
	}
	box, _ := c.In(1).FloatValues()
	scales, _ := c.In(2).FloatValues()
	if c.In(1) != nil && c.In(1).Len() > 0 && box == nil || len(scales) == 0 && c.In(3) == nil {
		return c.refuse("roi, scales or sizes are not constant")
	}
	uniform := c.uniformScale(axes)
	dx := c.Grad(0)
	for i, a := range axes {
		axis := int((a + int64(x.Rank())) % int64(x.Rank()))
		size, now := x.Shape[axis], y.Shape[axis]
		attributes := maps.Clone(c.node.Attributes)
		for _, name := range []string{"axes", "extrapolation_value", "keep_aspect_ratio_policy"} {
			delete(attributes, name)
		}
		inputs := []*graphs.Value{c.units(size), nil, nil, nil}
		if len(box) == 2*len(axes) {
			inputs[1] = c.Floats([]float32{0, box[i], 1, box[i+len(axes)]}, 4)
		}
		switch cropped := attributes["coordinate_transformation_mode"] == "tf_crop_and_resize"; {
		case len(scales) > 0 && scales[i] == 1 && !cropped, uniform == 0 && len(scales) == 0 && size == now && !cropped:
			continue
		case len(scales) > 0:
			inputs[2] = c.Floats([]float32{1, scales[i]}, 2)
		case uniform != 0:
			if int64(math.Floor(float64(size)*float64(float32(uniform)))) != now {
				return c.refuse("keep_aspect_ratio_policy that rounds a size up is not supported")
			}
			inputs[2] = c.Floats([]float32{1, float32(uniform)}, 2)
		default:
			inputs[3] = c.Ints(size, now)
		}
		dx = c.alongAxis(dx, axis, c.shaped([]int64{size, now}, "Resize", attributes, inputs...))
	}
	return one(dx)
}

// uniformScale is the scale of all axes where the aspect ratio is kept, else 0.
func (c *Call) uniformScale(axes []int64) (scale float64) {
	sizes, _ := c.In(3).IntValues()
	policy := c.node.Attributes["keep_aspect_ratio_policy"]
	if sizes == nil || policy == nil || policy == "stretch" {
		return 0
	}
	var scales []float64
	for i, a := range axes {
		scales = append(scales, float64(sizes[i])/float64(c.In(0).Shape[(a+int64(c.In(0).Rank()))%int64(c.In(0).Rank())]))
	}
	if policy == "not_larger" {
		return slices.Min(scales)
	}
	return slices.Max(scales)
}
