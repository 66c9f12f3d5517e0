package autodiff

import (
	"math"

	"fovea/graphs"
)

func init() {
	register(map[string]Rule{
		"Identity": func(c *Call) []*graphs.Value { return one(c.Grad(0)) },
		"Cast":     func(c *Call) []*graphs.Value { return one(c.Cast(c.Grad(0), c.In(0).Type)) },
		"CastLike": func(c *Call) []*graphs.Value { return one(c.Cast(c.Grad(0), c.In(0).Type)) },
		"Neg":      func(c *Call) []*graphs.Value { return one(c.Neg(c.Grad(0))) },
		"Exp":      func(c *Call) []*graphs.Value { return one(c.Mul(c.Grad(0), c.Out(0))) },
		"Log":      func(c *Call) []*graphs.Value { return one(c.Div(c.Grad(0), c.In(0))) },
		"Sqrt":     func(c *Call) []*graphs.Value { return one(c.Div(c.Scale(c.Grad(0), 0.5), c.Out(0))) },
		"Tanh":     tanh,
		"Erf":      erf,
		"Gelu":     gelu,
		"Add":      func(c *Call) []*graphs.Value { return both(c.Grad(0), c.Grad(0)) },
		"Sub":      func(c *Call) []*graphs.Value { return both(c.Grad(0), c.Neg(c.Grad(0))) },
		"Mul": func(c *Call) []*graphs.Value {
			return both(c.Mul(c.Grad(0), c.In(1)), c.Mul(c.Grad(0), c.In(0)))
		},
		"Div": func(c *Call) []*graphs.Value {
			d := c.Div(c.Grad(0), c.In(1))
			return both(d, c.Neg(c.Mul(d, c.Out(0))))
		},
		"Pow": pow,
	})
}

func one(x *graphs.Value) []*graphs.Value     { return []*graphs.Value{x} }
func both(a, b *graphs.Value) []*graphs.Value { return []*graphs.Value{a, b} }

// pow: of the base b·a^(b-1), of the exponent a^b·log(a).
func pow(c *Call) []*graphs.Value {
	a, b, dy := c.In(0), c.In(1), c.Grad(0)
	if b.Type != a.Type {
		b = c.Cast(b, a.Type)
		return one(c.Mul(dy, c.Mul(b, c.Pow(a, c.plus(-1, b)))))
	}
	slope := c.Mul(b, c.Pow(a, c.Sub(b, c.Scalar(1))))
	return both(c.Mul(dy, slope), c.Mul(dy, c.Mul(c.Out(0), c.Log(a))))
}

// tanh' = 1 - tanh²
func tanh(c *Call) []*graphs.Value {
	y := c.Out(0)
	return one(c.Mul(c.Grad(0), c.Sub(c.Scalar(1), c.Mul(y, y))))
}

// erf'(x) = 2/√π·exp(-x²)
func erf(c *Call) []*graphs.Value {
	x := c.In(0)
	density := c.Scale(c.Exp(c.Neg(c.Mul(x, x))), 2/math.Sqrt(math.Pi))
	return one(c.Mul(c.Grad(0), density))
}

// tanhGelu is ½x·(1 + tanh(√(2/π)·(x + 0.044715x³))).
func (c *Call) tanhGelu(x *graphs.Value) *graphs.Value {
	inner := c.Mul(x, c.plus(1, c.Scale(c.Mul(x, x), 0.044715)))
	return c.Mul(c.Scale(x, 0.5), c.plus(1, c.Tanh(c.Scale(inner, math.Sqrt(2/math.Pi)))))
}

// gelu'(x) = Φ(x) + x·φ(x) = ½·erf(s) + ½ + s/exp(s²)/√π with s = x/√2. Where
// exp(s²) overflows the quotient is 0, its limit.
func gelu(c *Call) []*graphs.Value {
	if c.node.Attributes["approximate"] == "tanh" {
		return defined(func(c *Call) []*graphs.Value { return one(c.tanhGelu(c.In(0))) })(c)
	}
	s := c.Scale(c.In(0), 1/math.Sqrt2)
	density := c.Scale(c.Div(s, c.Exp(c.Mul(s, s))), 1/math.Sqrt(math.Pi))
	distribution := c.Add(c.Scale(c.Erf(s), 0.5), c.Scalar(0.5))
	return one(c.Mul(c.Grad(0), c.Add(distribution, density)))
}
