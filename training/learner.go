package training

import (
	"errors"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
	"fovea/training/optim"
)

// Learner takes steps. Each goes Stage, ForwardBackward, and so on for every
// micro-batch, then Update, and Settle, which tells the result. On a GPU the
// others only enqueue work: stage the next batch before Settle, and its copy
// overlaps the step.
type Learner struct {
	arenas
	setup     *setup
	session   *ort.Session
	feed      *feed
	lossScale *scalar
	loss      *scalar // a copy for each micro-batch
	logits    *ort.Memory
	optimizer optimizer
	scaler    *optim.LossScaler // nil: the loss is not scaled
	engine    *engine           // to be closed with the learner; nil: it is not its own

	micro int       // micro-batches of the step so far
	keep  []float32 // probability that a residual branch is kept, by row of drop_path
}

// newLearner makes a training graph ready to train, with its parameters and moments
// zero.
func newLearner(p *setup, e *engine, g *graphs.Graph) (*Learner, error) {
	l := &Learner{setup: p}
	if err := l.open(e, g); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Learner) open(e *engine, g *graphs.Graph) (err error) {
	if l.session, err = e.trainingSession(g); err != nil {
		return err
	}
	if err = l.allocate(l.setup, e.device); err != nil {
		return err
	}
	if err = l.bind(l.session, l.setup.layout); err != nil {
		return err
	}
	l.feed, err = newFeed(e.device, l.session, l.setup.network.images(), artifacts.Features, artifacts.Targets, artifacts.DropPath)
	if err != nil {
		return err
	}
	if l.lossScale, err = newScalar(e.device, l.session, artifacts.LossScale, 1); err != nil {
		return err
	}
	if l.loss, err = newScalar(e.device, l.session, artifacts.Loss, l.setup.config.Training.Accumulate); err != nil {
		return err
	}
	if err = l.bindLogits(); err != nil {
		return err
	}
	if rows := l.feed.shape(artifacts.DropPath); rows != nil {
		l.keep = keepProbabilities(l.setup.config.Model.DropPath, int(rows[0])/2)
	}
	scale := 1.0
	if e.precision == "fp16" {
		s := optim.NewLossScaler()
		l.scaler, scale = &s, s.Scale
	}
	if err = l.lossScale.set(scale); err != nil {
		return err
	}
	l.optimizer, err = newOptimizer(l.setup, &l.arenas, e)
	return err
}

// bindLogits gives the logits memory, which nothing reads: every output has a place.
func (l *Learner) bindLogits() (err error) {
	for _, info := range l.session.Outputs() {
		if info.Name != artifacts.Logits {
			continue
		}
		if l.logits, err = l.device.allocate(int(info.Shape[0] * info.Shape[1])); err != nil {
			return err
		}
		t, err := l.logits.Tensor(0, info.Type, info.Shape...)
		if err != nil {
			return err
		}
		return errors.Join(l.session.Bind(info.Name, t), t.Close())
	}
	return nil
}

// Stage takes a full batch of images [B,3,S,S], in a linear probe of features
// [B,Width], with its targets [B,C]. epoch and index, the batch's number in it,
// decide which paths are dropped.
func (l *Learner) Stage(images, targets []float32, epoch, index int) error {
	return l.stage(images, targets, func(factors []float32) { l.drawDropPath(factors, epoch, index) })
}

// stage is Stage with another choice of the paths that are dropped.
func (l *Learner) stage(images, targets []float32, dropPath func(factors []float32)) error {
	if err := l.feed.begin(); err != nil {
		return err
	}
	input := l.setup.network.images()
	if l.setup.probes() {
		input = artifacts.Features
	}
	if err := errors.Join(l.feed.put(input, images), l.feed.put(artifacts.Targets, targets)); err != nil {
		return err
	}
	if factors := l.feed.values(artifacts.DropPath); factors != nil { // not of a linear probe, nor of an ONNX model
		dropPath(factors)
	}
	return l.feed.send()
}

// ForwardBackward computes the mean loss of the batch that was staged last and
// adds its gradients to those of the step's micro-batches before it.
func (l *Learner) ForwardBackward() error {
	if err := l.feed.deliver(); err != nil {
		return err
	}
	if err := l.session.Run(); err != nil {
		return err
	}
	if err := l.loss.receive(l.micro); err != nil {
		return err
	}
	if err := l.optimizer.accumulate(l.micro); err != nil {
		return err
	}
	l.micro++
	return nil
}

