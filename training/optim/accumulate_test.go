package optim

import (
	"fmt"
	"slices"
	"testing"
)

// The shape of a sum is that of the tree that a recursion makes: each node is the sum of its halves, of which the first
// has as many micro-batches as the largest power of two below.
func TestAccumulateShape(t *testing.T) {
	var tree func(start, end int) string
	tree = func(start, end int) string {
		if end-start == 1 {
			return fmt.Sprint(start)
		}
		half := 1
		for 2*half < end-start {
			half *= 2
		}
		return "(" + tree(start, start+half) + "+" + tree(start+half, end) + ")"
	}
	for n := 1; n <= 70; n++ {
		gradients, sums := new(string), make([]*string, SumArenas(Whole(n)))
		for i := range sums {
			sums[i] = new(string)
		}
		for range 2 { // a step leaves nothing behind for the next
			for i := range n {
				*gradients = fmt.Sprint(i)
				_, err := Accumulate(i, Whole(n), gradients, sums, func(to, from *string) error {
					*to = "(" + *to + "+" + *from + ")"
					return nil
				}, func(to, from *string) error {
					*to = *from
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			got := *gradients
			if n > 1 {
				got = *sums[0]
			}
			if want := tree(0, n); got != want {
				t.Errorf("%d micro-batches are added as %s, want %s", n, got, want)
			}
		}
	}
	for n, want := range map[int]int{1: 0, 2: 1, 3: 1, 4: 2, 7: 2, 8: 3, 1024: 10} {
		if got := SumArenas(Whole(n)); got != want {
			t.Errorf("%d micro-batches need %d arenas, want %d", n, got, want)
		}
	}
}

func TestPartials(t *testing.T) {
	for _, c := range []struct {
		start, end int
		want       []Partial
	}{
		{0, 8, []Partial{{0, 3}}}, {4, 8, []Partial{{4, 2}}}, {2, 4, []Partial{{2, 1}}}, {3, 3, nil},
		{0, 7, []Partial{{0, 2}, {4, 1}, {6, 0}}}, {3, 9, []Partial{{3, 0}, {4, 2}, {8, 0}}},
		{2, 8, []Partial{{2, 1}, {4, 2}}},
	} {
		if got := Partials(c.start, c.end); !slices.Equal(got, c.want) {
			t.Errorf("micro-batches %d to %d leave %v, want %v", c.start, c.end, got, c.want)
		}
	}
}

// Whatever share a process has, its partial sums are those that Partials lists, and together they are the whole sum.
func TestAccumulateShare(t *testing.T) {
	add := func(to, from *string) error {
		*to = "(" + *to + "+" + *from + ")"
		return nil
	}
	replace := func(to, from *string) error {
		*to = *from
		return nil
	}
	sum := func(s Share) (parts []*string) {
		gradients, sums := new(string), make([]*string, SumArenas(s))
		for i := range sums {
			sums[i] = new(string)
		}
		for i := s.Start; i < s.End; i++ {
			*gradients = fmt.Sprint(i)
			parts, _ = Accumulate(i, s, gradients, sums, add, replace)
		}
		return parts
	}
	for n := 1; n <= 13; n++ {
		want := *sum(Whole(n))[0]
		for start := 0; start <= n; start++ {
			for end := start; end <= n; end++ {
				var shape []Partial
				var all []*string
				for _, s := range []Share{{0, start, n}, {start, end, n}, {end, n, n}} {
					if s.Len() == n {
						continue
					}
					parts := sum(s)
					if len(parts) != len(Partials(s.Start, s.End)) {
						t.Errorf("micro-batches %d to %d leave %d sums", s.Start, s.End, len(parts))
					}
					for k, p := range Partials(s.Start, s.End) {
						var merged int
						shape, merged = Stack(shape, p)
						for all = append(all, parts[k]); merged > 0; merged-- {
							add(all[len(all)-2], all[len(all)-1])
							all = all[:len(all)-1]
						}
					}
				}
				for len(all) > 1 {
					add(all[len(all)-2], all[len(all)-1])
					all = all[:len(all)-1]
				}
				if len(all) == 1 && *all[0] != want {
					t.Errorf("%d micro-batches cut at %d and %d are added as %s, want %s", n, start, end, *all[0], want)
				}
			}
		}
	}
}
