package autodiff

import "fovea/graphs"

// Operators on any number of values, and those that choose between values.

func init() {
	register(map[string]Rule{
		"Sum":  func(c *Call) []*graphs.Value { return c.each(c.Grad(0)) },
		"Mean": func(c *Call) []*graphs.Value { return c.each(c.Scale(c.Grad(0), 1/float64(len(c.node.Inputs)))) },
		"Max":  chosen, "Min": chosen,
		"Where": where,
		"Clip":  clip,
		"Mod":   mod,
	})
}

// each gives every input the same gradient.
func (c *Call) each(gradient *graphs.Value) []*graphs.Value {
	out := make([]*graphs.Value, len(c.node.Inputs))
	for i := range out {
		out[i] = gradient
	}
	return out
}

// chosen: inputs that are equally the largest (smallest) share the gradient, as
// in PyTorch's maximum.
func chosen(c *Call) []*graphs.Value {
	if len(c.node.Inputs) == 1 {
		return one(c.Grad(0))
	}
	var masks []*graphs.Value
	for _, x := range c.node.Inputs {
		masks = append(masks, c.Cast(c.Equal(x, c.Out(0)), x.Type))
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

// mod: Y = a - b·trunc(a/b), the remainder of C's fmod.
func mod(c *Call) []*graphs.Value {
	if c.Int("fmod", 0) != 1 {
		return c.refuse("only fmod 1 has a gradient")
	}
	ratio := c.Div(c.In(0), c.In(1))
	whole := c.Mul(c.Sign(ratio), c.Apply("Floor", nil, c.Abs(ratio)))
	return both(c.Grad(0), c.Neg(c.Mul(c.Grad(0), whole)))
}

// where: the condition has no gradient.
func where(c *Call) []*graphs.Value {
	zero := c.Scalar(0)
	return []*graphs.Value{nil, c.Where(c.In(0), c.Grad(0), zero), c.Where(c.In(0), zero, c.Grad(0))}
}

// clip: Y = min(max(x, low), high). Where a bound is reached, it takes the
// gradient; if low is above high, all of it is high's.
func clip(c *Call) []*graphs.Value {
	x, low, high, dy := c.In(0), c.In(1), c.In(2), c.Grad(0)
	dx := dy
	out := make([]*graphs.Value, len(c.node.Inputs))
	if high != nil {
		below := x
		if low != nil {
			below = c.Apply("Max", nil, x, low)
		}
		inside := c.minus(1, c.positive(c.Sub(below, high)))
		dx = c.Mul(dy, inside)
		out[2] = c.Sub(dy, dx)
	}
	if low != nil {
		inside := c.minus(1, c.positive(c.Sub(low, x)))
		out[1] = c.Sub(dx, c.Mul(dx, inside))
		dx = c.Mul(dx, inside)
	}
	out[0] = dx
	return out
}
