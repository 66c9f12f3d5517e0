package autodiff

import (
	"slices"

	"fovea/graphs"
)

func init() {
	register(map[string]Rule{
		"Softmax": softmax, "LogSoftmax": logSoftmax, "LayerNormalization": layerNormalization,
		"RMSNormalization": defined(rmsNormalization), "SimplifiedLayerNormalization": defined(rmsNormalization), "InstanceNormalization": defined(instanceNormalization),
		"GroupNormalization": defined(groupNormalization), "MeanVarianceNormalization": defined(meanVarianceNormalization),
		"LpNormalization": defined(lpNormalization), "LRN": defined(lrn),
	})
}

// softmax: dX = Y·(dY - Σ dY·Y) along the axis. A row of minus infinity, such as
// a fully masked one in attention, gives NaN; a model that hides it behind a Where
// has the gradient 0 there.
func softmax(c *Call) []*graphs.Value {
	y, dy := c.Out(0), c.Grad(0)
	if c.hidden(y) {
		unknown := c.Append(&graphs.Node{Op: "IsNaN", Inputs: one(y)}, &graphs.Value{Type: graphs.Bool, Shape: y.Shape})[0]
		y = c.Where(unknown, c.Scalar(0), y)
	}
	sum := c.ReduceSum(c.Mul(dy, y), true, c.Axis(-1))
	return one(c.Mul(c.Sub(dy, sum), y))
}

// hidden tells whether a Where chooses between v and something else.
func (c *Call) hidden(v *graphs.Value) bool {
	return slices.ContainsFunc(c.Nodes, func(n *graphs.Node) bool {
		return slices.Contains(n.Inputs, v) && (n.Op == "Where" || n.Op == "Cast" && c.hidden(n.Outputs[0]))
	})
}

// logSoftmax: dX = dY - exp(Y)·Σ dY along the axis.
func logSoftmax(c *Call) []*graphs.Value {
	y, dy := c.Out(0), c.Grad(0)
	return one(c.Sub(dy, c.Mul(c.Exp(y), c.ReduceSum(dy, true, c.Axis(-1)))))
}

// layerNormalization over the last axis: Y = X̂·w + b with X̂ = (X - mean)/std.
// With G = dY·w, dX = (G - mean(G) - X̂·mean(G·X̂))/std. The means are matrix
// products with w/n, so that G·X̂ is never written. All of it stays in float32, like
// the statistics.
func layerNormalization(c *Call) []*graphs.Value {
	x, w, dy := c.In(0), c.In(1), c.Grad(0)
	last := int64(x.Rank() - 1)
	if c.Axis(-1) != last || last == 0 { // a vector is no operand of the products below
		return defined(layerNormalizationFrom)(c)
	}
	if len(c.node.Outputs) < 3 {
		return c.refuse("mean and inverse standard deviation (outputs 1 and 2) are needed")
	}
	if c.Grad(1) != nil || c.Grad(2) != nil {
		return c.refuse("gradients of Mean and InvStdDev are not supported")
	}
	from := len(c.Nodes)
	n := x.Shape[last]
	column := c.Scale(c.Reshape(w, n, 1), 1/float64(n))
	normalized := c.Mul(c.Sub(x, c.Out(1)), c.Out(2))
	scaled := c.Mul(dy, normalized)
	mean := c.MatMul(dy, column, graphs.NoTrans)
	projection := c.MatMul(scaled, column, graphs.NoTrans)
	dx := c.Mul(c.Sub(c.Sub(c.Mul(dy, w), mean), c.Mul(normalized, projection)), c.Out(2))
	c.fullPrecision(from)
	return []*graphs.Value{dx, scaled, dy}
}

// fullPrecision keeps the nodes from one on in float32.
func (c *Call) fullPrecision(from int) {
	for _, n := range c.Nodes[from:] {
		n.FullPrecision = true
	}
}

// layerNormalizationFrom normalises over all axes from one on.
func layerNormalizationFrom(c *Call) []*graphs.Value {
	axes := axesFrom(int(c.Axis(-1)), c.In(0).Rank())
	y := c.Mul(c.standardized(c.In(0), c.float("epsilon", 1e-5), axes), c.In(1))
	if c.In(2) != nil {
		y = c.Add(y, c.In(2))
	}
	return one(y)
}

