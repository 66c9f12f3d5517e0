package randomgraphs

import (
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/onnx/pb"
)

// Matrix products and what is made of them.

func matMul(m *maker) {
	a := m.ranked(1, 1, 3)
	k, columns := a.shape[a.rank()-1], m.between(1, 4)
	if a.rank() > 1 && m.chance(0.1) && a.shape[a.rank()-2] == k {
		m.apply("MatMul", nil, a.shape, float64(k), a, a)
		return
	}
	rows := a.shape[:a.rank()-1] // with the batch
	var b *tensor
	shape := slices.Clone(rows)
	switch batch := rows[:max(0, len(rows)-1)]; {
	case m.chance(0.2): // a vector
		b = m.shaped(1, k)
	case m.chance(0.4): // a batch of its own
		b = m.shaped(1, slices.Concat(m.smaller(batch), []int64{k, columns})...)
		shape = append(shape, columns)
	case len(batch) == 0 && m.chance(0.4): // only of the second
		b = m.shaped(1, 2, k, columns)
		shape = slices.Concat([]int64{2}, rows, []int64{columns})
	default:
		b = m.shaped(1, k, columns)
		shape = append(shape, columns)
	}
	m.apply("MatMul", nil, shape, float64(k), a, b)
}

// fusedMatMul returns a product of transposed matrices. The second name is an older one.
func fusedMatMul(op string) generator {
	return generator{9, func(m *maker) {
		rows, k, columns, batch := m.between(1, 4), m.between(1, 4), m.between(1, 4), m.between(1, 3)
		transA, transB := m.IntN(2), m.IntN(2)
		pick := func(trans int, r, c int64) *tensor {
			if trans == 1 {
				r, c = c, r
			}
			return m.shaped(1, batch, r, c)
		}
		a := attributes{"transA": transA, "transB": transB, "alpha": oneOf(m, 1, 0.5)}
		m.apply(op, a, []int64{batch, rows, columns}, float64(k), pick(transA, rows, k), pick(transB, k, columns))
	}}
}

// square returns a batch of matrices whose inverse is well-conditioned: 2·I and a little.
func (m *maker) square() *tensor {
	n := m.between(1, 3)
	var eye []float64
	for i := range n * n {
		eye = append(eye, map[bool]float64{true: 2}[i%(n+1) == 0])
	}
	x := m.shaped(0.4, m.between(1, 3), n, n)
	return m.apply("Add", nil, x.shape, 2.4, x, m.constant(eye, n, n))
}

func det(m *maker) {
	x := m.square()
	m.apply("Det", nil, x.shape[:1], 20, x)
}

func inverse(m *maker) {
	x := m.square()
	m.apply("com.microsoft.Inverse", nil, x.shape, 2, x)
}

func distances(m *maker) {
	columns := m.between(1, 3)
	a, b := m.shaped(1, m.between(1, 4), columns), m.shaped(1, m.between(1, 4), columns)
	m.apply("com.microsoft.CDist", attributes{"metric": "sqeuclidean"}, []int64{a.shape[0], b.shape[0]}, 12, a, b)
}

func fusedGemm(m *maker) {
	rows, k, columns := m.between(1, 4), m.between(1, 4), m.between(1, 4)
	m.apply("com.microsoft.FusedGemm", attributes{"activation": oneOf(m, "Tanh", "Sigmoid")}, []int64{rows, columns}, 1,
		m.shaped(1, rows, k), m.shaped(1, k, columns), m.shaped(1, m.smaller([]int64{rows, columns})...))
}

func multiHeadAttention(m *maker) {
	n, heads, l, s, d := m.between(1, 2), m.between(1, 2), m.between(1, 3), m.between(1, 4), m.between(1, 3)
	m.apply("com.microsoft.MultiHeadAttention", attributes{"num_heads": heads}, []int64{n, l, heads * d}, 1,
		m.shaped(1, n, l, heads*d), m.shaped(1, n, s, heads*d), m.shaped(1, n, s, heads*d))
}

