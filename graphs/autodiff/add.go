package autodiff

import (
	"slices"

	"fovea/graphs"
)

// add returns a + b, two contributions to a gradient. Slice and Gather give parts of an axis with zeros around them;
// two such parts that lie beside each other are joined instead.
func add(g *graphs.Graph, a, b *value) *value {
	if joined := join(g, a, b); joined != nil {
		return joined
	}
	return g.Add(a, b)
}

// join returns a + b if both are parts of an axis that lie beside each other, else nil.
func join(g *graphs.Graph, a, b *value) *value {
	if x, y := beforeReshape(a), beforeReshape(b); x != nil && y != nil && slices.Equal(x.Shape, y.Shape) {
		if joined := join(g, x, y); joined != nil {
			return g.Reshape(joined, a.Shape...)
		}
	}
	p, q := paddedPart(a), paddedPart(b)
	if q.endsAt(p) {
		p, q = q, p
	}
	if !p.endsAt(q) {
		return nil
	}
	joined := g.Concat(p.axis, append(joinedFrom(p.inner, p.axis), joinedFrom(q.inner, p.axis)...)...)
	if p.before == 0 && q.after == 0 {
		return joined
	}
	return g.Pad(joined, p.axis, p.before, q.after)
}

// beforeReshape returns the value to which a Reshape gave the shape of v, nil if no Reshape makes v.
func beforeReshape(v *value) *value {
	if n := v.Producer(); n != nil && n.Op == "Reshape" {
		return n.Inputs[0]
	}
	return nil
}

// A part is a value with zeros before and after it on one axis.
type part struct {
	inner         *value // nil if there are no such zeros
	axis          int64
	before, after int64
}

// endsAt reports whether q begins where p ends.
func (p part) endsAt(q part) bool {
	return p.inner != nil && q.inner != nil && p.axis == q.axis && p.before+p.inner.Shape[p.axis] == q.before
}

// paddedPart returns the part from which a Pad with zeros on one axis makes v.
func paddedPart(v *value) (p part) {
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

// joinedFrom returns the values that a Concat along the axis joins to v, or v itself.
func joinedFrom(v *value, axis int64) []*value {
	if n := v.Producer(); n != nil && n.Op == "Concat" && n.Attributes.Int("axis", 0) == axis {
		return slices.Clone(n.Inputs)
	}
	return []*value{v}
}
