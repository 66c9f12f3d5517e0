package autodiff

import (
	"math"
	"slices"

	"fovea/graphs"
)

// unary makes the rule of an operator whose first input alone has a gradient: dx, in terms of x, the result y and dy.
func unary(dx func(c *Call, x, y, dy *value) *value) Rule {
	return func(c *Call) []*value { return []*value{dx(c, c.In(0), c.Out(0), c.Grad(0))} }
}

// binary makes the rule of an operator of two inputs a and b.
func binary(gradients func(c *Call, a, b, y, dy *value) (da, db *value)) Rule {
	return func(c *Call) []*value {
		da, db := gradients(c, c.In(0), c.In(1), c.Out(0), c.Grad(0))
		return []*value{da, db}
	}
}

// derivative makes the rule dx = dy·f'(x) of a function y = f(x) of one number from f', in terms of x or y.
func derivative(f func(c *Call, x, y *value) *value) Rule {
	return unary(func(c *Call, x, y, dy *value) *value { return c.Mul(dy, f(c, x, y)) })
}

// noGradient is the rule of functions that are flat but for their steps.
func noGradient(*Call) []*value { return nil }

func (c *Call) square(x *value) *value                  { return c.Mul(x, x) }
func (c *Call) shift(x *value, by float64) *value       { return c.Add(x, c.Scalar(by)) }
func (c *Call) onePlus(x *value) *value                 { return c.shift(x, 1) }
func (c *Call) oneMinus(x *value) *value                { return c.Sub(c.Scalar(1), x) }
func (c *Call) power(x *value, exponent float64) *value { return c.Pow(x, c.Scalar(exponent)) }

// reciprocal returns 1/x. ONNX's Reciprocal has no bfloat16 kernel on CUDA, Div has.
func (c *Call) reciprocal(x *value) *value { return c.Div(c.Scalar(1), x) }

// halfExp returns exp(x)/2. It overflows only where that does.
func (c *Call) halfExp(x *value) *value { return c.Exp(c.shift(x, -math.Ln2)) }

func (c *Call) inverseSqrt(x *value) *value { return c.reciprocal(c.Sqrt(x)) }

// isPositive returns 1 where x is above 0, else 0. It needs no comparison, for which CUDA has no bfloat16 kernel.
func (c *Call) isPositive(x *value) *value { return c.Sign(c.Relu(x)) }

// equal returns 1 where a and b are equal, else 0, in the type of a.
func (c *Call) equal(a, b *value) *value { return c.Cast(c.Equal(a, b), a.Type) }

// exponential returns the derivative of x above 0 and of height·(exp(rate·x) - 1)/rate below. The exponent is cut at 0,
// so that nothing overflows above.
func (c *Call) exponential(x *value, height, rate float64) *value {
	above := c.isPositive(x)
	below := c.Exp(c.Scale(c.Relu(c.Neg(x)), -rate))
	return c.Add(above, c.Mul(c.oneMinus(above), c.Scale(below, height)))
}

// hardSigmoid returns αx + β cut to [0,1], and its derivative.
func (c *Call) hardSigmoid(x *value, alpha, beta float64) (y, slope *value) {
	line := c.shift(c.Scale(x, alpha), beta)
	rest := c.Relu(c.oneMinus(c.Relu(line))) // 1 - y
	return c.oneMinus(rest), c.Scale(c.Mul(c.isPositive(line), c.Sign(rest)), alpha)
}

// hardSwish: y = x·h with h = hardSigmoid(x), so y' = h + x·h'. Where h' is not 0, x is 6h - 3, which is finite.
func hardSwish(c *Call, x, _ *value) *value {
	h, slope := c.hardSigmoid(x, 1./6, 0.5)
	return c.Add(h, c.Mul(c.shift(c.Scale(h, 6), -3), slope))
}

// mish: y = x·t with t = tanh(softplus(x)), so y' = t + x·(1 - t²)·σ(x).
func mish(c *Call, x, _ *value) *value {
	t := c.Tanh(c.Softplus(x))
	return c.Add(t, c.Mul(x, c.Mul(c.oneMinus(c.square(t)), c.Sigmoid(x))))
}

// prelu: y = x above 0 and slope·x below.
func prelu(c *Call, x, slope, _, dy *value) (dx, dslope *value) {
	above := c.isPositive(x)
	dx = c.Mul(dy, c.Add(above, c.Mul(c.oneMinus(above), slope)))
	return dx, c.Neg(c.Mul(dy, c.Relu(c.Neg(x))))
}

// gelu: y = x·Φ(x), so y' = Φ(x) + x·φ(x) = ½·erf(s) + ½ + s/exp(s²)/√π with s = x/√2. Where exp(s²) overflows the
// quotient is 0, its limit.
func gelu(c *Call) []*value {
	if c.node.Attributes["approximate"] == "tanh" {
		return byDefinition(func(c *Call) []*value { return []*value{c.tanhGelu(c.In(0))} })(c)
	}
	s := c.Scale(c.In(0), 1/math.Sqrt2)
	density := c.Scale(c.Div(s, c.Exp(c.square(s))), 1/math.Sqrt(math.Pi))
	distribution := c.shift(c.Scale(c.Erf(s), 0.5), 0.5)
	return []*value{c.Mul(c.Grad(0), c.Add(distribution, density))}
}

// tanhGelu returns ½x·(1 + tanh(√(2/π)·(x + 0.044715x³))).
func (c *Call) tanhGelu(x *value) *value {
	inner := c.Mul(x, c.onePlus(c.Scale(c.square(x), 0.044715)))
	return c.Mul(c.Scale(x, 0.5), c.onePlus(c.Tanh(c.Scale(inner, math.Sqrt(2/math.Pi)))))
}

