package autodiff

import (
	"slices"

	"fovea/graphs"
)

// overAxes makes the rule of a reduction from its gradient dx. kept is the shape of the node's input with size 1 on the
// axes that the node reduces.
func overAxes(dx func(c *Call, kept, axes []int64) *value) Rule {
	return func(c *Call) []*value {
		reduced, err := graphs.ReducedAxes(c.node)
		if err != nil {
			return c.refuse("%v", err)
		}
		kept, axes := slices.Clone(c.In(0).Shape), []int64{}
		for _, a := range reduced {
			kept[a] = 1
			axes = append(axes, int64(a))
		}
		return []*value{dx(c, kept, axes)}
	}
}

// reduction makes the rule of a reduction y of x from dx. y and dy have every axis of x, those reduced with size 1, and
// so may dx: it is repeated along them.
func reduction(dx func(c *Call, x, y, dy *value) *value) Rule {
	return overAxes(func(c *Call, kept, _ []int64) *value {
		x, y, dy := c.In(0), c.Reshape(c.Out(0), kept...), c.Reshape(c.Grad(0), kept...)
		return c.Expand(dx(c, x, y, dy), nil, x.Shape...)
	})
}

// reduceExtreme gives the gradient to the largest (smallest) element.
func reduceExtreme(c *Call, kept, axes []int64) *value {
	return c.shareAmongEqual(c.Reshape(c.Out(0), kept...), c.Reshape(c.Grad(0), kept...), axes)
}

// shareAmongEqual gives dy, the gradient of an extreme y of the node's input over axes, to the elements that equal y.
// Several share it, as in PyTorch's amax.
func (c *Call) shareAmongEqual(y, dy *value, axes []int64) *value {
	chosen := c.equal(c.In(0), y)
	return c.Mul(chosen, c.Div(dy, c.ReduceSum(chosen, true, axes...)))
}

// reduceProd multiplies each gradient with the product of the other elements. That product is 0 if one of them is: an
// element has a gradient only where none is 0, or it alone.
func reduceProd(c *Call, kept, axes []int64) *value {
	x := c.In(0)
	isZero := c.equal(x, c.Scalar(0))
	othersNotZero := c.Equal(c.ReduceSum(isZero, true, axes...), isZero)
	nonzero := c.Add(x, isZero)
	product := c.applyShaped(kept, "ReduceProd", graphs.Attributes{"keepdims": int64(1)}, nonzero, c.Ints(axes...))
	dy := c.Reshape(c.Grad(0), kept...)
	return c.Mul(dy, c.Mul(c.Div(product, nonzero), c.Cast(othersNotZero, x.Type)))
}

// zerosToOnes returns x, which is at least 0, with 1 in the place of 0.
func (c *Call) zerosToOnes(x *value) *value { return c.Add(x, c.oneMinus(c.Sign(x))) }

// root returns √x for x that is at least 0. Its gradient at 0 is 0, as that of a norm in PyTorch.
func (c *Call) root(x *value) *value { return c.Mul(c.Sqrt(c.zerosToOnes(x)), c.Sign(x)) }
