package autodiff

import "fovea/graphs"

func init() {
	register(map[string]Rule{
		"NegativeLogLikelihoodLoss": defined(func(c *Call) []*graphs.Value { return one(c.likelihoodLoss(c.In(0))) }),
		"SoftmaxCrossEntropyLoss": defined(func(c *Call) []*graphs.Value {
			logs := c.LogSoftmax(c.In(0), 1)
			return both(c.likelihoodLoss(logs), logs)
		}),
	})
}

// likelihoodLoss is minus the logarithm, along axis 1, that the node's second
// input chooses, times the weight of the class; the mean is a weighted one. The
// ignored class has weight 0, and so have numbers that are no class.
func (c *Call) likelihoodLoss(logs *graphs.Value) *graphs.Value {
	target := c.Cast(c.In(1), graphs.Int64)
	classes := make([]int64, logs.Shape[1])
	counted := make([]float32, len(classes))
	ignored, ignore := c.node.Attributes["ignore_index"].(int64)
	for i := range classes {
		if classes[i] = int64(i); !ignore || ignored != int64(i) {
			counted[i] = 1
		}
	}
	weight := c.Floats(counted, int64(len(counted)))
	if c.In(2) != nil {
		weight = c.Mul(weight, c.In(2))
	}
	column := append([]int64{target.Shape[0], 1}, target.Shape[1:]...)
	chosen := c.Equal(c.Reshape(target, column...), c.perChannel(c.Ints(classes...)))
	weights := c.Where(chosen, c.perChannel(weight), c.Scalar(0))
	loss := c.Neg(c.ReduceSum(c.Mul(weights, c.Where(chosen, logs, c.Scalar(0))), false, 1))
	switch c.node.Attributes["reduction"] {
	case "none":
		return loss
	case "sum":
		return c.ReduceSum(loss, false)
	}
	return c.Div(c.ReduceSum(loss, false), c.ReduceSum(weights, false))
}
