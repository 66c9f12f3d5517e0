package collective

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"time"

	"fovea/internal/numbers"
	"fovea/training/optim"
)

// A Group joins the ranks of one training. It is for one goroutine at a time, but for [Group.Abort].
type Group struct {
	transport
	scratch []float32
	times   Times
	gpus    *GPUs // nil: nobody has asked for them
}

// Times are what a rank has spent: on waiting for others, on moving numbers, on adding them.
type Times struct{ Wait, Exchange, Add time.Duration }

// Times returns what the group has spent since it began.
func (g *Group) Times() Times { return g.times }

// spend adds the time since start to what was spent.
func spend(on *time.Duration, start time.Time) { *on += time.Since(start) }

// meet waits for the other ranks, before numbers are moved.
func (g *Group) meet() error {
	defer spend(&g.times.Wait, time.Now())
	if t, ok := g.transport.(resting); ok {
		return t.rest()
	}
	return nil
}

func (g *Group) move(send []float32, to ranges, receive []float32, from ranges) error {
	defer spend(&g.times.Exchange, time.Now())
	return g.exchange(send, to, receive, from)
}

// A transport moves numbers between ranks.
type transport interface {
	// Rank returns this process's number, from 0.
	Rank() int
	// Size returns the number of ranks.
	Size() int
	// exchange sends to each rank a range of send, and receives one from each.
	exchange(send []float32, to ranges, receive []float32, from ranges) error
	abort(reason error)
	Close() error // once all ranks have called it
}

// A resting transport has calls that keep a core busy while they wait for other ranks. rest waits without that.
type resting interface{ rest() error }

// ranges holds for each rank where its elements start and how many they are.
type ranges struct{ start, length []int32 }

func newRanges(size int) ranges { return ranges{make([]int32, size), make([]int32, size)} }

func (r ranges) set(rank, start, end int) {
	r.start[rank], r.length[rank] = int32(start), int32(end-start)
}

// Elements that a rank sends to another at once. MPI over shared memory is several times faster in pieces of 1 MiB than
// in one call. With many ranks the pieces shrink, so that those of all fit into a buffer.
const (
	mostPiece  = 1 << 20 / 4
	leastPiece = 1 << 14 / 4
	allPieces  = 8 << 20 / 4
)

func pieceLength(size int) int { return min(max(allPieces/size, leastPiece), mostPiece) }

// Share returns the part of n things that belongs to a rank, from start to end without end. The shares differ by at
// most one.
func Share(n, rank, size int) (start, end int) { return rank * n / size, (rank + 1) * n / size }

// Piece returns the part of n elements of an arena that belongs to a rank, from start to end without end. Each start is
// a multiple of [optim.Chunk], or n: the squares of a chunk are added by one rank.
func Piece(n, rank, size int) (start, end int) {
	start, end = Share((n+optim.Chunk-1)/optim.Chunk, rank, size)
	return min(start*optim.Chunk, n), min(end*optim.Chunk, n)
}

// longest returns the length of the longest piece.
func (g *Group) longest(n int) (most int) {
	for rank := range g.Size() {
		start, end := Piece(n, rank, g.Size())
		most = max(most, end-start)
	}
	return most
}

// part returns what belongs to a rank, of the elements from offset on of every piece.
func (g *Group) part(n, rank, offset int) (start, end int) {
	start, end = Piece(n, rank, g.Size())
	start = min(start+offset, end)
	return start, min(start+pieceLength(g.Size()), end)
}