func gemm(m *maker) {
	x := m.ranked(1, 2, 2)
	transA, transB := m.IntN(2), m.IntN(2)
	rows, k := x.shape[transA], x.shape[1-transA]
	shape := []int64{rows, m.between(1, 4)}
	w := []int64{k, shape[1]}
	if transB == 1 {
		slices.Reverse(w)
	}
	inputs := []*tensor{x, m.shaped(1, w...)}
	if m.opset < 11 || m.chance(0.6) {
		inputs = append(inputs, m.shaped(1, m.smaller(shape)...))
	}
	a := attributes{"transA": transA, "transB": transB}
	if m.chance(0.5) {
		a["alpha"], a["beta"] = 0.5, 1.5
	}
	m.apply("Gemm", a, shape, float64(k)+1.5, inputs...)
}

func einsum(m *maker) {
	e := oneOf(m, []string{"ij,jk->ik", "ij", "jk", "ik"}, []string{"bij,bjk->bik", "bij", "bjk", "bik"},
		[]string{"ij,jk", "ij", "jk", "ik"},
		[]string{"bij,k->bk", "bij", "k", "bk"}, []string{"ii->i", "ii", "", "i"},
		[]string{"bhid,bhjd->bhij", "bhid", "bhjd", "bhij"},
		[]string{"ij->ji", "ij", "", "ji"}, []string{"i,j->ij", "i", "j", "ij"}, []string{"ij->", "ij", "", ""},
		[]string{"...i,...i->...", "bji", "bji", "bj"}, []string{"b...,b...->b...", "bj", "bj", "bj"})
	sizes := map[rune]int64{}
	shape := func(labels string) (out []int64) {
		for _, label := range labels {
			if sizes[label] == 0 {
				sizes[label] = m.between(1, 4)
			}
			out = append(out, sizes[label])
		}
		return out
	}
	inputs := []*tensor{m.shaped(1, shape(e[1])...)}
	if e[2] != "" {
		inputs = append(inputs, m.shaped(1, shape(e[2])...))
	}
	summed := 1.0
	for label, n := range sizes {
		if !slices.Contains([]rune(e[3]), label) {
			summed *= float64(n)
		}
	}
	m.apply("Einsum", attributes{"equation": e[0]}, shape(e[3]), summed, inputs...)
}

func attention(m *maker) {
	n, heads, share, l, s, d := m.between(1, 2), m.between(1, 2), m.between(1, 2), m.between(1, 3), m.between(1, 4),
		m.between(1, 3)
	q, kv := heads*share, heads
	a := attributes{}
	if l == s {
		a["is_causal"] = m.IntN(2)
	}
	if m.chance(0.3) {
		a["softcap"] = 2.0
	}
	if m.chance(0.3) {
		a["scale"] = 0.7
	}
	var inputs []*tensor
	shape := []int64{n, q, l, d}
	if m.chance(0.5) {
		inputs = []*tensor{m.shaped(1, n, q, l, d), m.shaped(1, n, kv, s, d), m.shaped(1, n, kv, s, d)}
	} else {
		a["q_num_heads"], a["kv_num_heads"] = q, kv
		inputs = []*tensor{m.shaped(1, n, l, q*d), m.shaped(1, n, s, kv*d), m.shaped(1, n, s, kv*d)}
		shape = []int64{n, l, q * d}
	}
	// Where ONNX Runtime 1.27 does not do as ONNX says, as 1.32 does, nothing is made: causality with more keys than
	// queries or with a mask, a cap with a mask, and queries that may look at nothing.
	switch mask := slices.Concat(oneOf(m, nil, []int64{q}, []int64{n, 1}), []int64{l, s}); {
	case a["softcap"] != nil || a["is_causal"] == 1:
	case m.chance(0.5):
		inputs = append(inputs, m.shaped(1, mask...))
	default:
		inputs = append(inputs, m.booleans(true, mask...))
	}
	m.apply("Attention", a, shape, 1, inputs...)
}

