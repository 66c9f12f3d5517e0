package autodiff

import (
	"slices"

	"fovea/graphs"
)

// conv of x [N,C,D…] with w [M,C/g,K…]: dX is the transposed convolution of dY with w. dW is the convolution of x with
// dY, in which strides and dilations change places, images and channels too.
func conv(c *Call) []*value {
	x, w, dy, group := c.In(0), c.In(1), c.Grad(0), c.Int("group", 1)
	window, err := graphs.WindowOf(c.node, w.Shape[2:])
	if err != nil {
		return c.refuse("%v", err)
	}
	dx := c.transposedConvolution(dy, w, window, group)
	return append([]*value{dx, c.kernelGradient(x, dy, window, group)}, c.biasGradient()...)
}

// convTranspose of x [N,C,D…] with w [C,M/g,K…] is what conv does backwards: dX is the convolution of dY with w. dW is
// that of dY with x, in which strides and dilations change places, images and channels too.
func convTranspose(c *Call) []*value {
	x, w, dy, group := c.In(0), c.In(1), c.Grad(0), c.Int("group", 1)
	window, err := graphs.TransposedWindow(c.node)
	if err != nil {
		return c.refuse("%v", err)
	}
	dx := c.Apply("Conv", graphs.Attributes{"group": group, "strides": window.Strides, "dilations": window.Dilations,
		"pads": window.Pads(), "kernel_shape": window.Kernel}, dy, w)
	for i, size := range x.Shape { // an output_shape may leave room for more
		if dx.Shape[i] > size {
			dx = c.Slice(dx, int64(i), 0, size)
		}
	}
	return append([]*value{dx, c.kernelGradient(dy, x, window, group)}, c.biasGradient()...)
}

// biasGradient returns the gradient of a convolution's third input, nothing if there is none.
func (c *Call) biasGradient() []*value {
	if c.In(2) == nil {
		return nil
	}
	return []*value{c.sumToChannels(c.Grad(0))}
}

// sumToChannels sums x [N,C,D…] to a vector of the channels.
func (c *Call) sumToChannels(x *value) *value {
	return c.ReduceSum(x, false, append([]int64{0}, span(2, x.Rank())...)...)
}

// transposedConvolution returns the transposed convolution that leads from dy back to the node's first input. Paddings
// that differ at the two ends of an axis are cut off behind it: CUDA has no kernel for them.
func (c *Call) transposedConvolution(dy, w *value, window graphs.Window, group int64) *value {
	sizes, rest, pads := c.In(0).Shape[2:], make([]int64, len(window.Kernel)), window.Pads()
	for i, size := range sizes {
		rest[i] = window.Rest(i, size) // elements that no kernel has reached
	}
	uneven := !slices.Equal(window.Before, window.After)
	if uneven {
		pads = make([]int64, len(pads))
	}
	dx := c.Apply("ConvTranspose", graphs.Attributes{"group": group, "strides": window.Strides,
		"dilations": window.Dilations, "pads": pads, "output_padding": rest}, dy, w)
	for i, size := range sizes {
		if uneven && dx.Shape[i+2] != size {
			dx = c.Slice(dx, int64(i+2), window.Before[i], window.Before[i]+size)
		}
	}
	return dx
}

// col2Im adds columns up to an image. So the gradient of each column is cut out of the image, by a convolution with
// kernels that have one 1 each.
func col2Im(c *Call) []*value {
	x, dy, a := c.In(0), c.Grad(0), graphs.Attributes{}
	block, ok := c.In(2).IntValues()
	if !ok {
		return c.refuse("block_shape is not constant")
	}
	for _, name := range []string{"dilations", "pads", "strides"} {
		if list := c.node.Attributes.Ints(name); list != nil {
			a[name] = list
		}
	}
	size := product(block)
	kernels := c.Reshape(c.identity(size), slices.Concat([]int64{size, 1}, block)...)
	images := c.Reshape(dy, slices.Concat([]int64{dy.Shape[0] * dy.Shape[1], 1}, dy.Shape[2:])...)
	return []*value{c.Reshape(c.Apply("Conv", a, images, kernels), x.Shape...)}
}

func product(sizes []int64) int64 {
	n := int64(1)
	for _, size := range sizes {
		n *= size
	}
	return n
}