// standardized is x with mean 0 and variance 1 along axes.
func (c *Call) standardized(x *graphs.Value, epsilon float64, axes []int64) *graphs.Value {
	centred := c.Sub(x, c.ReduceMean(x, true, axes...))
	variance := c.ReduceMean(c.Mul(centred, centred), true, axes...)
	return c.Div(centred, c.Sqrt(c.plus(epsilon, variance)))
}

// rmsNormalization: Y = X/√(mean(X²) + ε)·scale over all axes from one on.
func rmsNormalization(c *Call) []*graphs.Value {
	return one(c.Mul(c.rootMeanSquared(c.In(0), c.float("epsilon", 1e-5), axesFrom(int(c.Axis(-1)), c.In(0).Rank())), c.In(1)))
}

// rootMeanSquared is x with mean square 1 along axes.
func (c *Call) rootMeanSquared(x *graphs.Value, epsilon float64, axes []int64) *graphs.Value {
	square := c.ReduceMean(c.Mul(x, x), true, axes...)
	return c.Div(x, c.Sqrt(c.plus(epsilon, square)))
}

// instanceNormalization normalises each channel of each image.
func instanceNormalization(c *Call) []*graphs.Value {
	x := c.In(0)
	y := c.standardized(x, c.float("epsilon", 1e-5), axesFrom(2, x.Rank()))
	return one(c.Add(c.Mul(y, c.perChannel(c.In(1))), c.perChannel(c.In(2))))
}

// perChannel gives a vector of the channels of the node's input [N,C,D…] a shape
// in which it is repeated along the other axes.
func (c *Call) perChannel(v *graphs.Value) *graphs.Value {
	return c.Reshape(v, append([]int64{v.Len()}, slices.Repeat([]int64{1}, c.In(0).Rank()-2)...)...)
}

// groupNormalization normalises groups of channels. Until opset 21 scale and bias
// had an element a group, since then one a channel.
func groupNormalization(c *Call) []*graphs.Value {
	x, groups := c.In(0), c.Int("num_groups", 1)
	y := c.standardized(c.Reshape(x, x.Shape[0], groups, -1), c.float("epsilon", 1e-5), []int64{2})
	if c.node.Opset() >= 21 {
		return one(c.Add(c.Mul(c.Reshape(y, x.Shape...), c.perChannel(c.In(1))), c.perChannel(c.In(2))))
	}
	y = c.Add(c.Mul(y, c.Reshape(c.In(1), groups, 1)), c.Reshape(c.In(2), groups, 1))
	return one(c.Reshape(y, x.Shape...))
}

func meanVarianceNormalization(c *Call) []*graphs.Value {
	axes := c.node.Attributes.Ints("axes")
	if axes == nil {
		axes = []int64{0, 2, 3}
	}
	centred := c.Sub(c.In(0), c.ReduceMean(c.In(0), true, axes...))
	return one(c.Div(centred, c.Sqrt(c.ReduceMean(c.Mul(centred, centred), true, axes...))))
}

// lpNormalization: Y = X/(Σ|X|^p)^(1/p) along an axis.
func lpNormalization(c *Call) []*graphs.Value {
	x := c.In(0)
	if c.Int("p", 2) == 1 {
		return one(c.Div(x, c.ReduceSum(c.Abs(x), true, c.Axis(-1))))
	}
	return one(c.Div(x, c.Sqrt(c.ReduceSum(c.Mul(x, x), true, c.Axis(-1)))))
}

// lrn: Y = X/(bias + α/size·Σ X²)^β, summed over size neighbouring channels: a
// product with a band matrix.
func lrn(c *Call) []*graphs.Value {
	x, size := c.In(0), c.Int("size", 1)
	channels := x.Shape[1]
	band := make([]float32, channels*channels)
	for i := range channels {
		for j := max(0, i-(size-1)/2); j < min(channels, i+size/2+1); j++ {
			band[i*channels+j] = 1
		}
	}
	square := c.Reshape(c.Mul(x, x), x.Shape[0], channels, -1)
	sum := c.Reshape(c.MatMul(c.Floats(band, 1, channels, channels), square, graphs.NoTrans), x.Shape...)
	base := c.plus(c.float("bias", 1), c.Scale(sum, c.float("alpha", 1e-4)/float64(size)))
	return one(c.Mul(x, c.Pow(base, c.Scalar(-c.float("beta", 0.75)))))
}
