package collective

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"fovea/training/optim"
)

// gradients returns those of a micro-batch: numbers of very different sizes, whose sum depends on the order.
func gradients(micro, n int) []float32 {
	rng := rand.New(rand.NewPCG(uint64(micro), 7))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64() * math.Exp2(float64(rng.IntN(30)-15)))
	}
	return out
}

// tree adds micro-batches as the definition says, by recursion.
func tree(start, end, n int) []float32 {
	if end-start == 1 {
		return gradients(start, n)
	}
	half := 1
	for 2*half < end-start {
		half *= 2
	}
	sum, right := tree(start, start+half, n), tree(start+half, end, n)
	for i := range sum {
		sum[i] += right[i]
	}
	return sum
}

// add computes a rank's share of a sum over micro-batches, and joins it with the other ranks'.
func add(g *Group, micros, n int) ([]float32, error) {
	start, end := Share(micros, g.Rank(), g.Size())
	var shape []optim.Partial
	var partials [][]float32
	for i := start; i < end; i++ {
		var merged int
		shape, merged = optim.Stack(shape, optim.Partial{Start: i})
		partials = append(partials, gradients(i, n))
		for range merged {
			last := len(partials) - 1
			optim.Add(partials[last-1], partials[last], 1)
			partials = partials[:last]
		}
	}
	sum := make([]float32, n)
	if len(partials) > 0 {
		sum = partials[0]
	}
	return sum, errors.Join(g.ReduceScatter(sum, partials, micros), g.AllGather(sum))
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// each calls f for each rank of a local group, each in a goroutine.
func each(size int, f func(g *Group)) {
	var wg sync.WaitGroup
	for _, g := range Local(size) {
		wg.Go(func() { f(g) })
	}
	wg.Wait()
}

// Any number of ranks ends with the bits of the definition, also with fewer micro-batches than ranks.
func TestSums(t *testing.T) {
	for _, n := range []int{1, 50, 1000} {
		for _, micros := range []int{1, 2, 3, 4, 5, 7, 8, 12, 13} {
			want := tree(0, micros, n)
			for size := 1; size <= 9; size++ {
				each(size, func(g *Group) {
					got, err := add(g, micros, n)
					if err != nil || !sameBits(got, want) {
						t.Errorf("%d elements, %d micro-batches, rank %d of %d: another sum, %v", n, micros, g.Rank(), size,
							err)
					}
				})
			}
		}
	}
}

// An arena of several pieces for each rank.
func TestLongSums(t *testing.T) {
	const n = 3*mostPiece + 17
	want := tree(0, 3, n)
	for _, size := range []int{1, 2, 4} {
		each(size, func(g *Group) {
			if got, err := add(g, 3, n); err != nil || !sameBits(got, want) {
				t.Errorf("rank %d of %d: another sum, %v", g.Rank(), size, err)
			}
		})
	}
}

// The pieces of all ranks pass to the first and back, and lists of any lengths to all.
func TestCollectAndScatter(t *testing.T) {
	for _, n := range []int{1, 5*optim.Chunk + 3, 11 * optim.Chunk} {
		want := gradients(0, n)
		for _, size := range []int{1, 2, 3, 7} {
			each(size, func(g *Group) {
				start, end := Piece(n, g.Rank(), size)
				var whole []float32
				if g.Rank() == 0 {
					whole = slices.Clone(want)
				}
				piece := make([]float32, end-start)
				err := g.Scatter(whole, piece, n)
				if err != nil || !sameBits(piece, want[start:end]) {
					t.Errorf("rank %d of %d has another piece of %d, %v", g.Rank(), size, n, err)
				}
				clear(whole)
				if err := g.Collect(whole, piece, n); err != nil || g.Rank() == 0 && !sameBits(whole, want) {
					t.Errorf("%d ranks collect others of %d, %v", size, n, err)
				}
				mine := slices.Repeat([]float64{1 / float64(1+g.Rank())}, g.Rank())
				var counts []int
				var all []float64
				for rank := range size {
					counts = append(counts, rank)
					all = append(all, slices.Repeat([]float64{1 / float64(1+rank)}, rank)...)
				}
				if got, err := g.Gather(mine, counts); err != nil || !slices.Equal(got, all) {
					t.Errorf("rank %d of %d gathers %v, want %v, %v", g.Rank(), size, got, all, err)
				}
			})
		}
	}
}

func TestMaxAndBroadcast(t *testing.T) {
	data := make([]byte, 4*mostPiece+3)
	for i := range data {
		data[i] = byte(i * 7)
	}
	for _, size := range []int{1, 2, 5} {
		each(size, func(g *Group) {
			for _, length := range []int{0, 1, 6, len(data)} {
				mine := data[:length]
				if g.Rank() > 0 {
					mine = []byte("not read")
				}
				if got, err := g.Broadcast(mine); err != nil || !slices.Equal(got, data[:length]) {
					t.Errorf("rank %d of %d received %d bytes, want %d, %v", g.Rank(), size, len(got), length, err)
				}
			}
			x, err := g.Max(-1 / float64(1+g.Rank()))
			if want := -1 / float64(size); x != want || err != nil {
				t.Errorf("rank %d of %d: the largest is %v, want %v, %v", g.Rank(), size, x, want, err)
			}
			bad := 1.0
			if g.Rank() == size-1 {
				bad = math.NaN()
			}
			if x, err = g.Max(bad); x == x || err != nil {
				t.Errorf("rank %d of %d: NaN is lost: %v, %v", g.Rank(), size, x, err)
			}
			if err := errors.Join(g.Barrier(), g.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}

// No rank waits for one that has failed.
func TestAbort(t *testing.T) {
	each(4, func(g *Group) {
		if g.Rank() == 2 {
			g.Abort(errors.New("the disk is full"))
			return
		}
		if err := g.Barrier(); err == nil || err.Error() != "rank 2 of 4: the disk is full" {
			t.Errorf("rank %d: %v", g.Rank(), err)
		}
	})
}

func TestWrongSums(t *testing.T) {
	g := Local(1)[0]
	for _, c := range []struct {
		partials [][]float32
		want     string
	}{
		{nil, "0 partial sums of 4 micro-batches, want 1"},
		{[][]float32{make([]float32, 3)}, "3 elements for a sum of 5"},
	} {
		if err := g.ReduceScatter(make([]float32, 5), c.partials, 4); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want: %s", err, c.want)
		}
	}
}

// Pieces and shares cover all, once.
func TestPieces(t *testing.T) {
	for _, n := range []int{0, 1, optim.Chunk - 1, optim.Chunk, optim.Chunk + 1, 7*optim.Chunk + 5, 40 * optim.Chunk} {
		for size := 1; size <= 20; size++ {
			share, piece := 0, 0
			for rank := range size {
				s, e := Share(n, rank, size)
				if s != share || e < s || e-s > n/size+1 || e-s < n/size {
					t.Errorf("rank %d of %d has the share %d to %d of %d", rank, size, s, e, n)
				}
				share = e
				s, e = Piece(n, rank, size)
				if s != piece || e < s || s%optim.Chunk != 0 && s != n {
					t.Errorf("rank %d of %d has the piece %d to %d of %d", rank, size, s, e, n)
				}
				piece = e
			}
			if share != n || piece != n {
				t.Errorf("%d ranks have %d and %d of %d", size, share, piece, n)
			}
		}
	}
}

func ExampleGroup_ReduceScatter() {
	each(2, func(g *Group) { // under mpirun, g comes from Open
		sum := []float32{float32(1 + g.Rank()), 10}
		if err := errors.Join(g.ReduceScatter(sum, [][]float32{sum}, 2), g.AllGather(sum)); err != nil {
			panic(err)
		}
		if g.Rank() == 1 {
			fmt.Println(sum)
		}
	})
	// Output: [3 20]
}

// TestAgree: all ranks have the error of one, a wish to stop gives way to it, and bytes of any lengths arrive whole.
func TestAgree(t *testing.T) {
	failed := errors.New("the disk is full\nof images")
	for _, test := range []struct {
		errs [3]error
		want string
	}{
		{[3]error{}, ""},
		{[3]error{nil, fmt.Errorf("epoch 1: %w", context.Canceled), nil}, "canceled"},
		{[3]error{context.Canceled, nil, failed}, "rank 2 of 3: the disk is full\nof images"},
	} {
		got := make([]error, 3)
		var wg sync.WaitGroup
		for rank, g := range Local(3) {
			wg.Go(func() {
				got[rank] = g.Agree(test.errs[rank])
				data := bytes.Repeat([]byte{byte(rank)}, rank*(4*mostPiece+3))
				all, err := g.GatherBytes(data)
				for r, b := range all {
					if len(b) != r*(4*mostPiece+3) || r > 0 && (b[0] != byte(r) || b[len(b)-1] != byte(r)) {
						err = errors.Join(err, fmt.Errorf("%d bytes of rank %d", len(b), r))
					}
				}
				done := 0
				err = errors.Join(err, g.Rounds(t.Context(), 2, func(next func() error) error {
					for range rank { // 0, 1 and 2 parts
						done++
						if err := next(); err != nil {
							return err
						}
					}
					return nil
				}))
				stopped := g.Rounds(t.Context(), 2, func(next func() error) error {
					if rank == 1 {
						return failed
					}
					return next()
				})
				if err != nil || done != rank || !IsAgreed(stopped) || !strings.Contains(stopped.Error(), "full") {
					t.Errorf("rank %d: %v, %d rounds, %v", rank, err, done, stopped)
				}
			})
		}
		wg.Wait()
		for rank, err := range got {
			switch own := test.errs[rank]; {
			case test.want == "":
				if err != nil {
					t.Errorf("rank %d: %v", rank, err)
				}
			case !IsAgreed(err), own != failed && !strings.Contains(err.Error(), test.want), own == failed && !errors.Is(err, failed):
				t.Errorf("rank %d has %v, want %s", rank, err, test.want)
			}
		}
	}
}
