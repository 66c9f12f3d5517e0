package autodiff

import (
	"slices"

	"fovea/graphs"
)

// add is a + b, two contributions to a gradient. Neighbouring parts of an axis with
// zeros around them, as Slice and Gather give, are joined instead.
func add(g *graphs.Graph, a, b *graphs.Value) *graphs.Value {
	if joined := join(g, a, b); joined != nil {
		return joined
	}
	return g.Add(a, b)
}

// join is a + b if both are parts of an axis that lie beside each other, else nil.
func join(g *graphs.Graph, a, b *graphs.Value) *graphs.Value {
	if x, y := reshaped(a), reshaped(b); x != nil && y != nil && slices.Equal(x.Shape, y.Shape) {
		if joined := join(g, x, y); joined != nil {
			return g.Reshape(joined, a.Shape...)
		}
	}
	p, q := partOf(a), partOf(b)
	if p.inner != nil && q.inner != nil && p.axis == q.axis && q.before+q.inner.Shape[q.axis] == p.before {
		p, q = q, p
	}
	if p.inner == nil || q.inner == nil || p.axis != q.axis || p.before+p.inner.Shape[p.axis] != q.before {
		return nil
	}
	joined := g.Concat(p.axis, append(pieces(p.inner, p.axis), pieces(q.inner, p.axis)...)...)
	if p.before == 0 && q.after == 0 {
		return joined
	}
	return g.Pad(joined, p.axis, p.before, q.after)
}

// reshaped is what a Reshape gave another shape, nil if v is not of one.
func reshaped(v *graphs.Value) *graphs.Value {
	if n := v.Producer(); n != nil && n.Op == "Reshape" {
		return n.Inputs[0]
	}
	return nil
}

// A part is a value with zeros before and after it on an axis.
type part struct {
	inner         *graphs.Value // nil if there are no such zeros
	axis          int64
	before, after int64
}

func partOf(v *graphs.Value) (p part) {
	n := v.Producer()
	if n == nil || n.Op != "Pad" || len(n.Inputs) != 2 || n.Attributes["mode"] != nil {
		return p
	}
	pads, _ := n.Inputs[1].IntValues()
	for axis := range v.Rank() {
		before, after := pads[axis], pads[axis+v.Rank()]
		switch {
		case before < 0 || after < 0 || (before > 0 || after > 0) && p.inner != nil:
			return part{}
		case before > 0 || after > 0:
			p = part{n.Inputs[0], int64(axis), before, after}
		}
	}
	return p
}

// pieces are what v was joined from along an axis.
func pieces(v *graphs.Value, axis int64) []*graphs.Value {
	if n := v.Producer(); n != nil && n.Op == "Concat" && n.Attributes.Int("axis", 0) == axis {
		return slices.Clone(n.Inputs)
	}
	return []*graphs.Value{v}
}
