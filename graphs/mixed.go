package graphs

import (
	"slices"

	"fovea/onnx/pb"
)

// Mix makes a finished float32 graph one of mixed precision, as torch.autocast does
// to what it runs: products of matrices and convolutions in a half-precision type,
// [Float16] or [BFloat16], and what lies between them in the type that it finds,
// while the loss, exponentials, statistics and sums of gradients stay in float32. See
// placement for what runs in which type. With another type, such as Float32,
// nothing changes. A TensorFloat-32 product is no other graph: it is the CUDA
// provider's option use_tf32, and nothing of it can be emulated.
//
// Inputs and outputs keep their types: parameters are float32, each is rounded by
// one Cast that forward pass, backward pass and recomputation share, and gradients
// leave in float32. Nothing can be differentiated behind it.
func (g *Graph) Mix(half pb.TensorProto_DataType) { g.mix(half, false) }

// MixEmulated makes a float32 graph whose numbers are those of the graph that
// [Graph.Mix] makes, up to the order of sums: every result in half precision
// is rounded by a Cast there and back behind a float32 operator. It is for CPUs, for which
// ONNX Runtime has no bfloat16 kernels, and none in float16 that round.
func (g *Graph) MixEmulated(half pb.TensorProto_DataType) { g.mix(half, true) }

func (g *Graph) mix(half pb.TensorProto_DataType, emulated bool) {
	if half != Float16 && half != BFloat16 {
		return
	}
	g.prepare(half)
	m := mixing{Graph: g, half: half, emulated: emulated, rounded: map[*Value]bool{}, casts: map[*Value]*Value{},
		users: g.users()}
	g.rewriteEach(m.place)
}

// A mixing is a graph on its way to mixed precision.
type mixing struct {
	*Graph
	half     pb.TensorProto_DataType
	emulated bool
	rounded  map[*Value]bool   // values in half precision; emulated, their type is float32
	casts    map[*Value]*Value // of float32 values to half precision, and back
	users    map[*Value][]*Node
}

// place puts a node into the type in which it belongs, with casts in front of it
// and behind.
func (m *mixing) place(n *Node) {
	result, kernel := m.choose(n)
	for i, v := range n.Inputs {
		n.Inputs[i] = m.in(v, kernel)
	}
	m.Nodes = append(m.Nodes, n)
	if !result {
		return
	}
	for i, v := range n.Outputs {
		if v == nil || v.Type != Float32 || isStatistic(n, i) {
			continue
		}
		m.round(n, i, v, kernel)
	}
}

// round makes output i of n, v, one in half precision.
func (m *mixing) round(n *Node, i int, v *Value, kernel bool) {
	exact := placements[n.key()].exact
	output := m.isOutput(v)
	switch {
	case m.emulated && exact && kernel:
		m.rounded[v] = true
	case !m.emulated && kernel && !output:
		v.Type = m.half
		m.rounded[v] = true
	default:
		// v is the last of the casts: consumers know it, and its name may be an output's.
		result := &Value{Name: m.fresh(n.Op), Type: Float32, Shape: v.Shape, node: n}
		if n.Outputs[i] = result; n.Name == v.Name {
			n.Name = "" // that of the cast
		}
		switch {
		case m.emulated:
			m.castTo(v, m.Cast(result, m.half))
			m.rounded[v] = true
		case kernel: // an output
			result.Type = m.half
			m.rounded[result] = true
			m.castTo(v, result)
			m.casts[v] = result
		default:
			v.Type = m.half
			m.castTo(v, result)
			m.rounded[v] = true
		}
	}
}

// castTo appends the Cast of x to the type of v that makes v.
func (m *mixing) castTo(v, x *Value) {
	v.node = &Node{Op: "Cast", Attributes: Attributes{"to": int64(v.Type)}, Inputs: []*Value{x}, Outputs: []*Value{v}}
	m.Nodes = append(m.Nodes, v.node)
}

// in is v in half precision or in float32, by a Cast that is made when it is first
// asked for.
func (m *mixing) in(v *Value, half bool) *Value {
	if v == nil || !m.isFloat(v) || m.rounded[v] == half || m.emulated && !half {
		return v
	}
	if known := m.casts[v]; known != nil {
		return known
	}
	var c *Value
	values, constant := v.FloatValues()
	switch {
	case constant:
		c = m.constantIn(v, values)
	case m.emulated:
		c = m.Cast(m.Cast(v, m.half), Float32)
	case half:
		c = m.Cast(v, m.half)
	default:
		c = m.Cast(v, Float32)
	}
	m.casts[v] = c
	if c != v {
		m.rounded[c] = half
	}
	return c
}