// ReduceScatter adds the partial sums of all ranks over n micro-batches, of which each rank has its [Share]. partials
// holds those that [optim.Partials] lists for the share, each of the length of sum. Afterwards sum holds the total in
// the rank's own [Piece], with the bits that one process gets. The partials are overwritten; sum may be one of them.
func (g *Group) ReduceScatter(sum []float32, partials [][]float32, n int) error {
	own, size := g.Rank(), g.Size()
	held, most, all := make([][]optim.Partial, size), 0, 0
	for rank := range held {
		held[rank] = optim.Partials(Share(n, rank, size))
		most, all = max(most, len(held[rank])), all+len(held[rank])
	}
	if len(partials) != len(held[own]) {
		return fmt.Errorf("rank %d has %d partial sums of %d micro-batches, want %d", own, len(partials), n, len(held[own]))
	}
	for _, p := range partials {
		if len(p) != len(sum) {
			return fmt.Errorf("rank %d has a partial sum of %d elements for a sum of %d", own, len(p), len(sum))
		}
	}
	if err := checkLength(len(sum)); err != nil {
		return err
	}
	if err := g.meet(); err != nil {
		return err
	}
	longest := g.longest(len(sum))
	step := pieceLength(size)
	scratch := g.buffer(all * min(step, longest))
	for offset := 0; offset < longest; offset += step {
		start, end := g.part(len(sum), own, offset)
		values := make([][][]float32, size) // of each rank's partial sums, this rank's part
		used := 0
		for k := range most {
			to, from := newRanges(size), newRanges(size)
			var send []float32
			if k < len(partials) {
				send = partials[k]
				values[own] = append(values[own], send[start:end])
			}
			for rank := range size {
				if rank == own {
					continue
				}
				if k < len(partials) {
					s, e := g.part(len(sum), rank, offset)
					to.set(rank, s, e)
				}
				if k < len(held[rank]) {
					from.set(rank, used, used+end-start)
					values[rank] = append(values[rank], scratch[used:used+end-start])
					used += end - start
				}
			}
			if err := g.move(send, to, scratch, from); err != nil {
				return err
			}
		}
		adding := time.Now()
		copy(sum[start:end], total(held, values))
		spend(&g.times.Add, adding)
	}
	return nil
}

// total adds partial sums in the shape of the tree, into the first of them.
func total(held [][]optim.Partial, values [][][]float32) []float32 {
	var shape []optim.Partial
	var sums [][]float32
	addLast := func() {
		last := len(sums) - 1
		optim.Add(sums[last-1], sums[last], 1)
		sums = sums[:last]
	}
	for rank, list := range held {
		for k, p := range list {
			var merged int
			shape, merged = optim.Stack(shape, p)
			sums = append(sums, values[rank][k])
			for range merged {
				addLast()
			}
		}
	}
	for len(sums) > 1 {
		addLast()
	}
	return sums[0]
}

// AllGather gives every rank the pieces of all: of values each rank brings its own [Piece].
func (g *Group) AllGather(values []float32) error {
	own, size := g.Rank(), g.Size()
	if err := checkLength(len(values)); err != nil {
		return err
	}
	if err := g.meet(); err != nil {
		return err
	}
	longest := g.longest(len(values))
	for offset := 0; offset < longest && size > 1; offset += pieceLength(size) {
		start, end := g.part(len(values), own, offset)
		send := g.buffer(end - start) // what is sent and what is received must not overlap
		copy(send, values[start:end])
		to, from := newRanges(size), newRanges(size)
		for rank := range size {
			if rank != own {
				to.set(rank, 0, end-start)
				s, e := g.part(len(values), rank, offset)
				from.set(rank, s, e)
			}
		}
		if err := g.move(send, to, values, from); err != nil {
			return err
		}
	}
	return nil
}

func checkLength(n int) error {
	if n > math.MaxInt32 {
		return fmt.Errorf("%d parameters are too many for several processes, the most are %d", n, math.MaxInt32)
	}
	return nil
}

// Collect brings all pieces to rank 0. Of n elements each rank has its own [Piece]. On rank 0 whole takes all of them;
// on others it is not used.
func (g *Group) Collect(whole, piece []float32, n int) error {
	return g.viaFirst(whole, piece, n, false)
}

// Scatter gives each rank its own [Piece] of the n elements that rank 0 has, the reverse of [Group.Collect].
func (g *Group) Scatter(whole, piece []float32, n int) error {
	return g.viaFirst(whole, piece, n, true)
}

