package autodiff

import (
	"cmp"
	"math"
	"slices"

	"fovea/graphs"
)

// far stands for minus infinity, with which products would give NaN.
const far = -1e30

// attention: Y = softmax(cap(scale·Q·Kᵀ) + mask)·V, head by head. Keys and values of the past come first.
func attention(c *Call) []*value {
	q := c.splitHeads(c.In(0), c.Int("q_num_heads", 0))
	k, v := c.splitHeads(c.In(1), c.Int("kv_num_heads", 0)), c.splitHeads(c.In(2), c.Int("kv_num_heads", 0))
	if c.In(4) != nil {
		k, v = c.Concat(2, c.In(4), k), c.Concat(2, c.In(5), v)
	}
	repeatedK, repeatedV := c.repeatHeads(k, q.Shape[1]), c.repeatHeads(v, q.Shape[1])
	stages := c.attentionStages(q, repeatedK)
	y := c.MatMul(stages[3], repeatedV, graphs.NoTrans)
	if c.Out(0).Rank() == 3 {
		y = c.joinHeads(y, c.Out(0).Shape...)
	}
	return []*value{y, k, v, stages[c.Int("qk_matmul_output_mode", 0)]}
}

// attentionStages returns the scores of the keys, these capped, these with the mask added, and their softmax. A query
// that may look at nothing has probabilities of 0.
func (c *Call) attentionStages(q, k *value) []*value {
	scale := c.Float("scale", 1/math.Sqrt(float64(q.Shape[3])))
	scores := c.ScaledMatMul(float32(scale), q, k, graphs.TransB)
	capped := scores
	if limit := c.Float("softcap", 0); limit != 0 {
		capped = c.Scale(c.Tanh(c.Scale(scores, 1/limit)), limit)
	}
	bias := c.attentionBias(q.Shape[2], k.Shape[2])
	if bias == nil {
		return []*value{scores, capped, capped, c.Softmax(capped, -1)}
	}
	masked := c.Add(capped, bias)
	probabilities := c.Softmax(masked, -1)
	probabilities = c.Where(c.Equal(bias, c.Scalar(far)), c.Scalar(0), probabilities)
	return []*value{scores, capped, masked, probabilities}
}

// splitHeads gives x [N,L,heads·D] the shape [N,heads,L,D].
func (c *Call) splitHeads(x *value, heads int64) *value {
	if x.Rank() == 4 {
		return x
	}
	return c.Transpose(c.Reshape(x, x.Shape[0], x.Shape[1], heads, x.Shape[2]/heads), 0, 2, 1, 3)
}

// joinHeads gives x [N,heads,L,D] the shape [N,L,heads·D].
func (c *Call) joinHeads(x *value, shape ...int64) *value {
	return c.Reshape(c.Transpose(x, 0, 2, 1, 3), shape...)
}

// repeatHeads repeats each head of x [N,heads,L,D] for the queries that share it.
func (c *Call) repeatHeads(x *value, heads int64) *value {
	n, known, l, d := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	if known == heads {
		return x
	}
	return c.Reshape(c.Expand(c.Reshape(x, n, known, 1, l, d), nil, n, known, heads/known, l, d), n, heads, l, d)
}

// attentionBias returns what the node's mask, cache and causality add to the scores, at least far; nil if that is
// nothing.
func (c *Call) attentionBias(queries, keys int64) *value {
	mask, filled := c.In(3), c.In(6)
	var bias *value
	if mask != nil {
		bias = c.maskBias(mask, keys)
	}
	if filled != nil { // how many keys and values the cache of each image has
		filled = c.Reshape(filled, filled.Len(), 1, 1, 1)
		bias = c.addOptional(bias, c.biasUnlessLess(c.keyPositions(1, keys, 0), filled, far))
	}
	bias = c.windowBias(bias, queries, keys, filled)
	if bias != nil && bias != mask {
		bias = c.Apply("Max", nil, bias, c.Scalar(far))
	}
	return bias
}

// maskBias returns what a mask of numbers or booleans adds to the scores. Keys that it does not reach are hidden.
func (c *Call) maskBias(mask *value, keys int64) *value {
	bias := mask
	if mask.Type == graphs.Bool {
		bias = c.Where(mask, c.Scalar(0), c.Scalar(far))
	}
	bias = c.Apply("Max", nil, bias, c.Scalar(far))
	if last := int64(bias.Rank() - 1); bias.Shape[last] < keys {
		shape := slices.Clone(bias.Shape)
		shape[last] = keys - shape[last]
		bias = c.Concat(last, bias, c.Filled(far, shape...))
	}
	return bias
}

