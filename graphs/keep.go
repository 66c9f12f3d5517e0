package graphs

import (
	"math"
	"slices"
)

// Keep chooses those of the cuts to give to [Graph.Recompute] with which the
// least memory is needed: that of the kept values, and of the activations that
// the backward pass reads between two of them at the worst place. The first
// cut, an input that is there anyway, is always kept.
func (g *Graph) Keep(cotangents, cuts []*Value) []*Value {
	if len(cuts) == 0 {
		return nil
	}
	segments := g.segments(cotangents, cuts)
	least, most := int64(0), int64(0)
	for _, s := range segments {
		least = max(least, s.inside)
		most += s.inside + s.start
	}
	const step = 1.05 // between the limits that are tried
	var best int64 = math.MaxInt64
	var chosen []int
	for limit := least; ; limit = int64(float64(limit)*step) + 1 {
		if kept, c := fewest(segments, limit); kept < best-limit {
			best, chosen = kept+limit, c
		}
		if limit >= most {
			break
		}
	}
	out := make([]*Value, len(chosen))
	for i, j := range chosen {
		out[i] = cuts[j]
	}
	return out
}

// A segment is what is computed from one cut to the next, in bytes.
type segment struct {
	inside int64 // activations that the backward pass reads
	start  int64 // the cut itself, if the backward pass reads it
	kept   int64 // the cut itself
}

// segments measures what follows from each cut.
func (g *Graph) segments(cotangents, cuts []*Value) []segment {
	backward := g.dependOn(cotangents)
	out := make([]segment, len(cuts))
	of := map[*Value]int{} // the segment of a value, counted from 1
	starts := map[*Value]bool{}
	for i, v := range cuts {
		of[v], starts[v] = i+1, true
		out[i].kept = v.Bytes()
	}
	counted := map[*Value]bool{}
	for _, n := range g.Nodes {
		last, reads := 0, false
		for _, v := range n.Inputs {
			last = max(last, of[v])
			reads = reads || backward[v]
		}
		if !reads {
			for _, v := range n.Outputs {
				if v != nil {
					of[v] = max(of[v], last)
				}
			}
			continue
		}
		for _, v := range n.Inputs {
			v = v.Stored()
			if backward[v] || counted[v] || of[v] == 0 {
				continue
			}
			counted[v] = true
			if s := &out[of[v]-1]; starts[v] {
				s.start = v.Bytes()
			} else {
				s.inside += v.Bytes()
			}
		}
	}
	return out
}

// fewest chooses, by number, the cuts that need the fewest bytes if no more than
// limit may lie between two of them.
func fewest(segments []segment, limit int64) (kept int64, chosen []int) {
	n := len(segments)
	best, before := make([]int64, n+1), make([]int, n+1) // with a cut kept, all up to it; n is the end
	for i := 1; i <= n; i++ {
		best[i] = math.MaxInt64
		inside := int64(0)
		for j := i - 1; j >= 0; j-- {
			if inside += segments[j].inside; inside > limit {
				break
			}
			if best[j] < best[i] {
				best[i], before[i] = best[j], j
			}
			inside += segments[j].start
		}
		if i < n {
			best[i] += segments[i].kept
		}
	}
	for i := before[n]; i > 0; i = before[i] {
		chosen = append(chosen, i)
	}
	chosen = append(chosen, 0)
	slices.Reverse(chosen)
	return best[n], chosen
}
