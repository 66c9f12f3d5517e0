package autodiff

import (
	"slices"

	"fovea/graphs"
)

// layerNormalization over the last axis has a gradient of its own. Over more axes, or where the result depends on the
// statistics too, it has that of its definition.
func layerNormalization(c *Call) []*value {
	last := int64(c.In(0).Rank() - 1)
	stated := len(c.node.Outputs) == 3 && c.Out(1) != nil && c.Out(2) != nil
	// A vector is no operand of a product of matrices.
	if !stated || c.Grad(1) != nil || c.Grad(2) != nil || c.Axis(-1) != last || last == 0 {
		return byDefinition(layerNormalizationFrom)(c)
	}
	from := len(c.Nodes)
	gradients := c.lastLayerNormalization()
	c.fullPrecision(from)
	return gradients
}

// lastLayerNormalization: Y = X̂·w + b with X̂ = (X - mean)/std. With G = dY·w, dX = (G - mean(G) - X̂·mean(G·X̂))/std.
// The means are products with w/n, so that G·X̂ is never written.
func (c *Call) lastLayerNormalization() []*value {
	x, w, dy, mean, inverse := c.In(0), c.In(1), c.Grad(0), c.Out(1), c.Out(2)
	n := x.Shape[x.Rank()-1]
	column := c.Scale(c.Reshape(w, n, 1), 1/float64(n))
	normalized := c.Mul(c.Sub(x, mean), inverse)
	dw := c.Mul(dy, normalized)
	meanG := c.MatMul(dy, column, graphs.NoTrans)
	meanGX := c.MatMul(dw, column, graphs.NoTrans)
	dx := c.Mul(c.Sub(c.Sub(c.Mul(dy, w), meanG), c.Mul(normalized, meanGX)), inverse)
	return []*value{dx, dw, dy}
}

// layerNormalizationFrom normalises over all axes from one on. Its outputs are Y, Mean and InvStdDev.
func layerNormalizationFrom(c *Call) []*value {
	axes := span(int(c.Axis(-1)), c.In(0).Rank())
	y, mean, deviation := c.standardizedBy(c.In(0), c.Float("epsilon", 1e-5), axes)
	y = c.Mul(y, c.In(1))
	if c.In(2) != nil {
		y = c.Add(y, c.In(2))
	}
	return []*value{y, mean, c.reciprocal(deviation)}
}

// standardized returns x with mean 0 and variance 1 along axes.
func (c *Call) standardized(x *value, epsilon float64, axes []int64) *value {
	y, _, _ := c.standardizedBy(x, epsilon, axes)
	return y
}

// standardizedBy returns x with mean 0 and variance 1 along axes, the mean, and the standard deviation.
func (c *Call) standardizedBy(x *value, epsilon float64, axes []int64) (y, mean, deviation *value) {
	mean = c.ReduceMean(x, true, axes...)
	centred := c.Sub(x, mean)
	deviation = c.Sqrt(c.shift(c.ReduceMean(c.square(centred), true, axes...), epsilon))
	return c.Div(centred, deviation), mean, deviation
}

// rmsNormalization: Y = X/√(mean(X²) + ε)·scale over all axes from one on.
func rmsNormalization(c *Call) []*value {
	axes := span(int(c.Axis(-1)), c.In(0).Rank())
	return []*value{c.Mul(c.rootMeanSquared(c.In(0), c.Float("epsilon", 1e-5), axes), c.In(1))}
}

// rootMeanSquared returns x with mean square 1 along axes.
func (c *Call) rootMeanSquared(x *value, epsilon float64, axes []int64) *value {
	meanSquare := c.ReduceMean(c.square(x), true, axes...)
	return c.Div(x, c.Sqrt(c.shift(meanSquare, epsilon)))
}

// batchNormalization in inference: Y = (x - mean)·w/√(variance + ε) + b, where mean and variance are inputs like the
// others.
func batchNormalization(c *Call) []*value {
	if c.Int("training_mode", 0) != 0 {
		return c.refuse("training_mode 1 is not supported: export the model in evaluation mode")
	}
	x, w, mean, variance, dy := c.In(0), c.In(1), c.In(3), c.In(4), c.Grad(0)
	inverse := c.inverseSqrt(c.shift(variance, c.Float("epsilon", 1e-5)))
	slope := c.Mul(w, inverse) // of Y by x
	centred := c.Sub(x, c.perChannel(mean))
	db, projection := c.sumToChannels(dy), c.sumToChannels(c.Mul(dy, centred))
	dvariance := c.Scale(c.Mul(projection, c.Mul(slope, c.square(inverse))), -0.5)
	return []*value{c.Mul(dy, c.perChannel(slope)), c.Mul(projection, inverse), db, c.Neg(c.Mul(db, slope)), dvariance}
}

