package autodiff

import (
	"slices"

	"fovea/graphs"
)

func negativeLogLikelihoodLoss(c *Call) []*value { return []*value{c.likelihoodLoss(c.In(0))} }

func softmaxCrossEntropyLoss(c *Call) []*value {
	logs := c.LogSoftmax(c.In(0), 1)
	return []*value{c.likelihoodLoss(logs), logs}
}

// likelihoodLoss returns minus the logarithm, along axis 1, that the node's second input chooses, times the weight of
// the class, reduced as the node says. The mean is a weighted one. A target that is no class counts nothing.
func (c *Call) likelihoodLoss(logs *value) *value {
	target := c.Cast(c.In(1), graphs.Int64)
	weight := c.classWeights(logs.Shape[1])
	column := append([]int64{target.Shape[0], 1}, target.Shape[1:]...)
	chosen := c.Equal(c.Reshape(target, column...), c.perChannel(c.Ints(span(0, int(weight.Len()))...)))
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

// classWeights returns the weight of each class, which is the node's third input or 1. The ignored class has weight 0.
func (c *Call) classWeights(classes int64) *value {
	counted := slices.Repeat([]float32{1}, int(classes))
	if ignored, ok := c.node.Attributes["ignore_index"].(int64); ok && 0 <= ignored && ignored < classes {
		counted[ignored] = 0
	}
	weight := c.Floats(counted, classes)
	if c.In(2) != nil {
		weight = c.Mul(weight, c.In(2))
	}
	return weight
}
