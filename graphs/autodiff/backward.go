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
	return fmt.Sprintf("autodiff: %s (domain %q, opset %d) cannot be differentiated: %s; "+
		"it lies between the result and %s",
		e.Node, e.Node.Domain, e.Node.Opset(), e.Reason, strings.Join(names, ", "))
}

// Backward appends to g the gradients of Σ output·cotangent, over all pairs in cotangents, with respect to the values
// wrt. Gradient i has the shape of wrt[i]; it is nil if no output depends on that value.
func Backward(g *graphs.Graph, cotangents map[*graphs.Value]*graphs.Value, wrt []*graphs.Value) (
	[]*graphs.Value, error) {
	gradients := map[*value]*value{}
	for v, c := range cotangents {
		if !slices.Equal(v.Shape, c.Shape) {
			return nil, fmt.Errorf("autodiff: cotangent %s is not of the shape of %s", c, v)
		}
		gradients[v] = c
	}
	if err := reverse(g, rules, slices.Clone(g.Nodes), gradients, wrt); err != nil {
		return nil, err
	}
	out := make([]*value, len(wrt))
	for i, v := range wrt {
		out[i] = gradients[v]
	}
	return out, g.Err()
}

// reverse walks nodes from their results, some of which have gradients, to wrt. It adds the gradient of each value to
// gradients: a value that several nodes read has the sum of their contributions.
func reverse(g *graphs.Graph, rules map[string]Rule, nodes []*graphs.Node, gradients map[*value]*value,
	wrt []*value) error {
	wanted := leadsFrom(nodes, wrt)
	for _, n := range slices.Backward(nodes) {
		if !anyOf(n.Outputs, func(v *value) bool { return gradients[v] != nil && v.Len() != 0 }) ||
			!anyOf(n.Inputs, func(v *value) bool { return wanted[v] }) {
			continue
		}
		from := len(g.Nodes)
		call := &Call{Graph: g, node: n, outputs: readable(g, n), gradients: gradients, rules: rules}
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

// fullPrecision keeps the nodes from one on in float32.
func (c *Call) fullPrecision(from int) {
	for _, n := range c.Nodes[from:] {
		n.FullPrecision = true
	}
}

// leadsFrom marks every floating-point value that depends on one of from. A tensor without elements depends on nothing.
func leadsFrom(nodes []*graphs.Node, from []*value) map[*value]bool {
	out := map[*value]bool{}
	for _, v := range from {
		out[v] = v != nil && v.Len() != 0
	}
	for _, n := range nodes {
		if !anyOf(n.Inputs, func(v *value) bool { return out[v] }) {
			continue
		}
		for _, v := range n.Outputs {
			if v != nil {
				out[v] = (v.Type == graphs.Float32 || v.Type == graphs.Float64) && v.Len() != 0
			}
		}
	}
	return out
}

// readable returns the outputs of a node as its rule reads them. The softmax of a row of minus infinity, such as a
// fully masked one in attention, is NaN. Where a model hides such rows behind a Where, their gradient is 0, but 0·NaN
// is NaN: the rule reads 0 in the place of NaN.
func readable(g *graphs.Graph, n *graphs.Node) []*value {
	if n.Domain != "" || n.Op != "Softmax" || !behindWhere(g, n.Outputs[0]) {
		return n.Outputs
	}
	y := n.Outputs[0]
	unknown := g.Append(&graphs.Node{Op: "IsNaN", Inputs: []*value{y}}, &value{Type: graphs.Bool, Shape: y.Shape})[0]
	return []*value{g.Where(unknown, g.Scalar(0), y)}
}

// behindWhere reports whether a Where chooses between v, or v in another type, and something else.
func behindWhere(g *graphs.Graph, v *value) bool {
	return slices.ContainsFunc(g.Nodes, func(n *graphs.Node) bool {
		return slices.Contains(n.Inputs, v) && (n.Op == "Where" || n.Op == "Cast" && behindWhere(g, n.Outputs[0]))
	})
}

// behind names the values of wrt on which n depends.
func behind(n *graphs.Node, wrt []*value) []string {
	var names []string
	seen := map[*value]bool{}
	var visit func(v *value)
	visit = func(v *value) {
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

func anyOf(values []*value, holds func(*value) bool) bool {
	return slices.ContainsFunc(values, func(v *value) bool { return v != nil && holds(v) })
}

// unbroadcast sums a gradient over the axes along which v was repeated.
func unbroadcast(g *graphs.Graph, gradient, v *value) *value {
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
	if n := len(axes); n > 1 && axes[n-1] == int64(n-1) { // the first axes: ONNX Runtime is faster on a matrix
		gradient, axes = g.Reshape(gradient, -1, v.Len()), axes[:1]
	}
	return g.Reshape(g.ReduceSum(gradient, false, axes...), v.Shape...)
}