// instanceNormalization normalises each channel of each image.
func instanceNormalization(c *Call) []*value {
	x := c.In(0)
	y := c.standardized(x, c.Float("epsilon", 1e-5), span(2, x.Rank()))
	return []*value{c.Add(c.Mul(y, c.perChannel(c.In(1))), c.perChannel(c.In(2)))}
}

// perChannel gives a vector of the channels of the node's input [N,C,D…] a shape in which it is repeated along the
// other axes.
func (c *Call) perChannel(v *value) *value {
	return c.Reshape(v, append([]int64{v.Len()}, slices.Repeat([]int64{1}, c.In(0).Rank()-2)...)...)
}

// groupNormalization normalises groups of channels. Until opset 21 scale and bias had an element a group, since then
// one a channel.
func groupNormalization(c *Call) []*value {
	x, groups := c.In(0), c.Int("num_groups", 1)
	y := c.standardized(c.Reshape(x, x.Shape[0], groups, -1), c.Float("epsilon", 1e-5), []int64{2})
	if c.node.Opset() >= 21 {
		return []*value{c.Add(c.Mul(c.Reshape(y, x.Shape...), c.perChannel(c.In(1))), c.perChannel(c.In(2)))}
	}
	y = c.Add(c.Mul(y, c.Reshape(c.In(1), groups, 1)), c.Reshape(c.In(2), groups, 1))
	return []*value{c.Reshape(y, x.Shape...)}
}

func meanVarianceNormalization(c *Call) []*value {
	axes := c.node.Attributes.Ints("axes")
	if axes == nil {
		axes = []int64{0, 2, 3}
	}
	const epsilon = 1e-9 // of the standard's definition
	centred := c.Sub(c.In(0), c.ReduceMean(c.In(0), true, axes...))
	deviation := c.root(c.ReduceMean(c.square(centred), true, axes...))
	return []*value{c.Div(centred, c.shift(deviation, epsilon))}
}

// lpNormalization: Y = X/(Σ|X|^p)^(1/p) along an axis, and 0 where that norm is 0.
func lpNormalization(c *Call) []*value {
	x := c.In(0)
	norm := c.ReduceSum(c.Abs(x), true, c.Axis(-1))
	if c.Int("p", 2) != 1 {
		norm = c.root(c.ReduceSum(c.square(x), true, c.Axis(-1)))
	}
	return []*value{c.Mul(c.Sign(norm), c.Div(x, c.zerosToOnes(norm)))}
}

// lrn: Y = X/(bias + α/size·Σ X²)^β, summed over size neighbouring channels.
func lrn(c *Call) []*value {
	x := c.In(0)
	mean := c.Scale(c.sumOfNeighbours(c.square(x), c.Int("size", 1)), c.Float("alpha", 1e-4)/float64(c.Int("size", 1)))
	return []*value{c.Mul(x, c.power(c.shift(mean, c.Float("bias", 1)), -c.Float("beta", 0.75)))}
}

// sumOfNeighbours sums over size neighbouring channels of x [N,C,D…]: a product with a band matrix, or a pooling where
// that would be large.
func (c *Call) sumOfNeighbours(x *value, size int64) *value {
	channels, before, after := x.Shape[1], (size-1)/2, size/2
	if !affords(channels*channels, x) {
		mean := c.Apply("AveragePool", graphs.Attributes{"kernel_shape": []int64{size, 1}, "count_include_pad": int64(1),
			"pads": []int64{before, 0, after, 0}}, c.Reshape(x, x.Shape[0], 1, channels, -1))
		return c.Scale(c.Reshape(mean, x.Shape...), float64(size))
	}
	band := make([]float32, channels*channels)
	for i := range channels {
		for j := max(0, i-before); j < min(channels, i+after+1); j++ {
			band[i*channels+j] = 1
		}
	}
	columns := c.Reshape(x, x.Shape[0], channels, -1)
	return c.Reshape(c.MatMul(c.Floats(band, 1, channels, channels), columns, graphs.NoTrans), x.Shape...)
}
