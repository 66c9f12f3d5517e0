package optim

import (
	"math/bits"

	"fovea/internal/parallel"
)

// Add adds src to dst element by element: the gradients of a micro-batch to the sum of those before it. Both have the
// same length. workers is the number of goroutines; below 1 it is one for each processor.
func Add(dst, src []float32, workers int) {
	src = src[:len(dst)]
	parallel.Each(workers, chunks(len(dst)), func(i int) {
		s, e := i*chunk, min((i+1)*chunk, len(dst))
		add(dst[s:e], src[s:e])
	})
}

// addGo adds one range.
func addGo(dst, src []float32) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] += src[i]
	}
}

// A Partial describes the sum of the 1<<Level micro-batches of a step from Start on, a multiple of 1<<Level.
type Partial struct{ Start, Level int }

// Stack puts a partial sum behind those of the micro-batches before it. merged is how often the last two then become
// one: the last is added to the one before it. At the end of a step all that are left are added in the same way, from
// the last to the first. So the sum has one shape for each number of micro-batches, a pairwise tree: of 7 it is
// ((0+1)+(2+3))+((4+5)+6).
func Stack(sums []Partial, next Partial) (after []Partial, merged int) {
	for len(sums) > 0 {
		last := sums[len(sums)-1]
		odd := last.Start>>last.Level&1 == 1
		if last.Level != next.Level || odd || last.Start+1<<last.Level != next.Start {
			break
		}
		sums, next = sums[:len(sums)-1], Partial{last.Start, last.Level + 1}
		merged++
	}
	return append(sums, next), merged
}

// Partials returns what [Stack] leaves of the micro-batches from start to end, without end.
func Partials(start, end int) []Partial {
	var sums []Partial
	for i := start; i < end; i++ {
		sums, _ = Stack(sums, Partial{Start: i})
	}
	return sums
}

// SumArenas returns the number of arenas that [Accumulate] needs for the sum over n micro-batches, log2(n) rounded
// down.
func SumArenas(n int) int { return bits.Len(uint(n)) - 1 }

// Accumulate takes the gradients of micro-batch i of n, from 0 on and in order, into the sum of [Stack]'s shape. add
// adds the second arena to the first, replace copies it there. sums has [SumArenas] of n. Behind the last micro-batch
// the sum is in sums[0]; of a single one it stays in gradients.
func Accumulate[T any](i, n int, gradients T, sums []T, add, replace func(to, from T) error) error {
	if n == 1 {
		return nil
	}
	// The partial sums in sums are those of Partials(0, i): one for each bit of i.
	waiting := bits.OnesCount(uint(i))
	merged := bits.TrailingZeros(^uint(i))
	if i == n-1 {
		merged = waiting
	}
	from := gradients
	for range merged {
		waiting--
		if err := add(sums[waiting], from); err != nil {
			return err
		}
		from = sums[waiting]
	}
	if merged > 0 {
		return nil
	}
	return replace(sums[waiting], gradients)
}
