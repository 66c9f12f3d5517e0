package graphs

import "slices"

// Cuts lists, in order, the float tensors that every path from one value to another passes, from itself included. In a
// residual network they are the results of the blocks. Each value on a path is computed either before a cut or from it.
func (g *Graph) Cuts(from, to *Value) []*Value {
	leadsToEnd := map[*Value]bool{to: true}
	for _, n := range slices.Backward(g.Nodes) {
		if anyIn(leadsToEnd, n.Outputs) {
			for _, v := range n.Inputs {
				leadsToEnd[v] = v != nil
			}
		}
	}
	onPath := g.dependOn([]*Value{from})
	for v := range onPath {
		if !leadsToEnd[v] {
			delete(onPath, v)
		}
	}
	var cuts []*Value
	if onPath[from] {
		cuts = append(cuts, from)
	}
	lastUse := map[*Value]int{to: len(g.Nodes)}
	for i, n := range g.Nodes {
		for _, v := range n.Inputs {
			if v != to && anyIn(onPath, n.Outputs) {
				lastUse[v] = i
			}
		}
	}
	// The values that are still to be read are what all paths pass at this point.
	unread := map[*Value]bool{from: true}
	for i, n := range g.Nodes {
		if !anyIn(onPath, n.Outputs) {
			continue
		}
		for _, v := range n.Inputs {
			if lastUse[v] == i {
				delete(unread, v)
			}
		}
		for _, v := range n.Outputs {
			if onPath[v] {
				unread[v] = true
			}
		}
		for v := range unread {
			if len(unread) == 1 && (v.Type == Float32 || v.Type == Float64) && v.Rank() > 0 && v != from {
				cuts = append(cuts, v)
			}
		}
	}
	return cuts
}

func anyIn(set map[*Value]bool, values []*Value) bool {
	return slices.ContainsFunc(values, func(v *Value) bool { return set[v] })
}
