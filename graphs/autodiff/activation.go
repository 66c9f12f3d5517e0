package autodiff

import "fovea/graphs"

// Activations with a kink at 0 or elsewhere. At the kink the derivative is that
// of one side, as in PyTorch.

func init() {
	register(map[string]Rule{
		"Relu": derivative(func(c *Call, _, y *graphs.Value) *graphs.Value { return c.Sign(y) }),
		"LeakyRelu": derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value {
			return c.between(c.float("alpha", 0.01), c.positive(x))
		}),
		"ThresholdedRelu": derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value {
			return c.positive(c.plus(-c.float("alpha", 1), x))
		}),
		"Elu": derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value {
			return c.exponential(x, c.float("alpha", 1), 1)
		}),
		"Celu": derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value {
			return c.exponential(x, 1, 1/c.float("alpha", 1))
		}),
		"Selu": derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value {
			return c.Scale(c.exponential(x, c.float("alpha", 1.6732632), 1), c.float("gamma", 1.0507010))
		}),
		"HardSigmoid": derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value {
			_, slope := c.hardSigmoid(x, c.float("alpha", 0.2), c.float("beta", 0.5))
			return slope
		}),
		"HardSwish": derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value {
			value, slope := c.hardSigmoid(x, 1./6, 0.5)
			return c.Add(value, c.Mul(x, slope))
		}),
		"Shrink": derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value {
			return c.positive(c.plus(-c.float("lambd", 0.5), c.Abs(x)))
		}),
		"Swish": defined(func(c *Call) []*graphs.Value {
			return one(c.Mul(c.In(0), c.Sigmoid(c.Scale(c.In(0), c.float("alpha", 1)))))
		}),
		"Mish":  derivative(mish),
		"PRelu": prelu,
	})
}

// positive is 1 where x is above 0, else 0. It needs no comparison, for which
// CUDA has no bfloat16 kernel.
func (c *Call) positive(x *graphs.Value) *graphs.Value { return c.Sign(c.Relu(x)) }

// between is 1 where part is 1, and low where it is 0.
func (c *Call) between(low float64, part *graphs.Value) *graphs.Value {
	return c.plus(low, c.Scale(part, 1-low))
}

// exponential is the derivative of x above 0 and height·(exp(rate·x) - 1)/rate
// below. The exponent is cut at 0, so that nothing overflows above.
func (c *Call) exponential(x *graphs.Value, height, rate float64) *graphs.Value {
	part := c.positive(x)
	below := c.Exp(c.Scale(c.Relu(c.Neg(x)), -rate))
	return c.Add(part, c.Mul(c.minus(1, part), c.Scale(below, height)))
}

// hardSigmoid is αx + β cut to [0,1], and its derivative.
func (c *Call) hardSigmoid(x *graphs.Value, alpha, beta float64) (value, slope *graphs.Value) {
	line := c.plus(beta, c.Scale(x, alpha))
	rest := c.Relu(c.minus(1, c.Relu(line))) // 1 - value
	return c.minus(1, rest), c.Scale(c.Mul(c.positive(line), c.Sign(rest)), alpha)
}

// mish' = t + x·(1 - t²)·σ(x) with t = tanh(softplus(x)).
func mish(c *Call, x, _ *graphs.Value) *graphs.Value {
	t := c.Tanh(c.Softplus(x))
	return c.Add(t, c.Mul(x, c.Mul(c.minus(1, c.Mul(t, t)), c.Sigmoid(x))))
}

// prelu: Y = x above 0, slope·x below.
func prelu(c *Call) []*graphs.Value {
	x, slope, dy := c.In(0), c.In(1), c.Grad(0)
	part := c.positive(x)
	dx := c.Mul(dy, c.Add(part, c.Mul(c.minus(1, part), slope)))
	return both(dx, c.Neg(c.Mul(dy, c.Relu(c.Neg(x)))))
}

// float is a float attribute of the node.
func (c *Call) float(name string, otherwise float64) float64 {
	return float64(c.node.Attributes.Float(name, float32(otherwise)))
}
