package learner

import (
	"errors"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/onnx/engine"
	"fovea/onnx/ort"
	"fovea/training/collective"
	"fovea/training/optim"
)

// Settings say what a Learner trains and how.
type Settings struct {
	Layout     optim.Layout // of the parameters in the arenas
	AdamW      optim.AdamW
	Clip       float64 // largest norm of the gradient; 0: none
	EMA        float64 // decay of the parameters' moving average; 0: there is none
	Accumulate int     // micro-batches of an optimizer step, of all processes together
	Workers    int     // goroutines of the optimizer on the CPU; 0: one a core

	Images   string  // input of the graph that takes the images, or the features of a linear probe
	DropPath float64 // rate at the last block
	Seed     uint64  // of the paths that are dropped

	// TrainedAlone leaves the parameters that are frozen out of checkpoints: Start writes them before each run.
	TrainedAlone bool

	Group *collective.Group // of processes that take each step together; nil: one process
	GPUs  *collective.GPUs  // that join the GPUs of the group; nil: CPUs
	// Bucket is the number of gradients, element by element, that the processes add up at once, while the backward pass
	// still runs. 0, or on GPUs: all, behind it.
	Bucket int
}

// A Learner takes optimizer steps. Each goes Stage, ForwardBackward, and so on for every micro-batch, then Update, and
// Settle, which returns the result. On a GPU the others only enqueue work. Stage the next batch before Settle, and its
// copy overlaps the step.
type Learner struct {
	arenas
	cleanup
	settings  Settings
	share     optim.Share // of this process
	session   *ort.Session
	feed      *feed
	lossScale *scalar
	loss      *scalar // a copy for each micro-batch
	optimizer optimizer
	scaler    *optim.LossScaler // nil: the loss is not scaled

	micro   int          // micro-batches of the step so far, of this process
	total   []float64    // losses of the last step's micro-batches of all processes; nil with one process
	keep    []float32    // probability that a residual branch is kept, by row of drop_path
	signals *ort.Signals // of buckets; nil: processes communicate behind the backward pass
	reduced bool         // whether the gradients of all processes have been added up
}

// New makes a training graph ready to train on an engine's device, with parameters and moments zero. The graph is
// rewritten for the device.
func New(s Settings, e *engine.Engine, g *graphs.Graph) (*Learner, error) {
	l := &Learner{settings: s, share: s.share()}
	if err := l.open(e, g); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Learner) open(e *engine.Engine, g *graphs.Graph) (err error) {
	s, device := l.settings, e.Device()
	if device != nil && s.processes() > 1 && s.GPUs == nil {
		return errors.New("the GPUs of several processes are not joined")
	}
	g.Lower(e.Half(), device != nil)
	if err = l.addSignals(g, newPieces(s).buckets); err != nil {
		return err
	}
	model, err := g.Marshal()
	if err != nil {
		return err
	}
	if l.session, err = e.OpenTraining(model, l.signals); err != nil {
		return errors.Join(err, l.signals.Close())
	}
	l.add(l.session.Close)
	l.add(l.signals.Close)
	l.add(l.free)
	if err = l.allocate(s, device); err != nil {
		return err
	}
	if err = errors.Join(bindArena(l.session, s.Layout, l.parameters, ownName),
		bindArena(l.session, s.Layout, l.gradients, artifacts.Grad)); err != nil {
		return err
	}
	l.feed, err = newFeed(device, l.session, s.Images, artifacts.Targets, artifacts.Teacher, artifacts.DropPath)
	l.add(l.feed.close)
	if err != nil {
		return err
	}
	l.lossScale, err = newScalar(device, l.session, artifacts.LossScale, 1)
	l.add(l.lossScale.close)
	if err != nil {
		return err
	}
	l.loss, err = newScalar(device, l.session, artifacts.Loss, max(1, l.share.Len()))
	l.add(l.loss.close)
	if err != nil {
		return err
	}
	if err = errors.Join(l.bindLogits(), l.bindSignals()); err != nil {
		return err
	}
	if rows := l.feed.shape(artifacts.DropPath); rows != nil {
		l.keep = keepProbabilities(s.DropPath, int(rows[0])/2)
	}
	scale := 1.0
	if e.Half() == graphs.Float16 {
		scaler := optim.NewLossScaler()
		l.scaler, scale = &scaler, scaler.Scale
	}
	if err = l.lossScale.set(scale); err != nil {
		return err
	}
	if device == nil {
		l.optimizer = newHostOptimizer(s, &l.arenas)
		return nil
	}
	kernels, err := newKernelOptimizer(s, &l.arenas)
	if err != nil {
		return err
	}
	l.optimizer = kernels
	l.add(kernels.close)
	return nil
}

// OpenSession makes a graph that is not trained ready to run on an engine. Run waits for the result. The graph is
// rewritten for the device.
func OpenSession(e *engine.Engine, g *graphs.Graph) (*ort.Session, error) {
	g.Lower(e.Half(), e.Device() != nil)
	model, err := g.Marshal()
	if err != nil {
		return nil, err
	}
	return e.Open(model)
}

// bindLogits gives the logits memory, which nothing reads: every output has a place.
func (l *Learner) bindLogits() error {
	for _, info := range l.session.Outputs() {
		if info.Name != artifacts.Logits {
			continue
		}
		logits, err := l.device.AllocateFloat32(int(info.Shape[0] * info.Shape[1]))
		if err != nil {
			return err
		}
		l.add(logits.Free)
		return bind(l.session, info.Name, logits, 0, info.Shape...)
	}
	return nil
}

