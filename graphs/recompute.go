package graphs

// Recompute makes a backward pass compute activations anew instead of reading
// those of the forward pass, which need not be kept until then: gradient
// checkpointing (Chen et al., 2016), torch.utils.checkpoint. The gradients stay
// the same to the bit.
//
// The backward pass is every node that depends on cotangents. kept are float
// tensors of the forward pass in the order in which they are computed, such as
// [Graph.Cuts]. They are what a backward pass still reads, beside what follows
// from the last of them and what depends on none of them.
//
// A runtime that sees two equal computations merges them, and one that is free
// to choose does the second right after the first: either would undo all of
// this. So a chain of activations starts from its kept value minus a zero that
// is computed from the gradient that arrives, see delay.
func (g *Graph) Recompute(cotangents, kept []*Value) {
	if len(kept) < 2 {
		return // between the first and the last lies nothing
	}
	backward := g.dependOn(cotangents)
	last := g.dependOn(kept[len(kept)-1:])
	r := recomputation{Graph: g, again: g.dependOn(kept), copies: map[*Value]*Value{}, kept: map[*Value]bool{}}
	for v := range r.again {
		if last[v] || backward[v] {
			delete(r.again, v)
		}
	}
	for _, v := range kept {
		r.kept[v] = true
	}
	nodes := g.Nodes
	g.Nodes = nil
	for _, n := range nodes {
		if gradient := arriving(n, backward); gradient != nil {
			for i, v := range n.Inputs {
				if !r.kept[v] {
					n.Inputs[i] = r.copy(v, gradient)
				}
			}
		}
		g.Nodes = append(g.Nodes, n)
	}
}

// dependOn marks some values and all that is computed from them.
func (g *Graph) dependOn(values []*Value) map[*Value]bool {
	out := map[*Value]bool{}
	for _, v := range values {
		out[v] = true
	}
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			if out[in] {
				for _, v := range n.Outputs {
					if v != nil {
						out[v] = true
					}
				}
				break
			}
		}
	}
	return out
}

// arriving is the gradient that a node of the backward pass reads, nil for
// other nodes.
func arriving(n *Node, backward map[*Value]bool) *Value {
	for _, v := range n.Inputs {
		if backward[v] && v.Type == Float32 && v.Len() != 0 {
			return v
		}
	}
	return nil
}

type recomputation struct {
	*Graph
	again  map[*Value]bool // values that are computed anew, and those they start from
	kept   map[*Value]bool
	copies map[*Value]*Value
}

// copy appends the nodes that compute a value anew once a gradient has arrived.
// Backward nodes come in the order in which gradients arrive, so that a copy that
// an earlier one needed is there in time.
func (r *recomputation) copy(v, gradient *Value) *Value {
	if v == nil || !r.again[v] {
		return v
	}
	if c := r.copies[v]; c != nil {
		return c
	}
	if r.kept[v] {
		c := r.delay(v, gradient)
		r.copies[v] = c
		return c
	}
	n := &Node{Op: v.node.Op, Domain: v.node.Domain, Version: v.node.Version, Attributes: v.node.Attributes,
		FullPrecision: v.node.FullPrecision}
	for _, in := range v.node.Inputs {
		n.Inputs = append(n.Inputs, r.copy(in, gradient))
	}
	results := make([]*Value, len(v.node.Outputs))
	for i, out := range v.node.Outputs {
		if out != nil {
			results[i] = &Value{Type: out.Type, Shape: out.Shape}
			r.copies[out] = results[i]
		}
	}
	r.Append(n, results...)
	return r.copies[v]
}

// delay is v, to the bit, but cannot be computed before gradient is there, and
// looks like another value to whoever merges equal ones: v - min(y·y, 0) for an
// element y of the gradient. No rule of algebra that an optimizer follows knows
// that the minimum is 0, and it is +0, which changes not even the sign of a zero.
// It has rank 0 and so does not decide about the type of v in mixed precision.
func (g *Graph) delay(v, gradient *Value) *Value {
	y := g.Apply("Gather", nil, g.Reshape(gradient, -1), g.Constant(Int64, nil, make([]byte, 8)))
	zero := g.Apply("Min", nil, g.Mul(y, y), g.Scalar(0))
	return g.Sub(v, g.Cast(zero, v.Type))
}