// windowBias adds to bias what hides from each query the keys beyond the node's window; behind the query all if it is
// causal. The queries are the last of the filled keys, or follow the past.
func (c *Call) windowBias(bias *value, queries, keys int64, filled *value) *value {
	left, right := c.Int("left_window_size", -1), c.Int("right_window_size", -1)
	if c.Int("is_causal", 0) != 0 {
		right = 0
	}
	before, more := c.Ints(0), int64(0) // before the first query there are so many keys, less more
	if past := c.In(4); past != nil {
		before = c.Ints(past.Shape[2])
	}
	if filled != nil {
		before, more = filled, queries
	}
	if right >= 0 {
		bias = c.addOptional(bias, c.biasUnlessLess(c.keyPositions(queries, keys, more-right-1), before, far))
	}
	if left >= 0 {
		bias = c.addOptional(bias, c.biasUnlessLess(before, c.keyPositions(queries, keys, more+left+1), far))
	}
	return bias
}

// biasUnlessLess returns 0 where a is less than b, else bias. One of them may have rank 4, the other has positions.
func (c *Call) biasUnlessLess(a, b *value, bias float64) *value {
	shape := slices.Clone(a.Shape)
	switch {
	case b.Rank() == 4:
		shape = slices.Concat([]int64{b.Shape[0], 1}, a.Shape)
	case a.Rank() == 4:
		shape = slices.Concat([]int64{a.Shape[0], 1}, b.Shape)
	case a.Rank() < b.Rank():
		shape = slices.Clone(b.Shape)
	}
	return c.Where(c.less(a, b, shape), c.Scalar(0), c.Scalar(bias))
}

// keyPositions returns key - query + more for each query and key, [queries,keys].
func (c *Call) keyPositions(queries, keys, more int64) *value {
	var list []int64
	for i := range queries {
		for j := range keys {
			list = append(list, j-i+more)
		}
	}
	return c.integers(list, queries, keys)
}

// rotaryEmbedding turns pairs of elements of each head by the angle of the position: the first half with the second, or
// neighbours if interleaved.
func rotaryEmbedding(c *Call) []*value {
	x := c.splitHeads(c.In(0), c.Int("num_heads", 0))
	n, l := x.Shape[0], x.Shape[2]
	turned := cmp.Or(c.Int("rotary_embedding_dim", 0), x.Shape[3])
	angle := func(cache *value) *value {
		if at := c.In(3); at != nil {
			cache = c.Apply("Gather", graphs.Attributes{"axis": int64(0)}, cache, at)
		}
		return c.Reshape(cache, n, 1, l, turned/2)
	}
	return []*value{c.rotated(x, angle(c.In(1)), angle(c.In(2)))}
}

// rotated returns x [N,heads,L,D], in the shape of the node's input, with the first elements of each head turned by the
// angles that have the given cosines and sines, [N,1,L,pairs].
func (c *Call) rotated(x, cos, sin *value) *value {
	n, heads, l, d, turned := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3], 2*cos.Shape[3]
	pairs, along := c.Reshape(c.Slice(x, 3, 0, turned), n, heads, l, 2, turned/2), int64(3)
	if c.Int("interleaved", 0) == 1 {
		pairs, along = c.Reshape(c.Slice(x, 3, 0, turned), n, heads, l, turned/2, 2), 4
	}
	column := slices.Clone(pairs.Shape)
	column[along] = 1
	half := func(i int64) *value { return c.Reshape(c.Slice(pairs, along, i, i+1), n, heads, l, turned/2) }
	a, b := half(0), half(1)
	re, im := c.Sub(c.Mul(cos, a), c.Mul(sin, b)), c.Add(c.Mul(sin, a), c.Mul(cos, b))
	y := c.Reshape(c.Concat(along, c.Reshape(re, column...), c.Reshape(im, column...)), n, heads, l, turned)
	if turned < d {
		y = c.Concat(3, y, c.Slice(x, 3, turned, d))
	}
	if c.In(0).Rank() == 3 {
		y = c.joinHeads(y, c.In(0).Shape...)
	}
	return y
}
