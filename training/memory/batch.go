package memory

import (
	"fmt"
	"math/bits"

	"fovea/training/config"
)

// The limits of training.batch = "auto".
const (
	mostBatch  = 128 // RETFound's own default
	leastSteps = 8   // optimizer steps of an epoch
	plainBatch = 16  // the key's default, where nothing is known of memory
)

// Candidates bound the batch sizes to choose from: powers of two from least to most.
type Candidates struct {
	least, most int
	bound       string // the reason for most
}

// CandidatesFor returns the batch sizes that suit a config and the number of its training images.
func CandidatesFor(c *config.Config, images int) Candidates {
	b := Candidates{least: 1, most: mostBatch, bound: "more is not tried"}
	if c.Augment.Mixes() {
		b.least = 2 // pairs of images are mixed
	}
	if room := images / (leastSteps * c.Training.Accumulate); room < mostBatch {
		b.most = max(powerOfTwo(room), b.least)
		b.bound = fmt.Sprintf("with more, an epoch of %d images would have fewer than %d optimizer steps", images,
			leastSteps)
	}
	return b
}

// powerOfTwo returns the largest power of two that is not above n, at least 1.
func powerOfTwo(n int) int { return 1 << (bits.Len(uint(max(n, 1))) - 1) }

// A Probe looks at the memory that a run needs and has, at any batch size.
type Probe struct {
	Need      func(batch int) (Need, error)
	Free      func() (int64, error)
	Fits      func(batch int) (bool, error) // tries a step; nil: too little memory would end the program
	Recompute string                        // training.recompute
}

// Choose returns the largest candidate that fits, with the reason. Where steps cannot be tried, it returns the least
// even if that is not expected to fit.
func Choose(b Candidates, m Probe) (batch int, why string, err error) {
	n, err := m.Need(b.least)
	if err != nil {
		return 0, "", err
	}
	free, unknown := m.Free()
	expected := plainBatch
	if unknown == nil {
		expected = n.Largest(usable(free))
	}
	expected = min(max(powerOfTwo(expected), b.least), b.most)
	switch {
	case m.Fits != nil:
		batch, err = largestFit(expected, b, m.Fits)
		if batch == 0 && err == nil {
			err = fmt.Errorf("the GPU has not the memory for a step of %d: %s", b.least, lessMemory(m.Recompute))
		}
		why = fmt.Sprintf("a step of %d does not fit", 2*batch)
	case unknown != nil:
		return expected, unknown.Error(), nil
	default:
		batch = expected
		why = fmt.Sprintf("a run at %d needs about %s, at %d %s; %s are free, a tenth of them left alone", batch,
			mebibytes(n.Of(batch)), 2*batch, mebibytes(n.Of(2*batch)), mebibytes(free))
	}
	if batch == b.most {
		why = b.bound
	}
	return batch, why, err
}

// usable returns the part of the free memory that a run is made for.
func usable(free int64) int64 { return free - free/10 }

// largestFit returns the largest candidate that fits, 0 if not even the least does. It begins where that is expected,
// and takes for granted that half of a batch that fits does.
func largestFit(expected int, b Candidates, fits func(batch int) (bool, error)) (int, error) {
	found := 0
	for batch := expected; batch >= b.least && batch <= b.most; {
		ok, err := fits(batch)
		if err != nil {
			return 0, err
		}
		switch {
		case ok && batch < expected: // twice as many were tried
			return batch, nil
		case ok:
			found = batch
			batch *= 2
		case found > 0:
			return found, nil
		default:
			batch /= 2
		}
	}
	return found, nil
}
