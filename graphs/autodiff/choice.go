package autodiff

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

// clip: y = min(max(x, low), high). Where a bound is reached, it takes the gradient; if low is above high, all of it is
// high's.
func clip(c *Call) []*value {
	x, low, high, dx := c.In(0), c.In(1), c.In(2), c.Grad(0)
	var dlow, dhigh *value
	if high != nil {
		raised := x
		if low != nil {
			raised = c.Apply("Max", nil, x, low)
		}
		dx = c.Mul(c.Grad(0), c.oneMinus(c.isPositive(c.Sub(raised, high))))
		dhigh = c.Sub(c.Grad(0), dx)
	}
	if low != nil {
		inside := c.oneMinus(c.isPositive(c.Sub(low, x)))
		dlow = c.Sub(dx, c.Mul(dx, inside))
		dx = c.Mul(dx, inside)
	}
	return []*value{dx, dlow, dhigh}
}
