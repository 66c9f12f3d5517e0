package autodiff

import "fovea/graphs"

func init() { register(map[string]Rule{"DequantizeLinear": dequantizeLinear}) }

// dequantizeLinear: Y = (X - zero)·scale with integers X, so each scale gets Σ dY·(X -
// zero) over the elements that it scales: all, one index of an axis, or a block there.
func dequantizeLinear(c *Call) []*graphs.Value {
	x, scale, dy := c.In(0), c.In(1), c.Grad(0)
	inputs := []*graphs.Value{x, c.Expand(c.Scalar(1), nil, scale.Shape...)}
	whole := c.Append(&graphs.Node{Op: "DequantizeLinear", Attributes: c.node.Attributes, Inputs: append(inputs, c.node.Inputs[2:]...)},
		&graphs.Value{Type: dy.Type, Shape: dy.Shape})[0]
	rate := c.Mul(dy, whole)
	axis, block := int(c.Axis(1)), c.Int("block_size", 0)
	switch {
	case scale.Len() == 1:
		return []*graphs.Value{nil, c.Reshape(c.ReduceSum(rate, false), scale.Shape...)}
	case block == 0:
		return []*graphs.Value{nil, c.ReduceSum(rate, false, append(axesFrom(0, axis), axesFrom(axis+1, x.Rank())...)...)}
	}
	blocks := scale.Shape[axis]
	if missing := blocks*block - x.Shape[axis]; missing > 0 {
		rate = c.Pad(rate, int64(axis), 0, missing)
	}
	shape := append(append([]int64{}, x.Shape[:axis]...), append([]int64{blocks, block}, x.Shape[axis+1:]...)...)
	return []*graphs.Value{nil, c.Reshape(c.ReduceSum(c.Reshape(rate, shape...), false, int64(axis+1)), scale.Shape...)}
}
