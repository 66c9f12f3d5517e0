package learner

import "fovea/onnx/ort"

// What benchmarks and comparisons read and write of a Learner. A run needs none of it.

// EndProfile ends the profile that the session's options asked for and returns its file.
func (l *Learner) EndProfile() (string, error) { return l.session.EndProfile() }

// ArenaBytes returns the memory of one arena: all parameters, or all gradients.
func (l *Learner) ArenaBytes() int64 { return 4 * int64(l.settings.Layout.Size) }

// MomentBytes returns the memory of both moments in this process.
func (l *Learner) MomentBytes() int64 { return 8 * int64(l.pieces.size) }

// Gradients visits the gradients of the last ForwardBackward, by the parameter's name. They contain the loss scale as a
// factor.
func (l *Learner) Gradients(visit func(name string, gradient []float32)) error {
	return l.exchangeGradients(true, false, visit)
}

// exchangeGradients visits the gradients that are trained. They are read before and written afterwards as it is asked.
func (l *Learner) exchangeGradients(read, write bool, visit func(name string, gradient []float32)) error {
	return l.device.Exchange([]*ort.Memory{l.gradients}, read, write, func(contents []*ort.Memory) error {
		for _, p := range l.settings.Layout.Params {
			if !p.Frozen {
				visit(p.Name, p.View(contents[0].Float32()))
			}
		}
		return nil
	})
}

// Initialize begins again from other parameters: fill writes those of each name. What the optimizer keeps stays.
func (l *Learner) Initialize(fill func(name string, values []float32) error) error {
	return l.Start(func(parameters []float32) error {
		for _, p := range l.settings.Layout.Params {
			if err := fill(p.Name, p.View(parameters)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Inject takes the gradients that fill writes in place of those of a ForwardBackward, whose loss is then 0.
func (l *Learner) Inject(fill func(name string, gradient []float32)) error {
	if err := l.exchangeGradients(false, true, fill); err != nil {
		return err
	}
	return l.accumulate()
}

// State visits all that a step changes: "parameters", "exp_avg", "exp_avg_sq" and, with training.ema, "average", each
// as one range of all parameters. The ranges must not be kept.
func (l *Learner) State(visit func(name string, values []float32)) error {
	for _, a := range []struct {
		name  string
		arena *ort.Memory
	}{{"parameters", l.parameters}, {"exp_avg", l.moment1}, {"exp_avg_sq", l.moment2}, {"average", l.average}} {
		if a.arena == nil {
			continue
		}
		err := l.device.Exchange([]*ort.Memory{a.arena}, true, false, func(contents []*ort.Memory) error {
			visit(a.name, contents[0].Float32())
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// LossScale returns the factor in the gradients of Gradients.
func (l *Learner) LossScale() float64 { return l.scale() }

// StageDropping stages a batch with another choice of the paths that are dropped: drop writes the factors [2·depth,B]
// from the probabilities to keep, one for each row.
func (l *Learner) StageDropping(images, targets []float32, drop func(factors, keep []float32)) error {
	return l.stage(images, targets, nil, func(factors []float32) { drop(factors, l.keep) })
}

// Loss returns the loss of a micro-batch of the last step.
func (l *Learner) Loss(micro int) float64 { return l.loss.value(micro) }

// Norm returns the norm of the gradient of the last step, before it was clipped.
func (l *Learner) Norm() float64 { return l.optimizer.norm() }