func (g *Group) viaFirst(whole, piece []float32, n int, scatter bool) error {
	if err := checkLength(n); err != nil {
		return err
	}
	if err := g.meet(); err != nil {
		return err
	}
	own, size := g.Rank(), g.Size()
	first, _ := Piece(n, own, size)
	for offset := 0; offset < g.longest(n); offset += pieceLength(size) {
		ofWhole, ofPiece := newRanges(size), newRanges(size)
		for rank := range size {
			start, end := g.part(n, rank, offset)
			if own == 0 {
				ofWhole.set(rank, start, end)
			}
			if own == rank {
				ofPiece.set(0, start-first, end-first) // empty at its end where others have longer pieces
			}
		}
		send, to, receive, from := piece, ofPiece, whole, ofWhole
		if scatter {
			send, to, receive, from = whole, ofWhole, piece, ofPiece
		}
		if err := g.move(send, to, receive, from); err != nil {
			return err
		}
	}
	return nil
}

// Gather returns the values of all ranks, one rank's after another's. counts says how many each brings.
func (g *Group) Gather(values []float64, counts []int) ([]float64, error) {
	if err := g.meet(); err != nil {
		return nil, err
	}
	total := 0
	to, from := newRanges(g.Size()), newRanges(g.Size())
	for rank, n := range counts {
		to.set(rank, 0, 2*len(values)) // a float64 travels as two float32, whose bits nobody looks at
		from.set(rank, 2*total, 2*(total+n))
		total += n
	}
	all := make([]float64, total)
	return all, g.move(floats(values), to, floats(all), from)
}

// Max returns the largest x of all ranks. It is NaN if one of them is.
func (g *Group) Max(x float64) (float64, error) {
	all, err := g.Gather([]float64{x}, g.ones())
	largest := math.Inf(-1)
	for _, x := range all {
		largest = max(largest, x)
	}
	return largest, err
}

func floats(x []float64) []float32 { return numbers.View[float32](numbers.Bytes(x)) }

// Barrier waits until every rank has called it.
func (g *Group) Barrier() error {
	_, err := g.Max(0)
	return err
}

// Broadcast returns the data of rank 0 on all ranks. What others pass is not read.
func (g *Group) Broadcast(data []byte) ([]byte, error) {
	own, size := g.Rank(), g.Size()
	if own > 0 {
		data = nil
	}
	length, err := g.Max(float64(len(data)))
	if err != nil || size == 1 {
		return data, err
	}
	out := make([]byte, int(length))
	step := pieceLength(size)
	buffer := g.buffer(step)
	for at := 0; at < len(out); at += 4 * step {
		now := min(len(out)-at, 4*step)
		to, from := newRanges(size), newRanges(size)
		send, receive := buffer[:0], buffer
		if own == 0 {
			send, receive = buffer, nil
			copy(numbers.Bytes(buffer), data[at:at+now])
			for rank := 1; rank < size; rank++ {
				to.set(rank, 0, (now+3)/4)
			}
		} else {
			from.set(0, 0, (now+3)/4)
		}
		if err := g.move(send, to, receive, from); err != nil {
			return nil, err
		}
		copy(out[at:at+now], numbers.Bytes(buffer))
	}
	return out, nil
}

// buffer returns n elements that stay the group's.
func (g *Group) buffer(n int) []float32 {
	if len(g.scratch) < n {
		g.scratch = make([]float32, n)
	}
	return g.scratch[:n]
}

// Close leaves the group, once all ranks have called it. The process then ends with [Exit].
func (g *Group) Close() error {
	if g.gpus == nil {
		return g.transport.Close()
	}
	err := g.Barrier() // no GPU may still be at work for another one
	return errors.Join(err, g.gpus.close(err != nil), g.transport.Close())
}

// Abort ends all ranks, from any goroutine. Under MPI it writes the reason to standard error and does not return: the
// process exits with 1, and so do the others. In a group of [Local] and over TCP all calls return the reason from now
// on, in all ranks. Over TCP a process that has not left the group five seconds later says why and exits with 1.
func (g *Group) Abort(reason error) {
	g.abort(fmt.Errorf("rank %d of %d: %w", g.Rank(), g.Size(), reason))
}

// Recover is to be deferred. It ends all ranks if this one panics, and panics on in a group of one process.
func (g *Group) Recover() {
	r := recover()
	if r == nil {
		return
	}
	if _, ok := g.transport.(*local); ok {
		panic(r)
	}
	fmt.Fprintf(os.Stderr, "panic: %v\n%s\n", r, debug.Stack())
	g.Abort(fmt.Errorf("panic: %v", r))
	os.Exit(1)
}
