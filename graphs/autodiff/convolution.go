package autodiff

import (
	"maps"
	"slices"

	"fovea/graphs"
)

func init() {
	register(map[string]Rule{
		"Conv": conv, "MaxPool": maxPool, "AveragePool": averagePool, "GlobalAveragePool": globalAveragePool, "GlobalMaxPool": globalMaxPool,
		"ConvTranspose": convTranspose, "LpPool": lpPool,
		"BatchNormalization": batchNormalization,
	})
}

// conv of x [N,C,D…] with w [M,C/g,K…]: dX is the transposed convolution of dY,
// dW the convolution of x with dY, in which strides and dilations change
// places, images and channels too.
func conv(c *Call) []*graphs.Value {
	x, w, dy := c.In(0), c.In(1), c.Grad(0)
	window, err := graphs.WindowOf(c.node, w.Shape[2:])
	if err != nil {
		return c.refuse("%v", err)
	}
	group := c.Int("group", 1)
	dx := c.convolvedBack(dy, w, window, group)
	out := both(dx, c.kernelGradient(x, dy, window, group))
	if c.In(2) != nil {
		out = append(out, c.overChannels(dy))
	}
	return out
}

// convolvedBack is the transposed convolution that leads back to the node's first
// input. Paddings that differ are cut off behind it: CUDA has no kernel for them.
func (c *Call) convolvedBack(dy, w *graphs.Value, window graphs.Window, group int64) *graphs.Value {
	sizes, rest, pads := c.In(0).Shape[2:], make([]int64, len(window.Kernel)), window.Pads()
	for i, size := range sizes {
		rest[i] = window.Rest(i, size) // what no kernel has reached
	}
	uneven := !slices.Equal(window.Before, window.After)
	if uneven {
		pads = make([]int64, len(pads))
	}
	dx := c.Apply("ConvTranspose", graphs.Attributes{"group": group, "strides": window.Strides, "dilations": window.Dilations,
		"pads": pads, "output_padding": rest}, dy, w)
	for i, size := range sizes {
		if uneven && dx.Shape[i+2] != size {
			dx = c.Slice(dx, int64(i+2), window.Before[i], window.Before[i]+size)
		}
	}
	return dx
}

// axesFrom lists the axes from a to below b.
func axesFrom(a, b int) []int64 {
	var axes []int64
	for ; a < b; a++ {
		axes = append(axes, int64(a))
	}
	return axes
}

// overChannels sums x [N,C,D…] to a vector of the channels.
func (c *Call) overChannels(x *graphs.Value) *graphs.Value {
	return c.ReduceSum(x, false, append([]int64{0}, axesFrom(2, x.Rank())...)...)
}

// maxPool gives each gradient to the element that was the largest, by its index
// in the whole input.
func maxPool(c *Call) []*graphs.Value {
	if len(c.node.Outputs) > 1 && c.Out(1) != nil && c.Grad(1) != nil {
		return c.refuse("the indices have no gradient")
	}
	x, dy := c.In(0), c.Grad(0)
	a := maps.Clone(c.node.Attributes)
	delete(a, "storage_order") // another numbering of the indices
	index := c.ApplyN(2, "", "MaxPool", a, x)[1]
	return one(c.Reshape(c.scatter(c.Reshape(dy, dy.Len()), 0, x.Len(), index), x.Shape...))
}

// averagePool spreads each gradient over its window, which averages elements.
func averagePool(c *Call) []*graphs.Value {
	x, dy := c.In(0), c.Grad(0)
	window, err := graphs.WindowOf(c.node, nil)
	if err != nil {
		return c.refuse("%v", err)
	}
	if c.Int("ceil_mode", 0) != 0 {
		return c.averagePoolCeil(window)
	}
	counts := []float32{1} // elements that each window averages
	for i, size := range x.Shape[2:] {
		var next []float32
		for _, known := range counts {
			for step := range dy.Shape[i+2] {
				n := window.Kernel[i]
				if c.Int("count_include_pad", 0) == 0 {
					n = window.Inside(i, step, size)
				}
				next = append(next, known*float32(n))
			}
		}
		counts = next
	}
	return one(c.spread(window, c.Div(dy, c.Floats(counts, append([]int64{1, 1}, dy.Shape[2:]...)...))))
}

