package cost

import "fovea/graphs"

// microsoft holds the formulas of ONNX Runtime's own operators. Its optimizer writes most of them. Other operators of
// that domain are not known.
var microsoft = map[string]formula{
	"FusedMatMul": matMul, "TransposeMatMul": matMul, "FusedGemm": matMul, "FusedConv": conv,
	"Attention": packedAttention, "MultiHeadAttention": multiHeadAttention,
	"Gelu": none, "BiasGelu": none, "FastGelu": none, "QuickGelu": none, "Trilu": none, "RotaryEmbedding": none,
	"SkipLayerNormalization": none, "SkipSimplifiedLayerNormalization": none, "EmbedLayerNormalization": none,
}

func none(*graphs.Node) (int64, bool) { return 0, true }

// multiHeadAttention takes queries [N,L,D] and keys [N,K,D] or [N,heads,K,D/heads], and its result is [N,L,V]. Keys of
// the past are [N,heads,P,D/heads].
func multiHeadAttention(n *graphs.Node) (int64, bool) {
	q, k, y := n.Inputs[0], n.Input(1), n.Outputs[0]
	if q.Rank() != 3 || k == nil || k.Rank() < 3 || k.Rank() > 4 {
		return 0, false // queries, keys and values are packed into one
	}
	keys := k.Shape[k.Rank()-2]
	if past := n.Input(6); past != nil {
		keys += past.Shape[2]
	}
	return q.Shape[0] * q.Shape[1] * keys * (q.Shape[2] + y.Shape[2]), true
}

// packedAttention multiplies x [N,L,C] by weights [C,2·D+V] for queries, keys and values. The past is
// [2,N,heads,P,D/heads].
func packedAttention(n *graphs.Node) (int64, bool) {
	x, w, y := n.Inputs[0], n.Inputs[1], n.Outputs[0]
	if x.Rank() != 3 || w.Rank() != 2 {
		return 0, false
	}
	keys, width := x.Shape[1], y.Shape[2]
	if past := n.Input(4); past != nil {
		keys += past.Shape[3]
	}
	size := (w.Shape[1] - width) / 2
	return x.Len()*w.Shape[1] + x.Shape[0]*x.Shape[1]*keys*(size+width), true
}
