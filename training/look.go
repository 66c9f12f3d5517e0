package training

import "fovea/onnx/ort"

// What checks on a GPU put into a Learner and read out of it. Runs need none of it.

// Initialize begins again from other parameters: fill writes those of each name.
// What the optimizer keeps stays.
func (l *Learner) Initialize(fill func(name string, values []float32) error) error {
	return l.start(func(parameters []float32) error {
		for _, p := range l.setup.layout.Params {
			if err := fill(p.Name, p.View(parameters)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Inject takes the gradients that fill writes in place of those of a
// ForwardBackward, whose loss is then 0.
func (l *Learner) Inject(fill func(name string, gradient []float32)) error {
	err := l.device.exchange([]*ort.Memory{l.gradients}, false, true, func(contents []*ort.Memory) error {
		for _, p := range l.setup.layout.Params {
			if !p.Frozen {
				fill(p.Name, p.View(contents[0].Float32()))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := l.optimizer.accumulate(l.micro); err != nil {
		return err
	}
	l.micro++
	return nil
}

// State visits all that a step changes: "parameters", "exp_avg", "exp_avg_sq" and,
// with training.ema, "average", each as one range of all parameters. The ranges
// must not be kept.
func (l *Learner) State(visit func(name string, values []float32)) error {
	for _, a := range []struct {
		name  string
		arena *ort.Memory
	}{{"parameters", l.parameters}, {"exp_avg", l.moment1}, {"exp_avg_sq", l.moment2}, {"average", l.average}} {
		if a.arena == nil {
			continue
		}
		err := l.device.exchange([]*ort.Memory{a.arena}, true, false, func(contents []*ort.Memory) error {
			visit(a.name, contents[0].Float32())
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// LossScale is what the gradients of Gradients are multiplied by.
func (l *Learner) LossScale() float64 { return l.scale() }

// Shape is that of a parameter, nil if there is none of that name.
func (l *Learner) Shape(name string) []int64 {
	for _, p := range l.setup.layout.Params {
		if p.Name == name {
			return p.Shape
		}
	}
	return nil
}

// OutOfMemory tells whether lack of memory is why something failed.
func OutOfMemory(err error) bool { return outOfMemory(err) }
