package graphs

import (
	"math"
	"slices"
)

// Fold replaces arithmetic between constants by its result. ONNX Runtime would otherwise place such scalar computations
// on the CPU beside a graph on a GPU.
func (g *Graph) Fold() {
	replaced := map[*Value]*Value{}
	kept := g.Nodes[:0]
	for _, n := range g.Nodes {
		for i, v := range n.Inputs {
			if by, ok := replaced[v]; ok {
				n.Inputs[i] = by
			}
		}
		if by := g.fold(n); by != nil && !g.isOutput(n.Outputs[0]) {
			replaced[n.Outputs[0]] = by
			continue
		}
		kept = append(kept, n)
	}
	g.Nodes = kept
}

func (g *Graph) isOutput(v *Value) bool {
	return slices.Contains(g.Outputs, v)
}

var foldUnary = map[string]func(x float64) float64{
	"Neg": func(x float64) float64 { return -x }, "Exp": math.Exp, "Log": math.Log, "Sqrt": math.Sqrt,
	"Tanh": math.Tanh, "Erf": math.Erf, "Abs": math.Abs, "Identity": func(x float64) float64 { return x },
}

var foldBinary = map[string]func(x, y float64) float64{
	"Add": func(x, y float64) float64 { return x + y }, "Sub": func(x, y float64) float64 { return x - y },
	"Mul": func(x, y float64) float64 { return x * y }, "Div": func(x, y float64) float64 { return x / y },
	"Pow": math.Pow,
}

// fold computes a node of small float32 constants. It returns nil for any other node, and where both operands would
// have to be repeated.
func (g *Graph) fold(n *Node) *Value {
	const mostBytes = 1 << 16 // weights stay as they are
	unary, binary := foldUnary[n.Op], foldBinary[n.Op]
	if n.Domain != "" || unary == nil && binary == nil {
		return nil
	}
	for _, v := range n.Inputs {
		if data, ok := v.Content(); !ok || len(data) > mostBytes {
			return nil
		}
	}
	operands := make([][]float32, len(n.Inputs))
	for i, v := range n.Inputs {
		var ok bool
		if operands[i], ok = v.FloatValues(); !ok {
			return nil
		}
	}
	out := n.Outputs[0]
	values := make([]float32, out.Len())
	if unary != nil {
		for i := range values {
			values[i] = float32(unary(float64(operands[0][i])))
		}
		return g.Floats(values, out.Shape...)
	}
	a, b := operands[0], operands[1]
	if (len(a) != 1 && len(a) != len(values)) || (len(b) != 1 && len(b) != len(values)) {
		return nil
	}
	for i := range values {
		values[i] = float32(binary(float64(a[i%len(a)]), float64(b[i%len(b)])))
	}
	return g.Floats(values, out.Shape...)
}
