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
		gradients, sums := new(string), make([]*string, SumArenas(n))
		for i := range sums {
			sums[i] = new(string)
		}
		for range 2 { // a step leaves nothing behind for the next
			for i := range n {
				*gradients = fmt.Sprint(i)
				err := Accumulate(i, n, gradients, sums, func(to, from *string) error {
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
		if got := SumArenas(n); got != want {
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
