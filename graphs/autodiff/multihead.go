package autodiff

import (
	"cmp"
	"math"

	"fovea/graphs"
)

// multiHeadAttention is attention, as ONNX Runtime's own domain has it, of queries [N,L,heads·D] to keys and values,
// which may have the form [N,heads,L,D].
func multiHeadAttention(c *Call) []*value {
	q, k, v, bias := c.In(0), c.In(1), c.In(2), c.In(3)
	if q.Rank() != 3 || v == nil || bias != nil && k.Rank() != 3 {
		return c.refuse("packed queries, keys and values are not supported")
	}
	if bias != nil {
		parts := c.Split(bias, 0, q.Shape[2], k.Shape[2], v.Shape[2])
		q, k, v = c.Add(q, parts[0]), c.Add(k, parts[1]), c.Add(v, parts[2])
	}
	return c.attended(q, k, v, c.In(4), c.In(5), c.In(6), c.In(7))
}

// packedAttention makes queries, keys and values of its input by one product. The past and the present hold keys and
// values, one behind the other.
func packedAttention(c *Call) []*value {
	if c.Int("do_rotary", 0) != 0 || c.Int("past_present_share_buffer", 0) != 0 {
		return c.refuse("do_rotary and past_present_share_buffer are not supported")
	}
	all := c.addOptional(c.In(2), c.MatMul(c.In(0), c.In(1), graphs.NoTrans))
	sizes := c.node.Attributes.Ints("qkv_hidden_sizes")
	if third := all.Shape[2] / 3; sizes == nil {
		sizes = []int64{third, third, third}
	}
	parts := c.Split(all, 2, sizes...)
	out := c.attended(parts[0], parts[1], parts[2], c.In(3), c.In(5), c.at(c.In(4), 0), c.at(c.In(4), 1))
	if len(c.node.Outputs) > 1 && c.refusal == "" {
		out[1] = c.Concat(0, c.unsqueezed(out[1], 0), c.unsqueezed(out[2], 0))
	}
	return out
}

// attended returns softmax(scale·Q·Kᵀ + bias)·V, [N,L,heads·D], and all keys and values. mask hides keys, bias is
// added, and the past, if there is one, comes first.
func (c *Call) attended(q, k, v, mask, bias, pastKeys, pastValues *value) []*value {
	heads, past := c.Int("num_heads", 1), int64(0)
	q, k, v = c.splitHeads(q, heads), c.splitHeads(k, heads), c.splitHeads(v, heads)
	if pastKeys != nil {
		k, v, past = c.Concat(2, pastKeys, k), c.Concat(2, pastValues, v), pastKeys.Shape[2]
	}
	n, l, keys := q.Shape[0], q.Shape[2], k.Shape[2]
	if mask != nil {
		padding := c.paddingBias(c.Cast(mask, graphs.Int64), n, keys)
		if padding == nil {
			return c.refuse("a mask of shape %v is not supported", mask.Shape)
		}
		bias = c.addOptional(bias, padding)
	}
	if c.Int("unidirectional", 0) == 1 {
		bias = c.addOptional(bias, c.biasUnlessLess(c.keyPositions(l, keys, 0), c.Ints(past+1), far))
	}
	scale := cmp.Or(c.Float("scale", 0), 1/math.Sqrt(float64(q.Shape[3])))
	scores := c.addOptional(bias, c.ScaledMatMul(float32(scale), q, k, graphs.TransB))
	y := c.MatMul(c.Softmax(scores, -1), v, graphs.NoTrans)
	return []*value{c.joinHeads(y, n, l, -1), k, v}
}

// paddingBias returns what a mask of integers adds to scores. The mask is the number of keys of each image, or where
// they end and then where they start, or 0 for each hidden key. The result is nil if the mask is none of these.
func (c *Call) paddingBias(mask *value, n, keys int64) *value {
	filter := c.Float("mask_filter_value", -10000)
	at := c.keyPositions(1, keys, 0)
	limits := func(part int64) *value { return c.Reshape(c.Slice(mask, 0, part*n, (part+1)*n), n, 1, 1, 1) }
	switch {
	case mask.Rank() == 1 && mask.Len() == n:
		return c.biasUnlessLess(at, limits(0), filter)
	case mask.Rank() == 1 && mask.Len() == 2*n:
		started := c.biasUnlessLess(c.Sub(c.Ints(0), at), c.Sub(c.Ints(1), limits(1)), filter)
		return c.Add(c.biasUnlessLess(at, limits(0), filter), started)
	case mask.Rank() == 2 || mask.Rank() == 3:
		return c.Where(c.Equal(c.Reshape(mask, n, 1, -1, keys), c.Ints(0)), c.Scalar(filter), c.Scalar(0))
	}
	return nil
}

// rotaryEmbeddingFrom takes positions [N,L], or one from which all images count.
func rotaryEmbeddingFrom(c *Call) []*value {
	if c.Int("is_packed_batching", 0) != 0 || c.Float("scale", 1) != 1 {
		return c.refuse("scale and is_packed_batching are not supported")
	}
	heads, half := c.Int("num_heads", 0), c.In(2).Shape[1]
	if heads == 0 && c.In(0).Rank() == 3 {
		heads = c.In(0).Shape[2] / (2 * half)
	}
	x, at := c.splitHeads(c.In(0), heads), c.In(1)
	if at.Rank() == 1 {
		at = c.Add(c.keyPositions(1, x.Shape[2], 0), at)
	}
	angle := func(cache *value) *value {
		return c.Reshape(c.Apply("Gather", nil, cache, at), at.Shape[0], 1, x.Shape[2], half)
	}
	return []*value{c.rotated(x, angle(c.In(2)), angle(c.In(3)))}
}
