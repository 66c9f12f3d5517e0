package learner

import (
	"fovea/training/collective"
	"fovea/training/optim"
)

// A span is a range of the elements of an arena, from start to end without end.
type span struct{ start, end int }

func (s span) of(arena []float32) []float32 { return arena[s.start:s.end] }

// pieces cut what is trained into buckets, in the order of the arenas. The gradients of a bucket are added up by all
// processes at once. Each process updates its own piece of every bucket, and keeps moments for these alone (the first
// stage of ZeRO, Rajbhandari and others, 2020).
type pieces struct {
	buckets []span
	own     []span
	moments []span // where those of own[i] lie
	size    int    // of an arena of moments
	arena   int    // size of all other arenas
}

// newPieces returns the pieces of a process. A single process has one bucket, and moments for all parameters.
func newPieces(s Settings) pieces {
	from := s.Layout.TrainedFrom()
	if s.processes() == 1 {
		all := []span{{from, s.Layout.Size}}
		return pieces{all, all, all, s.Layout.Size, s.Layout.Size}
	}
	if s.GPUs != nil {
		return piecesOfGPUs(s)
	}
	p := pieces{buckets: buckets(s.Layout, s.Bucket, s.Group.Size()), arena: s.Layout.Size}
	for _, b := range p.buckets {
		start, end := collective.Piece(b.end-b.start, s.Group.Rank(), s.Group.Size())
		p.own = append(p.own, span{b.start + start, b.start + end})
		p.moments = append(p.moments, span{p.size, p.size + end - start})
		p.size += end - start
	}
	return p
}

// buckets cuts what is trained into ranges of about most elements, and of at least a chunk for each process. Each begins
// with a chunk, counted from the first element that is trained, and chunks that are frozen are in none. The last range is
// full: its gradients are ready first.
func buckets(l optim.Layout, most, processes int) []span {
	from := l.TrainedFrom()
	chunkStart := func(i int) int { return from + (i-from)/optim.Chunk*optim.Chunk }
	var trained []span
	for _, g := range l.Groups() {
		start, end := chunkStart(g.Start), min(chunkStart(g.End+optim.Chunk-1), l.Size)
		if n := len(trained); n > 0 && trained[n-1].end >= start {
			trained[n-1].end = end
		} else {
			trained = append(trained, span{start, end})
		}
	}
	if most <= 0 {
		most = l.Size
	}
	most = (max(most, processes*optim.Chunk) + optim.Chunk - 1) / optim.Chunk * optim.Chunk
	var cut []span
	for _, t := range trained {
		last := chunkStart(t.end + optim.Chunk - 1)
		first := t.start
		if rest := (last - first) % most; rest > 0 && first+rest < t.end {
			cut = append(cut, span{first, first + rest})
			first += rest
		}
		for ; first < t.end; first += most {
			cut = append(cut, span{first, min(first+most, t.end)})
		}
	}
	return cut
}

// chunksOwned returns how many chunks of a bucket belong to a process.
func chunksOwned(bucket span, rank, size int) int {
	start, end := collective.Piece(bucket.end-bucket.start, rank, size)
	return (end - start + optim.Chunk - 1) / optim.Chunk
}
