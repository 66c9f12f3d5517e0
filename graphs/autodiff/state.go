package autodiff

import (
	"cmp"
	"math"

	"fovea/graphs"
)

// Layers that hand a state from call to call, whose heads or channels do not mix.

// causalConvWithState convolves each channel of x [N,C,L] with its own kernel [C,1,K], after the K-1 elements of the
// past, or zeros.
func causalConvWithState(c *Call) []*value {
	x, w := c.In(0), c.In(1)
	channels, before := x.Shape[1], w.Shape[2]-1
	joined := x
	if past := c.In(3); past != nil && before > 0 {
		joined = c.Concat(2, past, x)
	} else if before > 0 {
		joined = c.Pad(x, 2, before, 0)
	}
	y := c.Apply("Conv", graphs.Attributes{"group": channels}, joined, w)
	if c.In(2) != nil {
		y = c.Add(y, c.perChannel(c.In(2)))
	}
	if activation := c.node.Attributes["activation"]; activation == "silu" || activation == "swish" {
		y = c.Mul(y, c.Sigmoid(y))
	}
	if before == 0 {
		return []*value{y}
	}
	length := joined.Shape[2]
	return []*value{y, c.Slice(joined, 2, length-before, length)}
}

// linearAttention keeps, for each head, the sum S [D,V] of the products of keys and values so far, which each query
// multiplies. The sum decays, or gets only what it lacks of a value, by the rule that the node names.
func linearAttention(c *Call) []*value {
	q, k, v := c.In(0), c.In(1), c.In(2)
	heads, queryHeads := c.Int("kv_num_heads", 1), c.Int("q_num_heads", 1)
	n, length, d, width := q.Shape[0], q.Shape[1], q.Shape[2]/queryHeads, v.Shape[2]/heads
	scale := cmp.Or(c.Float("scale", 0), 1/math.Sqrt(float64(d)))
	rule, _ := c.node.Attributes["update_rule"].(string)
	rule = cmp.Or(rule, "gated_delta")
	// at returns step t of a packed input, [N,heads…].
	at := func(x *value, t int64, shape ...int64) *value {
		return c.Reshape(c.Slice(x, 1, t, t+1), append([]int64{n}, shape...)...)
	}
	state := c.In(3)
	if state == nil {
		state = c.zeros([]int64{n, heads, d, width})
	}
	var results []*value
	for t := range length {
		if rule == "gated" || rule == "gated_delta" {
			decay := c.In(4)
			state = c.Mul(state, c.Exp(at(decay, t, heads, decay.Shape[2]/heads, 1)))
		}
		key, value := at(k, t, heads, d, 1), at(v, t, heads, 1, width)
		if rule == "delta" || rule == "gated_delta" {
			rate := c.In(5)
			value = c.Sub(value, c.MatMul(at(k, t, heads, 1, d), state, graphs.NoTrans))
			value = c.Mul(value, at(rate, t, rate.Shape[2], 1, 1))
		}
		state = c.Add(state, c.Mul(key, value))
		y := c.MatMul(at(q, t, heads, queryHeads/heads, d), state, graphs.NoTrans)
		results = append(results, c.Reshape(y, n, 1, queryHeads*width))
	}
	return []*value{c.Scale(c.Concat(1, results...), scale), state}
}
