package graphs

import (
	"math"
	"slices"
)

// Keep chooses the cuts that [Graph.Recompute] should keep so that the least memory is needed. The memory is that of
// the kept values plus, between the two kept values where it is largest, the activations that the backward pass reads.
// The first cut is an input and costs nothing, so it is always kept.
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
	const ratio = 1.05 // of a limit to the one tried before
	var best int64 = math.MaxInt64
	var chosen []int
	for limit := least; ; limit = int64(float64(limit)*ratio) + 1 {
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

// A segment holds the sizes in bytes of the values from one cut to the next.
type segment struct {
	inside int64 // activations behind the cut that the backward pass reads
	start  int64 // the cut itself, if the backward pass reads it
	kept   int64 // the cut itself
}

// segments measures the segment behind each cut.
func (g *Graph) segments(cotangents, cuts []*Value) []segment {
	backward := g.dependOn(cotangents)
	out := make([]segment, len(cuts))
	segmentOf := map[*Value]int{} // by value, counted from 1
	starts := map[*Value]bool{}
	for i, v := range cuts {
		segmentOf[v], starts[v] = i+1, true
		out[i].kept = v.Bytes()
	}
	counted := map[*Value]bool{}
	for _, n := range g.Nodes {
		last, reads := 0, false
		for _, v := range n.Inputs {
			last = max(last, segmentOf[v])
			reads = reads || backward[v]
		}
		if !reads {
			for _, v := range n.Outputs {
				if v != nil {
					segmentOf[v] = max(segmentOf[v], last)
				}
			}
			continue
		}
		for _, v := range n.Inputs {
			v = v.Stored()
			if backward[v] || counted[v] || segmentOf[v] == 0 {
				continue
			}
			counted[v] = true
			if s := &out[segmentOf[v]-1]; starts[v] {
				s.start = v.Bytes()
			} else {
				s.inside += v.Bytes()
			}
		}
	}
	return out
}

// fewest chooses the cuts that need the fewest bytes if at most limit bytes may lie between two of them.
func fewest(segments []segment, limit int64) (kept int64, chosen []int) {
	n := len(segments)
	// Entry i is for the values up to cut i with that cut kept; entry n is for all values.
	best, before := make([]int64, n+1), make([]int, n+1)
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