// bindSignals gives the outputs of the nodes that raise signals memory, which nothing writes or reads.
func (l *Learner) bindSignals() error {
	if l.signals == nil {
		return nil
	}
	nothing, err := l.device.AllocateFloat32(1)
	if err != nil {
		return err
	}
	l.add(nothing.Free)
	for i := range l.pieces.buckets {
		if err := bind(l.session, signalName(i), nothing, 0); err != nil {
			return err
		}
	}
	return nil
}

// BindParameters gives the inputs of a session that are parameters the learner's.
func (l *Learner) BindParameters(s *ort.Session) error {
	return bindArena(s, l.settings.Layout, l.parameters, ownName)
}

// BindDeployed gives the inputs of a session that are parameters those that would be deployed: their moving average,
// where there is one.
func (l *Learner) BindDeployed(s *ort.Session) error {
	err := l.BindParameters(s)
	if l.average != nil {
		err = errors.Join(err, bindArena(s, l.settings.Layout.Trained(), l.average, ownName))
	}
	return err
}

// Stage takes a full batch of images [B,3,S,S], in a linear probe of features [B,Width], with its targets [B,C]. epoch
// and index, the batch's number in it, decide which paths are dropped.
func (l *Learner) Stage(images, targets []float32, epoch, index int) error {
	return l.StageTaught(images, targets, nil, epoch, index)
}

// StageTaught does the same for a student, with the scores [B,C] of its teacher.
func (l *Learner) StageTaught(images, targets, teacher []float32, epoch, index int) error {
	return l.stage(images, targets, teacher, func(factors []float32) { l.drawDropPath(factors, epoch, index) })
}

// stage writes a batch and lets dropPath choose the paths that are dropped.
func (l *Learner) stage(images, targets, teacher []float32, dropPath func(factors []float32)) error {
	if err := l.feed.begin(); err != nil {
		return err
	}
	if err := errors.Join(l.feed.put(l.settings.Images, images), l.feed.put(artifacts.Targets, targets)); err != nil {
		return err
	}
	if l.feed.shape(artifacts.Teacher) != nil {
		if err := l.feed.put(artifacts.Teacher, teacher); err != nil {
			return err
		}
	}
	if factors := l.feed.values(artifacts.DropPath); factors != nil { // not of a linear probe, nor of an ONNX model
		dropPath(factors)
	}
	return l.feed.send()
}

// ForwardBackward computes the mean loss of the batch that was staged last and adds its gradients to those of the
// step's micro-batches before it.
func (l *Learner) ForwardBackward() error {
	if err := l.feed.deliver(); err != nil {
		return err
	}
	run := l.session.Run
	if l.signals != nil && l.micro == l.share.Len()-1 {
		run = l.runAndReduce
	}
	if err := run(); err != nil {
		return err
	}
	if err := l.loss.receive(l.micro); err != nil {
		return err
	}
	return l.accumulate()
}

// accumulate takes the gradients of a micro-batch into the sum. With several processes the last one of a share is taken
// by reduce, bucket by bucket.
func (l *Learner) accumulate() error {
	if l.settings.processes() == 1 || l.micro < l.share.Len()-1 {
		if err := l.optimizer.accumulate(l.micro); err != nil {
			return err
		}
	}
	l.micro++
	return nil
}

// Update takes optimizer step number step, counted from 1, with the mean of the micro-batches' gradients. All processes
// call it, and take the same step.
func (l *Learner) Update(step int64, rate float64) error {
	if err := l.join(); err != nil {
		return err
	}
	micros := l.micro
	if l.settings.processes() > 1 {
		micros = l.settings.Accumulate
	}
	return l.optimizer.update(step, rate, l.scale()*float64(micros))
}

func (l *Learner) scale() float64 {
	if l.scaler == nil {
		return 1
	}
	return l.scaler.Scale
}

// Scaler returns the state of the loss scale, nil if the loss is not scaled.
func (l *Learner) Scaler() *optim.LossScaler { return l.scaler }

// RestoreScale goes on with the loss scale of a checkpoint, if both have one.
func (l *Learner) RestoreScale(s *optim.LossScaler) error {
	if l.scaler == nil || s == nil {
		return nil
	}
	*l.scaler = *s
	return l.lossScale.set(s.Scale)
}

// Settle waits for the step and returns the losses of its micro-batches, added up. If a gradient is not finite, as all
// are of a loss that is not, that is an error and the parameters are as they were; where the loss is scaled, its scale
// shrinks.
func (l *Learner) Settle() (lossSum float64, err error) {
	if err := errors.Join(l.device.Wait(), l.gatherLosses()); err != nil {
		return 0, err
	}
	for i := range l.micro {
		if l.total == nil {
			lossSum += l.loss.value(i)
		}
	}
	for _, x := range l.total {
		lossSum += x
	}
	l.micro = 0
	norm := l.optimizer.norm()
	if !isFinite(lossSum) {
		err = &NotFinite{"the loss"}
	} else if !isFinite(norm) {
		err = &NotFinite{"the gradient"}
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
		err = &Overflow{before, l.scaler.Scale}
	}
	return lossSum, err
}

// Close frees the arenas and the session, and ends with what a GPU still does for them.
func (l *Learner) Close() error {
	if l == nil { // New has failed
		return nil
	}
	return errors.Join(l.device.Wait(), l.cleanup.close())
}
