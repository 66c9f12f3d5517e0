package autodiff

import "fovea/graphs"

func init() {
	register(map[string]Rule{
		"ReduceSum": reduction(func(_ *Call, _, _, dy *graphs.Value) *graphs.Value { return dy }),
		"ReduceMean": reduction(func(c *Call, x, y, dy *graphs.Value) *graphs.Value {
			return c.Scale(dy, float64(y.Len())/float64(x.Len()))
		}),
		"ReduceSumSquare": reduction(func(c *Call, x, _, dy *graphs.Value) *graphs.Value { return c.Mul(c.Scale(dy, 2), x) }),
		"ReduceL1":        reduction(func(c *Call, x, _, dy *graphs.Value) *graphs.Value { return c.Mul(dy, c.Sign(x)) }),
		"ReduceL2": reduction(func(c *Call, x, y, dy *graphs.Value) *graphs.Value {
			return c.Mul(c.Div(dy, c.notZero(y)), x)
		}),
		"ReduceLogSum": reduction(func(c *Call, _, y, dy *graphs.Value) *graphs.Value { return c.Mul(dy, c.Exp(c.Neg(y))) }),
		"ReduceLogSumExp": reduction(func(c *Call, x, y, dy *graphs.Value) *graphs.Value {
			return c.Mul(dy, c.Exp(c.Sub(x, y)))
		}),
		"ReduceMax": extreme, "ReduceMin": extreme,
		"ReduceProd": reduceProd,
	})
}

// reduction makes the rule of a reduction y of x from what the gradient of y is
// multiplied with. y and dy have every axis of x, those reduced of size 1; the
// result may be of that shape.
func reduction(of func(c *Call, x, y, dy *graphs.Value) *graphs.Value) Rule {
	return func(c *Call) []*graphs.Value {
		kept, _, ok := c.reduced()
		if !ok {
			return nil
		}
		x := c.In(0)
		return one(c.Expand(of(c, x, c.Reshape(c.Out(0), kept...), c.Reshape(c.Grad(0), kept...)), nil, x.Shape...))
	}
}

func extreme(c *Call) []*graphs.Value {
	kept, axes, ok := c.reduced()
	if !ok {
		return nil
	}
	return one(c.shareAmong(c.Reshape(c.Out(0), kept...), c.Reshape(c.Grad(0), kept...), axes))
}

// shareAmong gives dy, the gradient of an extreme y of the node's input over axes,
// to the elements that equal y. Several share it, as in PyTorch's amax.
func (c *Call) shareAmong(y, dy *graphs.Value, axes []int64) *graphs.Value {
	chosen := c.Cast(c.Equal(c.In(0), y), c.In(0).Type)
	return c.Mul(chosen, c.Div(dy, c.ReduceSum(chosen, true, axes...)))
}

// reduceProd: each gradient is multiplied with the product of the other elements,
// which is 0 if one of them is: the element is the only one that may be 0.
func reduceProd(c *Call) []*graphs.Value {
	kept, axes, ok := c.reduced()
	if !ok {
		return nil
	}
	x := c.In(0)
	zero := c.Cast(c.Equal(x, c.Scalar(0)), x.Type)
	others := c.Equal(c.ReduceSum(zero, true, axes...), zero) // none of them is 0
	nonzero := c.Add(x, zero)
	product := c.shaped(kept, "ReduceProd", graphs.Attributes{"keepdims": int64(1)}, nonzero, c.Ints(axes...))
	return one(c.Mul(c.Reshape(c.Grad(0), kept...), c.Mul(c.Div(product, nonzero), c.Cast(others, x.Type))))
}

// reduced tells the shape of the node's input with size 1 on the axes that the
// node reduces, and these axes. It refuses what it cannot tell.
func (c *Call) reduced() (kept, axes []int64, ok bool) {
	reduced, err := graphs.ReducedAxes(c.node)
	if err != nil {
		c.refuse("%v", err)
		return nil, nil, false
	}
	kept = append(kept, c.In(0).Shape...)
	for _, a := range reduced {
		kept[a] = 1
		axes = append(axes, int64(a))
	}
	return kept, axes, true
}

// notZero is x, which is at least 0, with 1 in place of 0.
func (c *Call) notZero(x *graphs.Value) *graphs.Value { return c.Add(x, c.minus(1, c.Sign(x))) }
