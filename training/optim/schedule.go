package optim

import "math"

// Schedule is a linear warm-up from zero followed by half a cosine (RETFound util/lr_sched.py).
type Schedule struct {
	// Base is the rate at the end of the warm-up, Min the rate at the end of the run.
	Base, Min float64
	// Warmup and Epochs are the lengths of the warm-up and of the whole run, in epochs.
	Warmup, Epochs float64
}

// Rate returns the learning rate at a fractional epoch, epoch + iteration / iterations per epoch. The first iteration
// of a run with a warm-up has rate 0. From the end of the run on the rate is Min.
func (s Schedule) Rate(epoch float64) float64 {
	switch {
	case epoch >= s.Epochs:
		return s.Min
	case epoch < s.Warmup:
		return s.Base * epoch / s.Warmup
	}
	progress := (epoch - s.Warmup) / (s.Epochs - s.Warmup)
	return s.Min + (s.Base-s.Min)*0.5*(1+math.Cos(math.Pi*progress))
}
