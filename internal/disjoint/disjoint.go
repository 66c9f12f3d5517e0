// Package disjoint keeps numbers in sets that are joined, one pair after the other.
package disjoint

// Sets holds disjoint sets of the numbers from 0 to n-1.
type Sets []int // a number of the same set, at most the own one; the first of a set has its own

// New returns n sets of one number each.
func New(n int) Sets {
	s := make(Sets, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// First returns the least number of the set that holds i.
func (s Sets) First(i int) int {
	for s[i] != i {
		s[i] = s[s[i]]
		i = s[i]
	}
	return i
}

// Join makes one set of those that hold a and b.
func (s Sets) Join(a, b int) {
	a, b = s.First(a), s.First(b)
	s[max(a, b)] = min(a, b)
}

// All returns the sets in the order of their first numbers, with their numbers in order.
func (s Sets) All() [][]int {
	var out [][]int
	place := make([]int, len(s)) // of a set in out
	for i := range s {
		first := s.First(i)
		if first == i {
			place[i] = len(out)
			out = append(out, nil)
		}
		out[place[first]] = append(out[place[first]], i)
	}
	return out
}
