package graphs

// Recompute makes the backward pass compute activations again instead of reading those of the forward pass, which then
// need not be kept: gradient checkpointing (Chen et al., 2016), torch.utils.checkpoint. The gradients stay the same to
// the bit.
//
// The backward pass consists of the nodes that depend on cotangents. kept lists float tensors of the forward pass in
// the order in which they are computed, such as [Graph.Cuts]. The backward pass still reads them, the values that
// depend on the last of them, and the values that depend on none of them.
//
// A runtime may merge two equal computations, or do the second right after the first. Either would undo the saving. So
// a chain of activations starts from its kept value minus a zero that is computed from the gradient that arrives, see
// delay.
func (g *Graph) Recompute(cotangents, kept []*Value) {
	if len(kept) < 2 {
		return // nothing lies between the first and the last
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
		if gradient := gradientInput(n, backward); gradient != nil {
			for i, v := range n.Inputs {
				if !r.kept[v] {
					n.Inputs[i] = r.copy(v, gradient)
				}
			}
		}
		g.Nodes = append(g.Nodes, n)
	}
}

// dependOn marks the given values and all that are computed from them.
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

// gradientInput returns a gradient that a node of the backward pass reads, or nil for other nodes.
func gradientInput(n *Node, backward map[*Value]bool) *Value {
	for _, v := range n.Inputs {
		if backward[v] && v.Type == Float32 && v.Len() != 0 {
			return v
		}
	}
	return nil
}

type recomputation struct {
	*Graph
	again  map[*Value]bool // values to compute again, with the kept ones that they start from
	kept   map[*Value]bool
	copies map[*Value]*Value
}

// copy appends the nodes that compute a value again once a gradient has arrived. Backward nodes stand in the order in
// which gradients arrive, so a copy for an earlier node is also there for a later one.
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

// delay returns a value that equals v to the bit but cannot be computed before gradient is there, and that no runtime
// merges with v. It is v - min(y·y, 0) for an element y of the gradient. No algebraic rule of an optimizer knows that
// the minimum is 0. It is +0, which does not even change the sign of a zero. It has rank 0 and so does not decide the
// type of v in mixed precision.
func (g *Graph) delay(v, gradient *Value) *Value {
	y := g.Apply("Gather", nil, g.Reshape(gradient, -1), g.Constant(Int64, nil, make([]byte, 8)))
	zero := g.Apply("Min", nil, g.Mul(y, y), g.Scalar(0))
	return g.Sub(v, g.Cast(zero, v.Type))
}
