package learner

import (
	"errors"

	"fovea/onnx/ort"
)

// join adds up the gradients of all processes and gathers their losses. Each process has the sum over as many
// micro-batches as the others, a power of two: one node of the tree that optim.Stack defines.
func (l *Learner) join() error {
	n := l.settings.processes()
	if n == 1 {
		return nil
	}
	losses := make([]float32, l.micro)
	for i := range losses {
		losses[i] = float32(l.loss.value(i))
	}
	g := l.settings.Group
	gradients := l.stepGradients().Float32()[l.settings.Layout.TrainedFrom():]
	if err := g.ReduceScatter(gradients, [][]float32{gradients}, n*l.micro); err != nil {
		return err
	}
	if err := g.AllGather(gradients); err != nil {
		return err
	}
	var err error
	l.total, err = g.Gather(losses)
	return err
}

// Distribute gives all processes the parameters, moments and average of the first.
func (l *Learner) Distribute() error {
	g := l.settings.Group
	if l.settings.processes() == 1 {
		return nil
	}
	var failed []error
	for _, m := range []*ort.Memory{l.parameters, l.moment1, l.moment2, l.average} {
		if m == nil {
			continue
		}
		values, err := g.Broadcast(m.Bytes())
		if err == nil && g.Rank() > 0 {
			copy(m.Bytes(), values)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}
