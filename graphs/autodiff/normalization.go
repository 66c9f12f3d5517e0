package autodiff

import (
	"fovea/graphs"
)

func init() {
	register(map[string]Rule{
		"Softmax": softmax, "LogSoftmax": logSoftmax, "LayerNormalization": layerNormalization,
	})
}

// softmax: dX = Y·(dY - Σ dY·Y) along the axis.
func softmax(c *Call) []*graphs.Value {
	y, dy := c.Out(0), c.Grad(0)
	sum := c.ReduceSum(c.Mul(dy, y), true, c.Axis(-1))
	return one(c.Mul(c.Sub(dy, sum), y))
}

// logSoftmax: dX = dY - exp(Y)·Σ dY along the axis.
func logSoftmax(c *Call) []*graphs.Value {
	y, dy := c.Out(0), c.Grad(0)
	return one(c.Sub(dy, c.Mul(c.Exp(y), c.ReduceSum(dy, true, c.Axis(-1)))))
}

// layerNormalization over the last axis: Y = X̂·w + b with X̂ = (X - mean)/std.
// With G = dY·w, dX = (G - mean(G) - X̂·mean(G·X̂))/std. The means are matrix
// products with w/n, so that G·X̂ is never written.
func layerNormalization(c *Call) []*graphs.Value {
	x, w, dy := c.In(0), c.In(1), c.Grad(0)
	last := int64(x.Rank() - 1)
	if c.Axis(-1) != last {
		return c.refuse("only the last axis is supported, not axis %d", c.Axis(-1))
	}
	if len(c.node.Outputs) < 3 {
		return c.refuse("mean and inverse standard deviation (outputs 1 and 2) are needed")
	}
	if c.Grad(1) != nil || c.Grad(2) != nil {
		return c.refuse("gradients of Mean and InvStdDev are not supported")
	}
	n := x.Shape[last]
	column := c.Scale(c.Reshape(w, n, 1), 1/float64(n))
	normalized := c.Mul(c.Sub(x, c.Out(1)), c.Out(2))
	scaled := c.Mul(dy, normalized)
	mean := c.MatMul(dy, column, graphs.NoTrans)
	projection := c.MatMul(scaled, column, graphs.NoTrans)
	dx := c.Sub(c.Sub(c.Mul(dy, w), mean), c.Mul(normalized, projection))
	return []*graphs.Value{c.Mul(dx, c.Out(2)), scaled, dy}
}
