package evaluation

import (
	"cmp"
	"slices"
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

// A curve holds the results of one walk along a ROC curve.
type curve struct {
	ap   float64                       // average precision; 0 without positives
	hits [len(specificityLevels)]int64 // true positives where at most so many false ones are allowed
}

// walk goes down a ranking in which row r counts weights[r] times and the rows of one class are positive. It adds to
// pairs, for each other class, twice the number of pairs of a positive and a row of that class in the right order; a
// tie counts half. allowed must rise. The trace, which has been started, may be nil.
func walk(ranking []entry, positive uint16, weights []uint16, pairs []int64, allowed [len(specificityLevels)]int64,
	t *trace) curve {
	var c curve
	var hits, misses int64 // above the current score
	hitGoal, missGoal := t.goals()
	level := 0
	for i := 0; i < len(ranking); i++ {
		first, before, passed := i, hits, misses
		if e := ranking[i]; e.last {
			switch v := int64(weights[e.row]); {
			case v == 0:
				continue
			case e.class == positive:
				hits += v
				c.ap += float64(v) * float64(hits) / float64(hits+misses)
				if hits >= hitGoal {
					hitGoal = t.reach(hits, misses)
				}
				continue
			default:
				misses += v
				pairs[e.class] += 2 * v * hits
			}
		} else {
			for ; ; i++ {
				e := ranking[i]
				v := int64(weights[e.row])
				if e.class == positive {
					hits += v
				} else {
					misses += v
					pairs[e.class] += 2 * v * before
				}
				if e.last {
					break
				}
			}
			if tied := hits - before; tied > 0 {
				c.ap += float64(tied) * float64(hits) / float64(hits+misses)
				for _, e := range ranking[first : i+1] {
					if e.class != positive {
						pairs[e.class] += int64(weights[e.row]) * tied
					}
				}
			}
		}
		if misses > missGoal {
			missGoal = t.pass(before, passed, hits, misses)
		}
		if hits >= hitGoal {
			hitGoal = t.reach(hits, misses)
		}
		for level < len(allowed) && misses > allowed[level] {
			c.hits[level] = before
			level++
		}
	}
	for ; level < len(allowed); level++ {
		c.hits[level] = hits
	}
	if hits > 0 {
		c.ap /= float64(hits)
	}
	return c
}

// falsePositives returns how many of n negatives may be called positive at each of specificityLevels. It compares the
// specificity as the quotient that is printed.
func falsePositives(n int64) (allowed [len(specificityLevels)]int64) {
	for k, level := range specificityLevels {
		f := min(n, int64((1-level)*float64(n))+1)
		for f > 0 && ratio(n-f, n) < level {
			f--
		}
		allowed[k] = f
	}
	return allowed
}