// Update takes optimizer step number step, counted from 1, with the mean of the
// micro-batches' gradients.
func (l *Learner) Update(step int64, rate float64) error {
	return l.optimizer.update(step, rate, l.scale()*float64(l.micro))
}

func (l *Learner) scale() float64 {
	if l.scaler == nil {
		return 1
	}
	return l.scaler.Scale
}

// restoreScale goes on with the loss scale of a checkpoint, if both have one.
func (l *Learner) restoreScale(s *optim.LossScaler) error {
	if l.scaler == nil || s == nil {
		return nil
	}
	*l.scaler = *s
	return l.lossScale.set(s.Scale)
}

// Settle waits for the step and returns the losses of its micro-batches, added
// up. If a gradient is not finite, as all are of a loss that is not, that is an
// error and the parameters are as they were; where the loss is scaled, its scale
// shrinks.
func (l *Learner) Settle() (lossSum float64, err error) {
	if err := l.device.wait(); err != nil {
		return 0, err
	}
	for i := range l.micro {
		lossSum += l.loss.value(i)
	}
	l.micro = 0
	norm := l.optimizer.norm()
	if !isFinite(lossSum) {
		err = &notFinite{what: "the loss"}
	} else if !isFinite(norm) {
		err = &notFinite{what: "the gradient"}
	}
	if l.scaler == nil {
		return lossSum, err
	}
	before := l.scaler.Scale
	l.scaler.Update(err != nil)
	if l.scaler.Scale == before {
		return lossSum, err
	}
	if failed := l.lossScale.set(l.scaler.Scale); failed != nil {
		return 0, failed
	}
	if err != nil && before > 1 {
		err = &overflow{before, l.scaler.Scale}
	}
	return lossSum, err
}

// checkpoint gives what a checkpoint holds to use: the parameters that would be
// deployed, and all else that a step changes. With write, what use makes of it
// is kept.
func (l *Learner) checkpoint(write bool, use func(parameters, optimizer []weights.Tensor) error) error {
	p := l.setup
	arenas := []*ort.Memory{l.deployed(), l.moment1, l.moment2}
	if l.average != nil {
		arenas = append(arenas, l.parameters)
	}
	return l.device.exchange(arenas, !write, write, func(contents []*ort.Memory) error {
		var optimizer []weights.Tensor
		for _, moment := range [][]weights.Tensor{p.tensors(contents[1], ".exp_avg"), p.tensors(contents[2], ".exp_avg_sq")} {
			for i, t := range moment {
				if !p.layout.Params[i].Frozen {
					optimizer = append(optimizer, t)
				}
			}
		}
		if l.average != nil {
			optimizer = append(optimizer, p.tensors(contents[3], ".trained")...)
		}
		return use(p.tensors(contents[0], ""), optimizer)
	})
}

// tensors are an arena's parameters, in place, with a suffix to their names.
func (p *setup) tensors(arena *ort.Memory, suffix string) []weights.Tensor {
	out := make([]weights.Tensor, len(p.layout.Params))
	for i, t := range p.layout.Params {
		out[i] = weights.Tensor{Name: t.Name + suffix, Type: pb.TensorProto_FLOAT, Shape: t.Shape,
			Data: arena.Bytes()[4*t.Offset : 4*(t.Offset+t.Size)]}
	}
	return out
}

// Close frees the arenas and the session, and ends with what a GPU still does
// for them.
func (l *Learner) Close() error {
	failed := []error{l.device.wait()}
	if l.session != nil {
		failed = append(failed, l.session.Close())
	}
	if l.optimizer != nil {
		failed = append(failed, l.optimizer.close())
	}
	if l.feed != nil {
		failed = append(failed, l.feed.close())
	}
	if l.logits != nil {
		failed = append(failed, l.logits.Free())
	}
	failed = append(failed, l.loss.close(), l.lossScale.close(), l.free())
	if l.engine != nil {
		failed = append(failed, l.engine.close())
	}
	return errors.Join(failed...)
}