func (m *mixing) constantIn(v *Value, values []float32) *Value {
	data, rounded, _, exact := halfConstant(m.half, values)
	switch {
	case m.emulated && exact:
		return v
	case m.emulated:
		return m.Floats(rounded, v.Shape...)
	}
	return m.Initializer(v.Name+"/"+typeName(m.half), m.half, v.Shape, data)
}

// isFloat tells whether v was float32 before.
func (m *mixing) isFloat(v *Value) bool { return v.Type == Float32 || m.rounded[v] }

// choose tells whether the results of a node are in half precision, and whether a
// kernel of that type computes them or one of float32 does.
func (m *mixing) choose(n *Node) (half, kernel bool) {
	p := placements[n.key()]
	kernel = p.kernel(n, m.half, m.opset())
	switch {
	case n.FullPrecision:
		return false, false
	case p.in == halfPrecision:
		half = kernel && !isSum(n) && m.allFloat(n)
		return half, half
	case p.in == itsInputs || n.Op == "ReduceSum" && isRowSum(n) || n.Op == "Exp" && m.onlyDivides(n.Outputs[0]):
		half = m.follows(n)
		return half, half && kernel
	}
	return false, false
}

// follows tells whether a node has half-precision inputs and no others that count.
// One that makes an output of the graph, in float32, makes it in float32.
func (m *mixing) follows(n *Node) bool {
	if slices.ContainsFunc(n.Outputs, func(v *Value) bool { return v != nil && m.isOutput(v) }) {
		return false
	}
	some := false
	for _, v := range n.Inputs {
		switch {
		case v == nil || !m.isFloat(v):
		case m.rounded[v]:
			some = true
		case !m.yields(n, v):
			return false
		}
	}
	return some
}

// yields tells whether v, float32, takes the type of the tensor that a node combines
// it with: a bias, a factor a channel or a scalar, if half precision has such
// numbers, or constants that lose nothing.
func (m *mixing) yields(n *Node, v *Value) bool {
	if values, ok := v.FloatValues(); ok {
		_, _, inRange, exact := halfConstant(m.half, values)
		return exact || inRange && isVector(v)
	}
	return v.Rank() == 0 || isVector(v) && given(v) && n.Op != "Concat"
}

// isVector tells whether at most one dimension of v is not 1.
func isVector(v *Value) bool {
	more := 0
	for _, d := range v.Shape {
		if d != 1 {
			more++
		}
	}
	return more <= 1
}

// given tells whether v is an input of the graph or a part of one.
func given(v *Value) bool {
	for v.node != nil && placements[v.node.key()].moves {
		v = v.node.Inputs[0]
	}
	return v.node == nil
}

// isSum tells whether a product of matrices is a weighted sum, of one row or column:
// it has no use for half precision, being bound by memory.
func isSum(n *Node) bool {
	if n.Op == "Conv" || n.Op == "ConvTranspose" || n.Op == "Einsum" {
		return false
	}
	a, b := n.Inputs[0], n.Inputs[1]
	if a.Rank() < 2 || b.Rank() < 2 {
		return true
	}
	rows, inner := matrix(a.Shape, n.Attributes.Int("transA", 0) == 1)
	_, columns := matrix(b.Shape, n.Attributes.Int("transB", 0) == 1)
	return columns == 1 || (rows == 1 || inner == 1) && (a.data != nil || b.data != nil)
}

// isRowSum tells whether a ReduceSum adds up the last axis and keeps it, as the
// backward pass of Softmax does. The kernel adds up in float32; one result a row
// loses nothing by being rounded like the row.
func isRowSum(n *Node) bool {
	axes, err := ReducedAxes(n)
	return err == nil && len(axes) == 1 && axes[0] == n.Inputs[0].Rank()-1 && n.Attributes.Int("keepdims", 1) == 1
}

// onlyDivides tells whether an exponential is nothing but a divisor, as in the backward
// pass of Gelu: where it overflows, the quotient is 0, its limit.
func (m *mixing) onlyDivides(v *Value) bool {
	return !slices.ContainsFunc(m.users[v], func(n *Node) bool { return n.Op != "Div" || n.Inputs[0] == v })
}

// allFloat tells whether all inputs of a product were float32.
func (m *mixing) allFloat(n *Node) bool {
	return !slices.ContainsFunc(n.Inputs, func(v *Value) bool { return v != nil && !m.isFloat(v) })
}

// isStatistic tells whether output i of a node is a statistic, which is float32 in
// every type.
func isStatistic(n *Node, i int) bool { return i > 0 && n.Op == "LayerNormalization" }
