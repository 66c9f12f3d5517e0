package learner

import (
	"fovea/onnx/ort"
	"fovea/training/optim"
)

// An optimizer does what follows a backward pass, on the device of the arenas. On a GPU its methods only enqueue it.
type optimizer interface {
	// accumulate takes the gradients of micro-batch micro of a step, counted from 0, into the sum. The last one completes
	// it.
	accumulate(micro int) error
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
	groups   []optim.Group
	from     int // element, see optim.Layout.TrainedFrom
	last     float64
}

func newHostOptimizer(s Settings, a *arenas) *hostOptimizer {
	return &hostOptimizer{arenas: a, settings: s, groups: s.Layout.Groups(), from: s.Layout.TrainedFrom()}
}

func (o *hostOptimizer) accumulate(micro int) error {
	trained := func(m *ort.Memory) []float32 { return m.Float32()[o.from:] }
	return optim.Accumulate(micro, o.settings.Accumulate, o.gradients, o.sums, func(to, from *ort.Memory) error {
		optim.Add(trained(to), trained(from), o.settings.Workers)
		return nil
	}, func(to, from *ort.Memory) error {
		copy(trained(to), trained(from))
		return nil
	})
}

func (o *hostOptimizer) update(step int64, rate, divisor float64) error {
	gradients, parameters := o.stepGradients().Float32(), o.parameters.Float32()
	o.last = optim.Norm(gradients[o.from:], o.settings.Workers) / divisor
	if !isFinite(o.last) {
		return nil
	}
	o.settings.AdamW.Step(step, rate, optim.ClipScale(o.last, o.settings.Clip)/divisor, o.groups, parameters, gradients,
		o.moment1.Float32(), o.moment2.Float32(), o.settings.Workers)
	if o.average != nil {
		// Frozen parameters are their average, which rounding would change.
		average := o.average.Float32()
		for _, g := range o.groups {
			optim.Average(average[g.Start:g.End], parameters[g.Start:g.End], o.settings.EMA, o.settings.Workers)
		}
	}
	return nil
}

func (o *hostOptimizer) norm() float64 { return o.last }
