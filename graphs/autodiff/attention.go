package autodiff

import (
	"encoding/binary"
	"math"

	"fovea/graphs"
)

func init() {
	register(map[string]Rule{"Attention": defined(attention), "RotaryEmbedding": defined(rotaryEmbedding)})
}

// far stands for minus infinity, with which products would give NaN.
const far = -1e30

// attention: Y = softmax(cap(scale·Q·Kᵀ) + mask)·V, head by head. Keys and values of
// the past come first. A query that may look at nothing gives 0.
func attention(c *Call) []*graphs.Value {
	if c.Int("left_window_size", -1) >= 0 || c.Int("right_window_size", -1) >= 0 {
		return c.refuse("a window is not supported")
	}
	q := c.heads(c.In(0), c.Int("q_num_heads", 0))
	k, v := c.heads(c.In(1), c.Int("kv_num_heads", 0)), c.heads(c.In(2), c.Int("kv_num_heads", 0))
	if c.In(4) != nil {
		k, v = c.Concat(2, c.In(4), k), c.Concat(2, c.In(5), v)
	}
	present := both(k, v)
	k, v = c.repeatHeads(k, q.Shape[1]), c.repeatHeads(v, q.Shape[1])
	scale := c.float("scale", 1/math.Sqrt(float64(q.Shape[3])))
	scores := c.ScaledMatMul(float32(scale), q, k, graphs.TransB)
	stages := one(scores)
	if cut := c.float("softcap", 0); cut != 0 {
		scores = c.Scale(c.Tanh(c.Scale(scores, 1/cut)), cut)
	}
	stages = append(stages, scores)
	bias := c.attentionBias(q.Shape[2], k.Shape[2])
	if bias != nil {
		scores = c.Add(scores, bias)
	}
	probabilities := c.Softmax(scores, -1)
	if bias != nil {
		probabilities = c.Where(c.Equal(bias, c.Scalar(far)), c.Scalar(0), probabilities)
	}
	stages = append(stages, scores, probabilities)
	y := c.MatMul(probabilities, v, graphs.NoTrans)
	if c.Out(0).Rank() == 3 {
		y = c.Reshape(c.Transpose(y, 0, 2, 1, 3), c.Out(0).Shape...)
	}
	return []*graphs.Value{y, present[0], present[1], stages[c.Int("qk_matmul_output_mode", 0)]}
}

// heads gives x [N,L,heads·D] the shape [N,heads,L,D].
func (c *Call) heads(x *graphs.Value, heads int64) *graphs.Value {
	if x.Rank() == 4 {
		return x
	}
	return c.Transpose(c.Reshape(x, x.Shape[0], x.Shape[1], heads, x.Shape[2]/heads), 0, 2, 1, 3)
}

// repeatHeads repeats each head of x [N,heads,L,D] for the queries that share it.
func (c *Call) repeatHeads(x *graphs.Value, heads int64) *graphs.Value {
	n, known, l, d := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	if known == heads {
		return x
	}
	return c.Reshape(c.Expand(c.Reshape(x, n, known, 1, l, d), nil, n, known, heads/known, l, d), n, heads, l, d)
}

// attentionBias is what the node's mask, cache and causality add to the scores,
// at least far; nil if that is nothing.
func (c *Call) attentionBias(queries, keys int64) (bias *graphs.Value) {
	mask, filled := c.In(3), c.In(6)
	if mask != nil {
		if bias = mask; mask.Type == graphs.Bool {
			bias = c.Where(mask, c.Scalar(0), c.Scalar(far))
		}
		bias = c.Apply("Max", nil, bias, c.Scalar(far))
		if last := int64(bias.Rank() - 1); bias.Shape[last] < keys {
			shape := append([]int64{}, bias.Shape...)
			shape[last] = keys - shape[last]
			bias = c.Concat(last, bias, c.Filled(far, shape...))
		}
	}
	if filled != nil { // keys and values of a cache in each image
		filled = c.Reshape(filled, filled.Len(), 1, 1, 1)
		bias = c.sum(bias, c.lessBias(c.positions(1, keys, 0), filled, far))
	}
	switch past := c.In(4); {
	case c.Int("is_causal", 0) == 0:
	case filled != nil:
		bias = c.sum(bias, c.lessBias(c.positions(queries, keys, queries-1), filled, far))
	default:
		offset := int64(0)
		if past != nil {
			offset = past.Shape[2]
		}
		bias = c.sum(bias, c.lessBias(c.positions(queries, keys, 0), c.Ints(offset+1), far))
	}
	if bias != nil && bias != mask {
		bias = c.Apply("Max", nil, bias, c.Scalar(far))
	}
	return bias
}

