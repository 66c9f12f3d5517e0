package autodiff

import "fovea/graphs"

// Functions of one number, y = f(x): dX = dY·f'(x), with f' in terms of x or y.

func init() {
	register(map[string]Rule{
		"Abs":        derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value { return c.Sign(x) }),
		"Reciprocal": derivative(func(c *Call, _, y *graphs.Value) *graphs.Value { return c.Neg(c.Mul(y, y)) }),
		"Sin":        derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value { return c.Cos(x) }),
		"Cos":        derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value { return c.Neg(c.Sin(x)) }),
		"Tan":        derivative(func(c *Call, _, y *graphs.Value) *graphs.Value { return c.plus(1, c.Mul(y, y)) }),
		"Asin":       derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value { return c.over(c.Sqrt(c.minus(1, c.Mul(x, x)))) }),
		"Acos": derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value {
			return c.Neg(c.over(c.Sqrt(c.minus(1, c.Mul(x, x)))))
		}),
		"Atan": derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value { return c.over(c.plus(1, c.Mul(x, x))) }),
		"Sinh": derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value {
			return c.Scale(c.Add(c.Exp(x), c.Exp(c.Neg(x))), 0.5)
		}),
		"Cosh": derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value {
			return c.Scale(c.Sub(c.Exp(x), c.Exp(c.Neg(x))), 0.5)
		}),
		"Asinh":   derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value { return c.over(c.Sqrt(c.plus(1, c.Mul(x, x)))) }),
		"Acosh":   derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value { return c.over(c.Sqrt(c.plus(-1, c.Mul(x, x)))) }),
		"Atanh":   derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value { return c.over(c.minus(1, c.Mul(x, x))) }),
		"Sigmoid": derivative(func(c *Call, _, y *graphs.Value) *graphs.Value { return c.Mul(y, c.minus(1, y)) }),
		"Softplus": derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value {
			return c.Sigmoid(x)
		}),
		"Softsign": derivative(func(c *Call, x, _ *graphs.Value) *graphs.Value {
			d := c.plus(1, c.Abs(x))
			return c.over(c.Mul(d, d))
		}),
		// Flat but for the steps.
		"Sign": flat, "Floor": flat, "Ceil": flat, "Round": flat, "Hardmax": flat,
	})
}

// derivative makes the rule of a function from its derivative.
func derivative(of func(c *Call, x, y *graphs.Value) *graphs.Value) Rule {
	return func(c *Call) []*graphs.Value { return one(c.Mul(c.Grad(0), of(c, c.In(0), c.Out(0)))) }
}

func flat(*Call) []*graphs.Value { return one(nil) }

func (c *Call) plus(a float64, x *graphs.Value) *graphs.Value  { return c.Add(x, c.Scalar(a)) }
func (c *Call) minus(a float64, x *graphs.Value) *graphs.Value { return c.Sub(c.Scalar(a), x) }

// over is 1/x. Reciprocal has no bfloat16 kernel on CUDA, Div has.
func (c *Call) over(x *graphs.Value) *graphs.Value { return c.Div(c.Scalar(1), x) }
