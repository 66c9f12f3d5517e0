package graphs

import (
	"slices"

	"fovea/onnx/pb"
)

// Mix turns a finished float32 graph into one of mixed precision, as torch.autocast does. Products of matrices and
// convolutions run in a half-precision type, [Float16] or [BFloat16]. The loss, exponentials, statistics and sums of
// gradients stay in float32. Most operators between them run in the type of their inputs; the table of placements lists
// them all. For any other type, such as Float32, Mix changes nothing. TensorFloat-32 needs no other graph: it is the
// option use_tf32 of the CUDA provider.
//
// Inputs and outputs keep their types. Parameters are float32: one Cast rounds each, and forward pass, backward pass
// and recomputation share it. Gradients leave in float32. The graph cannot be differentiated afterwards.
func (g *Graph) Mix(half pb.TensorProto_DataType) { g.mix(half, false) }

// MixEmulated makes a float32 graph that computes the numbers of the graph that [Graph.Mix] makes, up to the order of
// sums. Casts to half precision and back round every such result behind a float32 operator. It is for CPUs, where ONNX
// Runtime has no bfloat16 kernels and no float16 kernels that round.
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

// A mixing is a graph during its change to mixed precision.
type mixing struct {
	*Graph
	half     pb.TensorProto_DataType
	emulated bool
	rounded  map[*Value]bool   // values in half precision; when emulated, their type is float32
	casts    map[*Value]*Value // from a value to its Cast to the other precision
	users    map[*Value][]*Node
}

// place appends a node in the precision where it belongs, with casts in front of it and behind.
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

// round turns output i of n, v, into a half-precision value.
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
		// The node gets a new result and v becomes that of a Cast: other nodes read v, and it may be an output.
		result := &Value{Name: m.fresh(n.Op), Type: Float32, Shape: v.Shape, node: n}
		if n.Outputs[i] = result; n.Name == v.Name {
			n.Name = "" // the Cast takes the name
		}
		switch {
		case m.emulated:
			m.castTo(v, m.Cast(result, m.half))
			m.rounded[v] = true
		case kernel: // v is an output of the graph
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

// castTo appends a Cast of x to the type of v, whose result is v.
func (m *mixing) castTo(v, x *Value) {
	v.node = &Node{Op: "Cast", Attributes: Attributes{"to": int64(v.Type)}, Inputs: []*Value{x}, Outputs: []*Value{v}}
	m.Nodes = append(m.Nodes, v.node)
}

// in returns v in half precision or in float32. It makes the Cast when it is first needed.
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

// isFloat reports whether v was float32 before Mix.
func (m *mixing) isFloat(v *Value) bool { return v.Type == Float32 || m.rounded[v] }

// choose reports whether the results of a node are in half precision, and whether a half-precision kernel computes
// them.
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
		half = m.hasHalfInputs(n)
		return half, half && kernel
	}
	return false, false
}

// hasHalfInputs reports whether a node has half-precision inputs and no float32 inputs but those that can be rounded.
// It is false for a node that makes an output of the graph, which stays float32.
func (m *mixing) hasHalfInputs(n *Node) bool {
	if slices.ContainsFunc(n.Outputs, func(v *Value) bool { return v != nil && m.isOutput(v) }) {
		return false
	}
	some := false
	for _, v := range n.Inputs {
		switch {
		case v == nil || !m.isFloat(v):
		case m.rounded[v]:
			some = true
		case !m.canRound(n, v):
			return false
		}
	}
	return some
}

// canRound reports whether v, in float32, may be rounded to the precision of the tensor that a node combines it with.
// This holds for a bias, a factor per channel or a scalar whose numbers are in the range of half precision, and for
// constants that lose no digits.
func (m *mixing) canRound(n *Node, v *Value) bool {
	if values, ok := v.FloatValues(); ok {
		_, _, inRange, exact := halfConstant(m.half, values)
		return exact || inRange && isVector(v)
	}
	return v.Rank() == 0 || isVector(v) && isInput(v) && n.Op != "Concat"
}

// isVector reports whether at most one dimension of v is not 1.
func isVector(v *Value) bool {
	dimensions := 0
	for _, d := range v.Shape {
		if d != 1 {
			dimensions++
		}
	}
	return dimensions <= 1
}

// isInput reports whether v consists of elements of an input or a constant.
func isInput(v *Value) bool {
	for v.node != nil && placements[v.node.key()].movesOnly {
		v = v.node.Inputs[0]
	}
	return v.node == nil
}

// isSum reports whether a product of matrices has a single row or column, and so is a weighted sum. Memory limits its
// speed, so half precision gains nothing.
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

// isRowSum reports whether a ReduceSum adds up the last axis and keeps it, as the backward pass of Softmax does. The
// kernel adds up in float32, so its result loses no more by rounding than the row did.
func isRowSum(n *Node) bool {
	axes, err := ReducedAxes(n)
	return err == nil && len(axes) == 1 && axes[0] == n.Inputs[0].Rank()-1 && n.Attributes.Int("keepdims", 1) == 1
}

// onlyDivides reports whether an exponential is only used as a divisor, as in the backward pass of Gelu. Where it
// overflows, the quotient is 0, which is its limit.
func (m *mixing) onlyDivides(v *Value) bool {
	return !slices.ContainsFunc(m.users[v], func(n *Node) bool { return n.Op != "Div" || n.Inputs[0] == v })
}

// allFloat reports whether all inputs of a product were float32.
func (m *mixing) allFloat(n *Node) bool {
	return !slices.ContainsFunc(n.Inputs, func(v *Value) bool { return v != nil && !m.isFloat(v) })
}

// isStatistic reports whether output i of a node is a statistic, which is always float32.
func isStatistic(n *Node, i int) bool { return i > 0 && n.Op == "LayerNormalization" }
