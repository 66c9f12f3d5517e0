package autodiff

import (
	"fmt"
	"slices"
	"strings"

	"fovea/graphs"
)

// Unsupported is the refusal to differentiate through a node.
type Unsupported struct {
	Node    *graphs.Node
	Reason  string   // why; "no rule" if the operator has none
	Towards []string // the requested inputs whose gradient passes through the node
}

func (e *Unsupported) Error() string {
	const most = 5
	names := e.Towards
	if len(names) > most {
		names = append(slices.Clone(names[:most]), fmt.Sprintf("%d more", len(e.Towards)-most))
	}
	return fmt.Sprintf("autodiff: %s (domain %q, opset %d) cannot be differentiated: %s; it lies between the result and %s",
		e.Node, e.Node.Domain, e.Node.Opset(), e.Reason, strings.Join(names, ", "))
}

// Backward appends to g the gradients of Σ output·cotangent, for all pairs in
// cotangents, with respect to the values wrt. Gradient i has the shape of
// wrt[i]; it is nil if no output depends on that value.
func Backward(g *graphs.Graph, cotangents map[*graphs.Value]*graphs.Value, wrt []*graphs.Value) ([]*graphs.Value, error) {
	gradients := map[*graphs.Value]*graphs.Value{}
	for v, c := range cotangents {
		if !slices.Equal(v.Shape, c.Shape) {
			return nil, fmt.Errorf("autodiff: cotangent %s is not of the shape of %s", c, v)
		}
		gradients[v] = c
	}
	if err := reverse(g, slices.Clone(g.Nodes), gradients, wrt); err != nil {
		return nil, err
	}
	out := make([]*graphs.Value, len(wrt))
	for i, v := range wrt {
		out[i] = gradients[v]
	}
	return out, g.Err()
}

// reverse walks nodes from their results, some of which have gradients, to wrt
// and adds the gradient of each value to gradients.
func reverse(g *graphs.Graph, nodes []*graphs.Node, gradients map[*graphs.Value]*graphs.Value, wrt []*graphs.Value) error {
	wanted := leadsFrom(nodes, wrt)
	for _, n := range slices.Backward(nodes) {
		if !anyOf(n.Outputs, func(v *graphs.Value) bool { return gradients[v] != nil && v.Len() != 0 }) ||
			!anyOf(n.Inputs, func(v *graphs.Value) bool { return wanted[v] }) {
			continue
		}
		call := &Call{Graph: g, node: n, gradients: gradients}
		from := len(g.Nodes)
		contributions := call.apply()
		if call.refusal != "" {
			return &Unsupported{Node: n, Reason: call.refusal, Towards: behind(n, wrt)}
		}
		if err := g.Err(); err != nil {
			return fmt.Errorf("autodiff: the rule of %s: %w", n, err)
		}
		for i, in := range n.Inputs {
			if i >= len(contributions) || contributions[i] == nil || !wanted[in] {
				continue
			}
			c := unbroadcast(g, contributions[i], in)
			if known := gradients[in]; known != nil {
				c = add(g, known, c)
			}
			gradients[in] = c
		}
		if n.FullPrecision {
			call.fullPrecision(from)
		}
	}
	return nil
}

// leadsFrom marks every floating-point value that depends on one of from. A
// tensor without elements depends on nothing.
func leadsFrom(nodes []*graphs.Node, from []*graphs.Value) map[*graphs.Value]bool {
	out := map[*graphs.Value]bool{}
	for _, v := range from {
		out[v] = v != nil && v.Len() != 0
	}
	for _, n := range nodes {
		if !anyOf(n.Inputs, func(v *graphs.Value) bool { return out[v] }) {
			continue
		}
		for _, v := range n.Outputs {
			if v == nil {
				continue
			}
			out[v] = (v.Type == graphs.Float32 || v.Type == graphs.Float64) && v.Len() != 0
		}
	}
	return out
}

// behind names the values of wrt that n depends on.
func behind(n *graphs.Node, wrt []*graphs.Value) []string {
	var names []string
	seen := map[*graphs.Value]bool{}
	var visit func(v *graphs.Value)
	visit = func(v *graphs.Value) {
		if v == nil || seen[v] {
			return
		}
		seen[v] = true
		if slices.Contains(wrt, v) {
			names = append(names, v.Name)
		}
		if v.Producer() != nil {
			for _, in := range v.Producer().Inputs {
				visit(in)
			}
		}
	}
	for _, v := range n.Inputs {
		visit(v)
	}
	return names
}

func anyOf(values []*graphs.Value, holds func(*graphs.Value) bool) bool {
	return slices.ContainsFunc(values, func(v *graphs.Value) bool { return v != nil && holds(v) })
}

// unbroadcast sums a gradient over the axes along which v was repeated.
func unbroadcast(g *graphs.Graph, gradient, v *graphs.Value) *graphs.Value {
	if slices.Equal(gradient.Shape, v.Shape) {
		return gradient
	}
	var axes []int64
	more := gradient.Rank() - v.Rank()
	for i, d := range gradient.Shape {
		if i < more || (v.Shape[i-more] == 1 && d != 1) {
			axes = append(axes, int64(i))
		}
	}
	if n := len(axes); n > 1 && axes[n-1] == int64(n-1) { // the first ones: ONNX Runtime is faster on a matrix
		gradient, axes = g.Reshape(gradient, -1, v.Len()), axes[:1]
	}
	return g.Reshape(g.ReduceSum(gradient, false, axes...), v.Shape...)
}