// pow: y = a^b, so da = dy·b·a^(b-1) and db = dy·y·log(a). An exponent of another type has no gradient. As in PyTorch,
// da is 0 where b is 0, and db is 0 where a is 0 and b is not negative.
func pow(c *Call, a, b, y, dy *value) (da, db *value) {
	exponent := c.Cast(b, a.Type)
	slope := c.Mul(exponent, c.Pow(a, c.shift(exponent, -1)))
	if mayHaveZero(b) {
		slope = c.Where(c.Equal(exponent, c.Scalar(0)), c.Scalar(0), slope)
	}
	da = c.Mul(dy, slope)
	if b.Type != a.Type {
		return da, nil
	}
	log := c.Where(c.Equal(a, c.Scalar(0)), c.Neg(c.Relu(c.Neg(b))), c.Log(a)) // y is infinite for a negative b
	return da, c.Mul(dy, c.Mul(y, log))
}

// mayHaveZero reports whether a value has a zero, or is not known yet.
func mayHaveZero(v *value) bool {
	if list, ok := v.FloatValues(); ok {
		return slices.Contains(list, 0)
	}
	list, ok := v.IntValues()
	return !ok || slices.Contains(list, 0)
}

// mod: y = a - b·trunc(a/b), the remainder of C's fmod, or with floor the remainder of Python.
func mod(c *Call) []*value {
	ratio := c.Div(c.In(0), c.In(1))
	whole := c.Apply("Floor", nil, ratio)
	if c.Int("fmod", 0) == 1 {
		whole = c.Mul(c.Sign(ratio), c.Apply("Floor", nil, c.Abs(ratio)))
	}
	dy, zero := c.Grad(0), c.Scalar(0)
	return []*value{dy, c.Neg(c.Where(c.Equal(dy, zero), zero, c.Mul(dy, whole)))} // the quotient by 0 is infinite
}

// dequantizeLinear: y = (x - zero)·scale with integers x. So each scale gets Σ dy·(x - zero) over the elements that it
// scales: all, those at one index of an axis, or a block there.
func dequantizeLinear(c *Call) []*value {
	x, scale, dy := c.In(0), c.In(1), c.Grad(0)
	inputs := slices.Concat([]*value{x, c.Expand(c.Scalar(1), nil, scale.Shape...)}, c.node.Inputs[2:])
	unscaled := c.Append(&graphs.Node{Op: "DequantizeLinear", Attributes: c.node.Attributes, Inputs: inputs},
		&value{Type: dy.Type, Shape: dy.Shape})[0]
	product := c.Mul(dy, unscaled)
	axis, block := int(c.Axis(1)), c.Int("block_size", 0)
	switch {
	case scale.Len() == 1:
		return []*value{nil, c.Reshape(c.ReduceSum(product, false), scale.Shape...)}
	case block == 0:
		return []*value{nil, c.ReduceSum(product, false, slices.Concat(span(0, axis), span(axis+1, x.Rank()))...)}
	}
	return []*value{nil, c.sumBlocks(product, scale, axis, block)}
}

// sumBlocks sums blocks of x along an axis to the shape of scale. The last block may be shorter.
func (c *Call) sumBlocks(x, scale *value, axis int, block int64) *value {
	shape := slices.Clone(x.Shape)
	if missing := scale.Shape[axis]*block - shape[axis]; missing > 0 {
		x = c.Pad(x, int64(axis), 0, missing)
	}
	shape = slices.Replace(shape, axis, axis+1, scale.Shape[axis], block)
	return c.Reshape(c.ReduceSum(c.Reshape(x, shape...), false, int64(axis+1)), scale.Shape...)
}

// extreme: inputs that are equally the largest (smallest) share the gradient, as in PyTorch's maximum.
func extreme(c *Call) []*value {
	if len(c.node.Inputs) == 1 {
		return []*value{c.Grad(0)}
	}
	var masks []*value
	for _, x := range c.node.Inputs {
		masks = append(masks, c.equal(x, c.Out(0)))
	}
	count := masks[0]
	for _, m := range masks[1:] {
		count = c.Add(count, m)
	}
	share := c.Div(c.Grad(0), count)
	for i, m := range masks {
		masks[i] = c.Mul(m, share)
	}
	return masks
}

// where: the condition has no gradient.
func where(c *Call) []*value {
	condition, dy, zero := c.In(0), c.Grad(0), c.Scalar(0)
	return []*value{nil, c.Where(condition, dy, zero), c.Where(condition, zero, dy)}
}

// clip: y = min(max(x, low), high). Where a bound is reached, it takes the gradient, as in PyTorch; if low is above
// high, all of it is high's.
func clip(c *Call) []*value {
	x, low, high, dx := c.In(0), c.In(1), c.In(2), c.Grad(0)
	var dlow, dhigh *value
	if high != nil {
		raised := x
		if low != nil {
			raised = c.Apply("Max", nil, x, low)
		}
		dx = c.Mul(c.Grad(0), c.isPositive(c.Sub(high, raised)))
		dhigh = c.Sub(c.Grad(0), dx)
	}
	if low != nil {
		inside := c.isPositive(c.Sub(x, low))
		dlow = c.Sub(dx, c.Mul(dx, inside))
		dx = c.Mul(dx, inside)
	}
	return []*value{dx, dlow, dhigh}
}
