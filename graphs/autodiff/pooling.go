package autodiff

import (
	"maps"
	"slices"

	"fovea/graphs"
)

// maxPool gives each gradient to the element that was the largest, by its index in the whole input.
func maxPool(c *Call) []*value {
	if len(c.node.Outputs) > 1 && c.Out(1) != nil && c.Grad(1) != nil {
		return c.refuse("the indices have no gradient")
	}
	x, dy := c.In(0), c.Grad(0)
	a := maps.Clone(c.node.Attributes)
	delete(a, "storage_order") // another numbering of the indices
	index := c.ApplyN(2, "", "MaxPool", a, x)[1]
	return []*value{c.Reshape(c.scatterAdd(c.Reshape(dy, dy.Len()), 0, x.Len(), index), x.Shape...)}
}

// averagePool spreads each gradient over its window, which averages elements.
func averagePool(c *Call) []*value {
	window, err := graphs.WindowOf(c.node, nil)
	if err != nil {
		return c.refuse("%v", err)
	}
	if c.Int("ceil_mode", 0) != 0 {
		return c.averagePoolCeil(window)
	}
	return []*value{c.spreadOverWindows(window, c.Div(c.Grad(0), c.windowSizes(window)))}
}

// windowSizes returns how many elements each window averages, [1,1,P…].
func (c *Call) windowSizes(window graphs.Window) *value {
	sizes, positions := []float32{1}, c.Grad(0).Shape[2:]
	for i, size := range c.In(0).Shape[2:] {
		var next []float32
		for _, known := range sizes {
			for step := range positions[i] {
				n := window.Kernel[i]
				if c.Int("count_include_pad", 0) == 0 {
					n = window.Inside(i, step, size)
				}
				next = append(next, known*float32(n))
			}
		}
		sizes = next
	}
	return c.Floats(sizes, slices.Concat([]int64{1, 1}, positions)...)
}

// spreadOverWindows adds each element of dy to all elements of its window: a transposed convolution with ones, channel
// by channel.
func (c *Call) spreadOverWindows(window graphs.Window, dy *value) *value {
	channels := dy.Shape[1]
	ones := c.Filled(1, slices.Concat([]int64{channels, 1}, window.Kernel)...)
	return c.transposedConvolution(dy, ones, window, channels)
}

// averagePoolCeil: the last window may reach beyond the padding. An average over a box is one axis by axis.
func (c *Call) averagePoolCeil(w graphs.Window) []*value {
	dx := c.Grad(0)
	for i, size := range c.In(0).Shape[2:] {
		a := graphs.Attributes{"ceil_mode": int64(1), "count_include_pad": c.Int("count_include_pad", 0),
			"kernel_shape": w.Kernel[i : i+1], "strides": w.Strides[i : i+1], "dilations": w.Dilations[i : i+1],
			"pads": []int64{w.Before[i], w.After[i]}}
		steps, extent := dx.Shape[i+2], w.Dilations[i]*(w.Kernel[i]-1)
		apply := func(x *value) *value {
			shape := []int64{x.Shape[0], 1, steps}
			return c.Reshape(c.applyShaped(shape, "AveragePool", a, c.Reshape(x, -1, 1, size)), -1, steps)
		}
		if affords(size*max(size, steps), dx) {
			dx = c.backAlong(dx, i+2, apply(c.identity(size)))
			continue
		}
		center := c.shift(c.Scale(c.places(steps), float64(w.Strides[i])), float64(extent/2-w.Before[i]))
		dx = c.backAlongBand(dx, i+2, size, band{apply, center, extent/2 + 1})
	}
	return []*value{dx}
}

// lpPool: Y = (Σ|X|^p)^(1/p) over the window, so dX = sign(X)·|X|^(p-1)·Σ dY·Y^(1-p).
func lpPool(c *Call) []*value {
	window, err := graphs.WindowOf(c.node, nil)
	if err != nil {
		return c.refuse("%v", err)
	}
	if c.Int("ceil_mode", 0) != 0 {
		return c.refuse("ceil_mode 1 is not supported")
	}
	x, p := c.In(0), float64(c.Int("p", 2))
	sum := c.spreadOverWindows(window, c.Mul(c.Grad(0), c.power(c.zerosToOnes(c.Out(0)), 1-p)))
	return []*value{c.Mul(sum, c.Mul(c.Sign(x), c.power(c.Abs(x), p-1)))}
}

func globalAveragePool(c *Call, x, _, dy *value) *value {
	return c.Expand(c.Scale(dy, float64(dy.Len())/float64(x.Len())), nil, x.Shape...)
}

// maxUnpool puts each element at its index in the whole output, so its gradient is read there.
func maxUnpool(c *Call) []*value {
	if c.In(2) != nil {
		return c.refuse("output_shape is not supported")
	}
	x, dy := c.In(0), c.Grad(0)
	dx := c.applyShaped([]int64{x.Len()}, "Gather", nil, c.Reshape(dy, dy.Len()), c.Reshape(c.In(1), x.Len()))
	return []*value{c.Reshape(dx, x.Shape...)}
}
