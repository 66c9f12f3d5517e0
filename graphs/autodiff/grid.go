package autodiff

import "fovea/graphs"

func init() {
	register(map[string]Rule{"AffineGrid": defined(affineGrid), "Col2Im": col2Im, "OneHot": oneHot})
}

// affineGrid: the points of a regular grid between -1 and 1, times theta [N,D,D+1].
func affineGrid(c *Call) []*graphs.Value {
	theta, y := c.In(0), c.Out(0)
	sizes := y.Shape[1 : y.Rank()-1]
	total := int64(1)
	for _, size := range sizes {
		total *= size
	}
	var points []float32
	for i := range total {
		point, rest := make([]float32, len(sizes)+1), i
		point[len(sizes)] = 1
		for axis := len(sizes) - 1; axis >= 0; axis-- { // x, the last axis, comes first
			at, size := float32(rest%sizes[axis]), float32(sizes[axis])
			if rest /= sizes[axis]; c.Int("align_corners", 0) == 1 {
				point[len(sizes)-1-axis] = 2*at/(size-1) - 1
			} else {
				point[len(sizes)-1-axis] = (2*at+1)/size - 1
			}
		}
		points = append(points, point...)
	}
	grid := c.MatMul(c.Floats(points, 1, total, int64(len(sizes)+1)), theta, graphs.TransB)
	return one(c.Reshape(grid, y.Shape...))
}

// col2Im adds columns up to an image, so the gradient of each column is cut out of
// the image: a convolution with kernels of one 1 each.
func col2Im(c *Call) []*graphs.Value {
	x, dy, a := c.In(0), c.Grad(0), graphs.Attributes{}
	block, ok := c.In(2).IntValues()
	if !ok {
		return c.refuse("block_shape is not constant")
	}
	size := int64(1)
	for _, n := range block {
		size *= n
	}
	for _, name := range []string{"dilations", "pads", "strides"} {
		if list := c.node.Attributes.Ints(name); list != nil {
			a[name] = list
		}
	}
	kernels := c.Reshape(c.units(size), append([]int64{size, 1}, block...)...)
	images := c.Reshape(dy, append([]int64{dy.Shape[0] * dy.Shape[1], 1}, dy.Shape[2:]...)...)
	return one(c.Reshape(c.Apply("Conv", a, images, kernels), x.Shape...))
}

// oneHot: the value behind gets the gradient of where it was put, the value
// before the rest.
func oneHot(c *Call) []*graphs.Value {
	dy := c.Grad(0)
	on := c.Append(&graphs.Node{Op: "OneHot", Attributes: c.node.Attributes,
		Inputs: []*graphs.Value{c.In(0), c.In(1), c.Floats([]float32{0, 1}, 2)}},
		&graphs.Value{Type: dy.Type, Shape: dy.Shape})[0]
	behind := c.Reshape(c.ReduceSum(c.Mul(dy, on), false), 1)
	before := c.Sub(c.Reshape(c.ReduceSum(dy, false), 1), behind)
	return []*graphs.Value{nil, nil, c.Concat(0, before, behind)}
}