// spread adds each element of dy to all elements of its window: a transposed
// convolution with ones, channel by channel.
func (c *Call) spread(window graphs.Window, dy *graphs.Value) *graphs.Value {
	channels := dy.Shape[1]
	return c.convolvedBack(dy, c.Filled(1, append([]int64{channels, 1}, window.Kernel...)...), window, channels)
}

// averagePoolCeil: the last window may reach beyond the padding. An average over
// a box is one axis by axis.
func (c *Call) averagePoolCeil(w graphs.Window) []*graphs.Value {
	dx := c.Grad(0)
	for i, size := range c.In(0).Shape[2:] {
		a := graphs.Attributes{"ceil_mode": int64(1), "count_include_pad": c.Int("count_include_pad", 0),
			"kernel_shape": w.Kernel[i : i+1], "strides": w.Strides[i : i+1], "dilations": w.Dilations[i : i+1],
			"pads": []int64{w.Before[i], w.After[i]}}
		steps := dx.Shape[i+2]
		units := c.shaped([]int64{size, 1, steps}, "AveragePool", a, c.Reshape(c.units(size), size, 1, size))
		dx = c.alongAxis(dx, i+2, c.Reshape(units, size, steps))
	}
	return one(dx)
}

// lpPool: Y = (Σ|X|^p)^(1/p) over the window, so dX = sign(X)·|X|^(p-1)·Σ dY·Y^(1-p).
func lpPool(c *Call) []*graphs.Value {
	window, err := graphs.WindowOf(c.node, nil)
	if err != nil {
		return c.refuse("%v", err)
	}
	if c.Int("ceil_mode", 0) != 0 {
		return c.refuse("ceil_mode 1 is not supported")
	}
	x, p := c.In(0), float64(c.Int("p", 2))
	rate := c.spread(window, c.Mul(c.Grad(0), c.Pow(c.notZero(c.Out(0)), c.Scalar(1-p))))
	return one(c.Mul(rate, c.Mul(c.Sign(x), c.Pow(c.Abs(x), c.Scalar(p-1)))))
}

// convTranspose of x [N,C,D…] with w [C,M/g,K…] is what conv does backwards: dX is
// the convolution of dY, dW that of dY with x, in which strides and dilations
// change places, images and channels too.
func convTranspose(c *Call) []*graphs.Value {
	x, w, dy := c.In(0), c.In(1), c.Grad(0)
	window, err := graphs.TransposedWindow(c.node)
	if err != nil {
		return c.refuse("%v", err)
	}
	group := c.Int("group", 1)
	dx := c.Apply("Conv", graphs.Attributes{"group": group, "strides": window.Strides, "dilations": window.Dilations,
		"pads": window.Pads(), "kernel_shape": window.Kernel}, dy, w)
	for i, size := range x.Shape { // an output_shape may leave room for more
		if dx.Shape[i] > size {
			dx = c.Slice(dx, int64(i), 0, size)
		}
	}
	out := both(dx, c.kernelGradient(dy, x, window, group))
	if c.In(2) != nil {
		out = append(out, c.overChannels(dy))
	}
	return out
}

func globalAveragePool(c *Call) []*graphs.Value {
	x, dy := c.In(0), c.Grad(0)
	return one(c.Expand(c.Scale(dy, float64(dy.Len())/float64(x.Len())), nil, x.Shape...))
}

func globalMaxPool(c *Call) []*graphs.Value {
	return one(c.shareAmong(c.Out(0), c.Grad(0), axesFrom(2, c.In(0).Rank())))
}

// batchNormalization in inference: Y = (x - mean)·w/√(variance + ε) + b, where
// mean and variance are inputs like the others.
func batchNormalization(c *Call) []*graphs.Value {
	if c.Int("training_mode", 0) != 0 {
		return c.refuse("training_mode 1 is not supported: export the model in evaluation mode")
	}
	x, w, dy := c.In(0), c.In(1), c.Grad(0)
	inverse := c.over(c.Sqrt(c.plus(float64(c.node.Attributes.Float("epsilon", 1e-5)), c.In(4))))
	rate := c.Mul(w, inverse) // of Y by x
	centred := c.Sub(x, c.perChannel(c.In(3)))
	db, projection := c.overChannels(dy), c.overChannels(c.Mul(dy, centred))
	dvariance := c.Scale(c.Mul(projection, c.Mul(rate, c.Mul(inverse, inverse))), -0.5)
	return []*graphs.Value{c.Mul(dy, c.perChannel(rate)), c.Mul(projection, inverse), db, c.Neg(c.Mul(db, rate)), dvariance}
}
