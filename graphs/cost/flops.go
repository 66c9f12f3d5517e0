package cost

import (
	"strings"

	"fovea/graphs"
)

// A formula returns the multiply-adds of a node, and false if it cannot tell.
type formula func(n *graphs.Node) (int64, bool)

// formulas holds the formulas of the standard's operators. All others of the standard have no multiply-adds. See
// microsoft for ONNX Runtime's own domain.
var formulas = map[string]formula{
	"MatMul": matMul, "MatMulInteger": matMul, "Gemm": matMul,
	"Conv": conv, "ConvInteger": conv, "DeformConv": conv, "ConvTranspose": convTranspose,
	"CausalConvWithState": conv, "Einsum": einsum, "Attention": attention, "LinearAttention": linearAttention,
	"RNN": recurrent, "GRU": recurrent, "LSTM": recurrent,
}

// MultiplyAdds counts the multiply-adds of one run of a node with static shapes. known is false for an operator outside
// of the tables, or an equation of more than two operands, whose cost depends on the order.
func MultiplyAdds(n *graphs.Node) (count int64, known bool) {
	switch n.Domain {
	case "":
		if f := formulas[n.Op]; f != nil {
			return f(n)
		}
		return 0, true
	case graphs.Microsoft:
		if f := microsoft[n.Op]; f != nil {
			return f(n)
		}
	}
	return 0, false
}

func product(dims ...int64) int64 {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	return n
}

// matMul counts K products for each element of the result.
func matMul(n *graphs.Node) (int64, bool) {
	a := n.Inputs[0]
	if a.Rank() == 0 {
		return 0, false
	}
	k := a.Rank() - 1
	if n.Attributes.Int("transA", 0) == 1 && k > 0 {
		k--
	}
	return n.Outputs[0].Len() * a.Shape[k], true
}

// conv takes weights [M,C/group,kernel...].
func conv(n *graphs.Node) (int64, bool) {
	w := n.Inputs[1]
	return n.Outputs[0].Len() * product(w.Shape[min(1, w.Rank()):]...), true
}

// convTranspose takes weights [C,M/group,kernel...] and multiplies each element of the input by all weights of its
// channel.
func convTranspose(n *graphs.Node) (int64, bool) {
	w := n.Inputs[1]
	return n.Inputs[0].Len() * product(w.Shape[min(1, w.Rank()):]...), true
}

// recurrent multiplies the input by W [directions,gates·H,I] and the state by R [directions,gates·H,H] at each of L
// steps.
func recurrent(n *graphs.Node) (int64, bool) {
	x := n.Inputs[0]
	if x.Rank() != 3 {
		return 0, false
	}
	return x.Shape[0] * x.Shape[1] * (n.Inputs[1].Len() + n.Inputs[2].Len()), true
}

// attention multiplies each query by each key, of size D, and each weight by each value. Q, K and V are [N,heads,L,D]
// or [N,L,heads·D]. Keys and values of the past come first.
func attention(n *graphs.Node) (int64, bool) {
	q, k, v := n.Inputs[0], n.Inputs[1], n.Inputs[2]
	heads, queries, keys, size, width := int64(0), int64(0), int64(0), int64(0), int64(0)
	switch {
	case q.Rank() == 4:
		heads, queries, keys, size, width = q.Shape[1], q.Shape[2], k.Shape[2], q.Shape[3], v.Shape[3]
	case q.Rank() == 3 && n.Attributes.Int("q_num_heads", 0) > 0 && n.Attributes.Int("kv_num_heads", 0) > 0:
		heads, queries, keys = n.Attributes.Int("q_num_heads", 0), q.Shape[1], k.Shape[1]
		size, width = q.Shape[2]/heads, v.Shape[2]/n.Attributes.Int("kv_num_heads", 0)
	default:
		return 0, false
	}
	if past := n.Input(4); past != nil {
		keys += past.Shape[2]
	}
	return q.Shape[0] * heads * queries * keys * (size + width), true
}

// linearAttention multiplies each key, of size D, by its value, and each query by the state [D,V] of its head. Q, K and
// V are [N,L,heads·size].
func linearAttention(n *graphs.Node) (int64, bool) {
	q, k, v := n.Inputs[0], n.Inputs[1], n.Inputs[2]
	heads, of := n.Attributes.Int("q_num_heads", 0), n.Attributes.Int("kv_num_heads", 0)
	if q.Rank() != 3 || v.Rank() != 3 || heads < 1 || of < 1 {
		return 0, false
	}
	width := v.Shape[2] / of
	return q.Shape[0] * q.Shape[1] * (k.Shape[2] + q.Shape[2]) * width, true
}

// einsum counts, for two operands, a product for each combination of all subscripts.
func einsum(n *graphs.Node) (int64, bool) {
	equation, _ := n.Attributes["equation"].(string)
	left, _, _ := strings.Cut(strings.ReplaceAll(equation, " ", ""), "->")
	terms := strings.Split(left, ",")
	switch {
	case len(terms) != len(n.Inputs) || len(terms) > 2:
		return 0, false
	case len(terms) == 1:
		return 0, true
	}
	sizes := map[rune]int64{}
	for i, term := range terms {
		shape := n.Inputs[i].Shape
		before, after, ellipsis := strings.Cut(term, "...")
		if named := len(before) + len(after); named > len(shape) || !ellipsis && named < len(shape) {
			return 0, false
		}
		for axis, label := range before {
			sizes[label] = max(sizes[label], shape[axis])
		}
		inner := shape[len(before) : len(shape)-len(after)]
		for axis, d := range inner { // aligned at their ends, with labels that no equation has
			label := rune(axis - len(inner))
			sizes[label] = max(sizes[label], d)
		}
		for axis, label := range after {
			sizes[label] = max(sizes[label], shape[len(shape)-len(after)+axis])
		}
	}
	count := int64(1)
	for _, d := range sizes {
		count *= d
	}
	return count, true
}
