package graphs

import "slices"

// Cuts lists, in order, the float tensors through which every path from one
// value to another passes, from the first on: a residual network's are the
// results of its blocks. Whatever depends on from and leads to to is computed
// either before a cut or from it.
func (g *Graph) Cuts(from, to *Value) []*Value {
	leads := map[*Value]bool{to: true} // to to
	for _, n := range slices.Backward(g.Nodes) {
		if anyIn(leads, n.Outputs) {
			for _, v := range n.Inputs {
				leads[v] = v != nil
			}
		}
	}
	paths := g.dependOn([]*Value{from})
	for v := range paths {
		if !leads[v] {
			delete(paths, v)
		}
	}
	var cuts []*Value
	if paths[from] {
		cuts = append(cuts, from)
	}
	lastUse := map[*Value]int{to: len(g.Nodes)}
	for i, n := range g.Nodes {
		for _, v := range n.Inputs {
			if v != to && anyIn(paths, n.Outputs) {
				lastUse[v] = i
			}
		}
	}
	// Between two nodes, the paths pass through the values that are still to be
	// used.
	open := map[*Value]bool{from: true}
	for i, n := range g.Nodes {
		if !anyIn(paths, n.Outputs) {
			continue
		}
		for _, v := range n.Inputs {
			if lastUse[v] == i {
				delete(open, v)
			}
		}
		for _, v := range n.Outputs {
			if paths[v] {
				open[v] = true
			}
		}
		for v := range open {
			if len(open) == 1 && (v.Type == Float32 || v.Type == Float64) && v.Rank() > 0 && v != from {
				cuts = append(cuts, v)
			}
		}
	}
	return cuts
}

func anyIn(set map[*Value]bool, values []*Value) bool {
	return slices.ContainsFunc(values, func(v *Value) bool { return set[v] })
}
