package evaluation

import (
	"cmp"
	"slices"
	"sort"
)

// An entry is one row of a ranking, which is in the order of falling scores.
type entry struct {
	row   int32
	class uint16
	last  bool // of the rows with this score
}

// rank sorts n rows by falling score; equal scores stay in the order of rows. score and at return the score and the
// entry of row i.
func rank(n int, score func(i int) float64, at func(i int) entry) []entry {
	type key struct {
		score float64
		i     int32
	}
	keys := make([]key, n)
	for i := range keys {
		keys[i] = key{score(i), int32(i)}
	}
	slices.SortFunc(keys, func(a, b key) int {
		if a.score != b.score {
			return cmp.Compare(b.score, a.score)
		}
		return cmp.Compare(a.i, b.i)
	})
	out := make([]entry, n)
	for k, key := range keys {
		out[k] = at(int(key.i))
		out[k].last = k+1 == n || keys[k+1].score != key.score
	}
	return out
}

// A corner of a ROC curve counts the positive rows (hits) and the others (misses) above a threshold.
type corner struct{ hits, misses int64 }

// walk goes down a ranking in which row r counts weights[r] times and the rows of one class are positive. It sets the
// corners, from no rows to all, without those inside a horizontal line, and returns the average precision, 0 without
// positives. It adds to pairs, for each other class, twice the number of pairs of a positive and a row of that class in
// the right order; a tie counts half.
func (t *tally) walk(ranking []entry, positive uint16, weights []uint16, pairs []int64) (ap float64) {
	var at corner
	corners := append(t.corners[:0], at)
	for first := 0; first < len(ranking); {
		before, next := at, first
		for last := false; !last; next++ {
			e := ranking[next]
			last = e.last
			v := int64(weights[e.row])
			if e.class == positive {
				at.hits += v
			} else {
				at.misses += v
				pairs[e.class] += 2 * v * before.hits
			}
		}
		if tied := at.hits - before.hits; tied > 0 {
			corners = append(corners, before, at)
			ap += float64(tied) * float64(at.hits) / float64(at.hits+at.misses)
			for _, e := range ranking[first:next] {
				if e.class != positive {
					pairs[e.class] += int64(weights[e.row]) * tied
				}
			}
		}
		first = next
	}
	t.corners = append(corners, at)
	if at.hits > 0 {
		ap /= float64(at.hits)
	}
	return ap
}

// sensitivityAt returns the largest sensitivity of the last walk at a specificity of at least level. It compares the
// specificity as the quotient that is printed.
func (t *tally) sensitivityAt(level float64) float64 {
	all := t.corners[len(t.corners)-1]
	beyond := sort.Search(len(t.corners), func(i int) bool {
		return ratio(all.misses-t.corners[i].misses, all.misses) < level
	})
	return ratio(t.corners[beyond-1].hits, all.hits)
}