func rotaryEmbedding(m *maker) {
	n, heads, l, d, most := m.between(1, 2), m.between(1, 2), m.between(1, 3), 2*m.between(1, 2), int64(5)
	a := attributes{"interleaved": m.IntN(2)}
	x := m.shaped(2, n, heads, l, d)
	if m.chance(0.5) {
		a["num_heads"] = heads
		x = m.shaped(2, n, l, heads*d)
	}
	turned := d
	if d > 2 && m.chance(0.4) {
		turned = 2
		a["rotary_embedding_dim"], a["num_heads"] = turned, heads
	}
	if m.chance(0.5) {
		m.apply("RotaryEmbedding", a, x.shape, 4, x, m.shaped(1, most, turned/2), m.shaped(1, most, turned/2),
			m.indices(most, false, n, l))
	} else {
		m.apply("RotaryEmbedding", a, x.shape, 4, x, m.shaped(1, n, l, turned/2), m.shaped(1, n, l, turned/2))
	}
}

func recurrent(op string, gates int64) generator {
	return generator{9, func(m *maker) {
		length, batch, features, hidden := m.between(1, 3), m.between(1, 2), m.between(1, 3), m.between(1, 3)
		direction := oneOf(m, "forward", "reverse", "bidirectional")
		d := int64(1)
		if direction == "bidirectional" {
			d = 2
		}
		a := attributes{"direction": direction, "hidden_size": hidden}
		if op == "GRU" {
			a["linear_before_reset"] = m.IntN(2)
		}
		inputs := []*tensor{m.shaped(1, length, batch, features), m.shaped(1, d, gates*hidden, features),
			m.shaped(1, d, gates*hidden, hidden),
			nil, nil, nil}
		if m.chance(0.7) {
			inputs[3] = m.shaped(1, d, 2*gates*hidden)
		}
		if m.chance(0.3) {
			inputs[4] = m.lengths(batch, length)
		}
		if m.chance(0.5) {
			inputs[5] = m.shaped(1, d, batch, hidden)
		}
		if op == "LSTM" && m.chance(0.5) {
			inputs = append(inputs, m.shaped(1, d, batch, hidden), m.shaped(1, d, 3*hidden))
		}
		last := []int64{d, batch, hidden}
		results := []*tensor{{shape: slices.Concat([]int64{length}, last), size: 1}, {shape: last, size: 1}}
		if op == "LSTM" {
			results = append(results, &tensor{shape: last, size: float64(length) + 1})
		}
		if missing := m.IntN(2 * len(results)); missing < len(results) {
			results[missing] = nil
		}
		m.applyN(op, a, results, inputs...)
	}}
}

func softmax(op string, size float64) generator {
	return generator{9, func(m *maker) {
		x := m.ranked(3, 1, 4)
		axis, named := m.axis(x)
		if m.opset < 11 {
			named = int64(axis)
		}
		a := attributes{"axis": named}
		if m.chance(0.2) && (m.opset >= 13 || x.rank() > 1) { // the axis is 1 until opset 12, then the last
			a = nil
		}
		m.apply(op, a, x.shape, size, x)
	}}
}

// probabilities' logarithm is at least that of e^-6 divided by the number of classes.
var logSize = 6 + math.Log(elements)

func loss(op string) generator {
	return generator{12, func(m *maker) {
		n, classes := m.between(1, 4), m.between(2, 4)
		more := m.dims(m.IntN(2))
		x := m.shaped(3, slices.Concat([]int64{n, classes}, more)...)
		where := slices.Concat([]int64{n}, more)
		reduction := oneOf(m, "none", "sum", "mean")
		a, inputs := attributes{"reduction": reduction}, []*tensor{x, m.indices(classes, false, where...)}
		if m.chance(0.5) {
			w := m.shaped(1, classes)
			inputs = append(inputs, m.positive(w, 1))
		}
		var shape []int64
		if reduction == "none" {
			shape = where
		}
		m.apply(op, a, shape, logSize*3*float64(product(where)), inputs...)
	}}
}

// lengths of sequences, of which one at least is the longest.
func (m *maker) lengths(batch, longest int64) *tensor {
	t := &pb.TensorProto{DataType: proto.Int32(int32(pb.TensorProto_INT32)), Dims: []int64{batch}}
	for range batch {
		t.Int32Data = append(t.Int32Data, int32(m.between(1, longest)))
	}
	t.Int32Data[m.IntN(int(batch))] = int32(longest)
	return m.given(t, m.chance(0.5))
}
