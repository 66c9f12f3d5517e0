package learner

import "fovea/training/optim"

// An optimizer does what follows a backward pass, on the device of the arenas. On a GPU its methods only enqueue it.
type optimizer interface {
	// accumulate takes the gradients of micro-batch micro of this process's share of a step, counted from 0, into the sum.
	// The last one of a step completes it.
	accumulate(micro int) error
	// reduce adds up the gradients of a bucket with those of the other processes, behind the last micro-batch of each.
	// Each then has the sum in its own piece.
	reduce(bucket span) error
	// update takes optimizer step number step, counted from 1, with gradients divided by divisor, unless one of them is
	// not finite: then everything stays as it is.
	update(step int64, rate, divisor float64) error
	// norm returns the norm of the gradients of the last update, divided and not yet clipped. On a GPU, wait first.
	norm() float64
}

// A hostOptimizer runs on the CPU.
type hostOptimizer struct {
	*arenas
	settings Settings
	share    optim.Share
	groups   []optim.Group
	from     int // element, see optim.Layout.TrainedFrom
	last     float64
}

func newHostOptimizer(s Settings, a *arenas) *hostOptimizer {
	return &hostOptimizer{arenas: a, settings: s, share: s.share(), groups: s.Layout.Groups(), from: s.Layout.TrainedFrom()}
}

func (o *hostOptimizer) accumulate(micro int) error {
	_, err := o.add(o.share.Start+micro, span{o.from, o.settings.Layout.Size})
	return err
}

// add takes a range of the gradients of micro-batch i into the sum and returns the partial sums there.
func (o *hostOptimizer) add(i int, s span) ([][]float32, error) {
	sums := make([][]float32, len(o.sums))
	for k, m := range o.sums {
		sums[k] = s.of(m.Float32())
	}
	return optim.Accumulate(i, o.share, s.of(o.gradients.Float32()), sums, func(to, from []float32) error {
		optim.Add(to, from, o.settings.Workers)
		return nil
	}, func(to, from []float32) error {
		copy(to, from)
		return nil
	})
}

func (o *hostOptimizer) reduce(bucket span) (err error) {
	var partials [][]float32
	if o.share.Len() > 0 {
		if partials, err = o.add(o.share.End-1, bucket); err != nil {
			return err
		}
	}
	return o.settings.Group.ReduceScatter(bucket.of(o.gradients.Float32()), partials, o.share.Of)
}

func (o *hostOptimizer) update(step int64, rate, divisor float64) error {
	gradients, parameters := o.gradients.Float32(), o.parameters.Float32()
	if o.settings.processes() == 1 && len(o.sums) > 0 {
		gradients = o.sums[0].Float32()
	}
	squares, err := o.squares(gradients)
	if err != nil {
		return err
	}
	o.last = optim.Root(squares) / divisor
	if !isFinite(o.last) {
		return nil
	}
	scale := optim.ClipScale(o.last, o.settings.Clip) / divisor
	for i, own := range o.pieces.own {
		at := o.pieces.moments[i]
		o.settings.AdamW.Step(step, rate, scale, optim.Within(o.groups, own.start, own.end), own.of(parameters),
			own.of(gradients), at.of(o.moment1.Float32()), at.of(o.moment2.Float32()), o.settings.Workers)
	}
	for _, b := range o.pieces.buckets {
		if o.settings.processes() > 1 {
			if err := o.settings.Group.AllGather(b.of(parameters)); err != nil {
				return err
			}
		}
	}
	if o.average != nil {
		// Frozen parameters are their average, which rounding would change.
		average := o.average.Float32()
		for _, g := range o.groups {
			optim.Average(average[g.Start:g.End], parameters[g.Start:g.End], o.settings.EMA, o.settings.Workers)
		}
	}
	return nil
}

// squares returns the sums of squares of all chunks that are trained, in order, of which each process adds its own.
func (o *hostOptimizer) squares(gradients []float32) ([]float64, error) {
	var own []float64
	for _, s := range o.pieces.own {
		own = append(own, optim.SumSquares(s.of(gradients), o.settings.Workers)...)
	}
	size := o.settings.processes()
	if size == 1 {
		return own, nil
	}
	counts := make([]int, size) // of chunks by rank
	for rank := range counts {
		for _, b := range o.pieces.buckets {
			counts[rank] += chunksOwned(b, rank, size)
		}
	}
	all, err := o.settings.Group.Gather(own, counts)
	if err != nil {
		return nil, err
	}
	next := make([]int, size) // chunk of each rank
	for rank := 1; rank < size; rank++ {
		next[rank] = next[rank-1] + counts[rank-1]
	}
	ordered := make([]float64, 0, len(all))
	for _, b := range o.pieces.buckets {
		for rank := range next {
			n := chunksOwned(b, rank, size)
			ordered = append(ordered, all[next[rank]:next[rank]+n]...)
			next[rank] += n
		}
	}
	return ordered, nil
}

func (o *hostOptimizer) norm() float64 { return o.last }
