package optim

import "fovea/internal/parallel"

// Add adds src to dst element by element: the gradients of a micro-batch to the sum of those before it. Both have the
// same length. workers is the number of goroutines; below 1 it is one for each processor.
func Add(dst, src []float32, workers int) {
	src = src[:len(dst)]
	parallel.Each(workers, chunks(len(dst)), func(i int) {
		s, e := i*Chunk, min((i+1)*Chunk, len(dst))
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

// A Share describes the micro-batches from Start to End, without End, of the Of micro-batches of a step.
type Share struct{ Start, End, Of int }

// Whole returns the share of a process that computes all n micro-batches of a step.
func Whole(n int) Share { return Share{0, n, n} }

// Len returns the number of micro-batches.
func (s Share) Len() int { return s.End - s.Start }

// merges returns how many partial sums of a share wait for micro-batch i, and how often two of them become one with it.
// The last micro-batch of a whole step completes the sum.
func (s Share) merges(i int) (waiting, merged int) {
	before := Partials(s.Start, i)
	waiting = len(before)
	if s.Len() == s.Of && i == s.End-1 {
		return waiting, waiting
	}
	_, merged = Stack(before, Partial{Start: i})
	return waiting, merged
}

// SumArenas returns the number of arenas that [Accumulate] needs for the sum over a share. For the n micro-batches of a
// whole step it is log2(n) rounded down.
func SumArenas(s Share) (most int) {
	for i := s.Start; i < s.End; i++ {
		waiting, merged := s.merges(i)
		if merged == 0 && i < s.End-1 {
			waiting++
		}
		most = max(most, waiting)
	}
	return most
}

// Accumulate takes the gradients of micro-batch i, from the share's first on and in order, into the sum of [Stack]'s
// shape. add adds the second arena to the first, replace copies it there. sums has [SumArenas] of the share. It returns
// the partial sums so far, those of sums and, behind the last micro-batch, perhaps gradients: those that [Partials]
// lists, but of a whole step the one sum.
func Accumulate[T any](i int, s Share, gradients T, sums []T, add, replace func(to, from T) error) ([]T, error) {
	waiting, merged := s.merges(i)
	from := gradients
	for range merged {
		waiting--
		if err := add(sums[waiting], from); err != nil {
			return nil, err
		}
		from = sums[waiting]
	}
	switch {
	case merged > 0:
		return sums[:waiting+1], nil
	case i == s.End-1:
		return append(sums[:waiting:waiting], gradients), nil
	}
	return sums[:waiting+1], replace(sums[waiting], gradients)
}
