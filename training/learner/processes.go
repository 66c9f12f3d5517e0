package learner

import (
	"errors"
	"fmt"
	"time"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/onnx/ort"
	"fovea/training/collective"
	"fovea/training/optim"
)

// processes returns the number of processes that take each step together.
func (s Settings) processes() int {
	if s.Group == nil {
		return 1
	}
	return s.Group.Size()
}

// share returns the micro-batches of a step that this process computes.
func (s Settings) share() optim.Share {
	whole := optim.Whole(s.Accumulate)
	if s.Group != nil {
		whole.Start, whole.End = collective.Share(s.Accumulate, s.Group.Rank(), s.Group.Size())
	}
	return whole
}

// addSignals lets the graph tell which buckets of gradients are complete, while it runs. ONNX Runtime begins with what
// the last node needs: that is the signal of the last bucket, whose gradients the backward pass computes first.
func (l *Learner) addSignals(g *graphs.Graph, buckets []span) (err error) {
	s := l.settings
	if s.processes() == 1 || s.Bucket == 0 || s.GPUs != nil || l.share.Len() == 0 {
		return nil
	}
	if l.signals, err = ort.NewSignals(len(buckets)); err != nil {
		return err
	}
	gradients := map[string]*graphs.Value{}
	for _, v := range g.Outputs {
		gradients[v.Name] = v
	}
	for i, b := range buckets {
		var inputs []*graphs.Value
		for _, p := range s.Layout.Params {
			if !p.Frozen && p.Offset < b.end && p.Offset+p.Size > b.start {
				inputs = append(inputs, gradients[artifacts.Grad(p.Name)])
			}
		}
		g.Signal(ort.SignalDomain, ort.SignalOp, signalName(i), i, inputs...)
	}
	return g.Err()
}

func signalName(bucket int) string { return fmt.Sprint("bucket.", bucket) }

// poll is the time between two looks at a signal. Looks cost less than 0.5 % of a core, and a bucket takes longer.
const poll = 2 * time.Millisecond

// runAndReduce runs the backward pass of the last micro-batch and adds up each bucket with the other processes as soon
// as its gradients are there.
func (l *Learner) runAndReduce() error {
	l.signals.Reset()
	ended, failed := make(chan struct{}), false
	reduced := make(chan error, 1)
	go func() {
		reduced <- l.reduce(func(bucket int) (complete bool) {
			for l.signals.Turn(bucket) == 0 {
				select {
				case <-ended:
					return !failed
				case <-time.After(poll):
				}
			}
			return true
		})
	}()
	err := l.session.Run()
	failed = err != nil
	close(ended)
	return errors.Join(err, <-reduced)
}

// reduce adds up the gradients of all processes, each bucket once it is complete: the last one first.
func (l *Learner) reduce(complete func(bucket int) bool) error {
	for i := len(l.pieces.buckets) - 1; i >= 0; i-- {
		if !complete(i) {
			return nil
		}
		if err := l.optimizer.reduce(l.pieces.buckets[i]); err != nil {
			return err
		}
	}
	l.reduced = true
	return nil
}

// join ends the sum over the step's micro-batches where several processes share them.
func (l *Learner) join() error {
	if l.settings.processes() == 1 {
		return nil
	}
	if !l.reduced {
		if err := l.reduce(func(int) bool { return true }); err != nil {
			return err
		}
	}
	l.reduced = false
	return nil
}

// gatherLosses brings the losses of the micro-batches of all processes together.
func (l *Learner) gatherLosses() (err error) {
	n := l.settings.processes()
	if n == 1 {
		return nil
	}
	losses, counts := make([]float64, l.micro), make([]int, n)
	for i := range losses {
		losses[i] = l.loss.value(i)
	}
	for rank := range counts {
		start, end := collective.Share(l.settings.Accumulate, rank, n)
		counts[rank] = end - start
	}
	l.total, err = l.settings.Group.Gather(losses, counts)
	return err
}

// Distribute gives all processes the parameters of the first, and their average.
func (l *Learner) Distribute() error {
	g := l.settings.Group
	if l.settings.processes() == 1 {
		return nil
	}
	for _, m := range []*ort.Memory{l.parameters, l.average} {
		switch {
		case m == nil:
			continue
		case l.settings.GPUs != nil:
			if err := l.settings.GPUs.Broadcast(l.device.Compute, m.Device()); err != nil {
				return err
			}
			continue
		}
		values, err := g.Broadcast(m.Bytes())
		if err != nil {
			return err
		}
		if g.Rank() > 0 {
			copy(m.Bytes(), values)
		}
	}
	return nil
}
