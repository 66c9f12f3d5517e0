package similar

import (
	"slices"

	"fovea/internal/parallel"
)

const (
	candidates = 8  // of each print, which are looked at closely
	mostBits   = 16 // of 112, in which a candidate's signature may differ
	// leastGrey and leastColour are the least correlations of similar images, chosen on RetinaMNIST. The second is lower
	// because three channels say more than one.
	leastGrey   = 0.985
	leastColour = 0.967
)

// Find returns the pairs of similar images, each once and with the lower index first, in order. Images without
// content, such as black ones, are similar to none. workers is the number of goroutines, 0 for one a core.
func Find(prints []*Print, workers int) [][2]int {
	n := len(prints)
	wholes, all := make([]signature, n), make([][]signature, n)
	parallel.Each(workers, n, func(i int) {
		s := prints[i].grey().integral()
		wholes[i] = s.signature(whole)
		for _, part := range parts {
			all[i] = append(all[i], s.signature(part))
		}
	})
	found := make([][][2]int, n)
	parallel.Each(workers, n, func(b int) {
		for _, c := range nearest(wholes[b], all, b) {
			if similar(prints[c.print], prints[b], parts[c.part]) {
				found[b] = append(found[b], [2]int{min(c.print, b), max(c.print, b)})
			}
		}
	})
	out := slices.Concat(found...)
	slices.SortFunc(out, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(out)
}

// A candidate is a part of a print that may show what another print shows.
type candidate struct{ print, part, distance int }

// nearest returns the prints, but for one, whose parts have signatures like s.
func nearest(s signature, all [][]signature, but int) []candidate {
	var out []candidate
	most := mostBits + 1 // the distance of the next one is below
	for i, signatures := range all {
		if i == but {
			continue
		}
		best, at := most, -1
		for part, t := range signatures {
			if d := s.distance(t); d < best {
				best, at = d, part
			}
		}
		if at < 0 {
			continue
		}
		c := candidate{i, at, best}
		place, _ := slices.BinarySearchFunc(out, best+1, func(c candidate, d int) int { return c.distance - d })
		out = slices.Insert(out, place, c)
		if len(out) > candidates {
			out = out[:candidates]
		}
		if len(out) == candidates {
			most = min(most, out[candidates-1].distance)
		}
	}
	return out
}

// similar reports whether b shows a part of a, near the given one.
func similar(a, b *Print, part box) bool {
	greyA, greyB := a.grey().smoothed(1), b.grey().smoothed(1)
	part = align(greyA, greyB, part)
	var grey comparison
	grey.add(greyA, greyA.smoothed(4), greyB, part, 16)
	switch r := grey.correlation(); {
	case r >= leastGrey:
		return true
	case r < leastGrey-0.1 || !a.coloured() || !b.coloured():
		return false
	}
	var colour comparison
	for c := range 3 {
		channel := a.channel(c).smoothed(1)
		colour.add(channel, channel.smoothed(4), b.channel(c).smoothed(1), part, 8)
	}
	return colour.correlation() >= leastColour
}