// lessBias is 0 where a is less than b, else another number.
func (c *Call) lessBias(a, b *graphs.Value, otherwise float64) *graphs.Value {
	shape := append([]int64{}, a.Shape...)
	if b.Rank() == 4 {
		shape = append([]int64{b.Shape[0], 1}, a.Shape...)
	}
	less := c.Append(&graphs.Node{Op: "Less", Inputs: both(a, b)}, &graphs.Value{Type: graphs.Bool, Shape: shape})[0]
	return c.Where(less, c.Scalar(0), c.Scalar(otherwise))
}

// positions is key - query + more for each query and key.
func (c *Call) positions(queries, keys, more int64) *graphs.Value {
	var data []byte
	for i := range queries {
		for j := range keys {
			data = binary.LittleEndian.AppendUint64(data, uint64(j-i+more))
		}
	}
	return c.Constant(graphs.Int64, []int64{queries, keys}, data)
}

// rotaryEmbedding turns pairs of elements of each head by the angle of the
// position: the first half with the second, or neighbours if interleaved.
func rotaryEmbedding(c *Call) []*graphs.Value {
	x := c.heads(c.In(0), c.Int("num_heads", 0))
	n, l := x.Shape[0], x.Shape[2]
	turned := c.Int("rotary_embedding_dim", 0)
	if turned == 0 {
		turned = x.Shape[3]
	}
	angle := func(cache *graphs.Value) *graphs.Value {
		if at := c.In(3); at != nil {
			cache = c.Apply("Gather", graphs.Attributes{"axis": int64(0)}, cache, at)
		}
		return c.Reshape(cache, n, 1, l, turned/2)
	}
	return one(c.rotated(x, angle(c.In(1)), angle(c.In(2))))
}

// rotated is x [N,heads,L,D], in the shape of the node's input, with the first
// elements of each head turned by the angles with the given cosines and sines,
// [N,1,L,pairs].
func (c *Call) rotated(x, cos, sin *graphs.Value) *graphs.Value {
	n, heads, l, d, turned := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3], 2*cos.Shape[3]
	pairs, along := c.Reshape(c.Slice(x, 3, 0, turned), n, heads, l, 2, turned/2), int64(3)
	if c.Int("interleaved", 0) == 1 {
		pairs, along = c.Reshape(c.Slice(x, 3, 0, turned), n, heads, l, turned/2, 2), 4
	}
	column := append([]int64{}, pairs.Shape...)
	column[along] = 1
	part := func(i int64) *graphs.Value { return c.Reshape(c.Slice(pairs, along, i, i+1), n, heads, l, turned/2) }
	a, b := part(0), part(1)
	re, im := c.Sub(c.Mul(cos, a), c.Mul(sin, b)), c.Add(c.Mul(sin, a), c.Mul(cos, b))
	y := c.Reshape(c.Concat(along, c.Reshape(re, column...), c.Reshape(im, column...)), n, heads, l, turned)
	if turned < d {
		y = c.Concat(3, y, c.Slice(x, 3, turned, d))
	}
	if c.In(0).Rank() == 3 {
		y = c.Reshape(c.Transpose(y, 0, 2, 1, 3), c.In(0).Shape...)
	}
	return y
}
