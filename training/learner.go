package training

import (
	"context"
	"errors"
	"math/rand/v2"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
	"fovea/training/config"
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

// Experiment is what benchmarks vary about a Learner. The zero value is what
// runs use.
type Experiment struct {
	Shuffle       bool   // put the nodes of the training graph in a random order
	MemoryPattern bool   // let the runtime plan one block of memory
	Optimizer     string // "graphs": optimizer.onnx in place of what is made for the provider
	Profile       string // file prefix of the runtime's profile; see Learner.EndProfile
}

// NewLearner makes the model of a config ready to train, with the parameters
// that a run begins with.
func NewLearner(ctx context.Context, cfg *config.Config, classes int, x Experiment) (*Learner, error) {
	r, err := newSetup(ctx, cfg, classes, nil)
	if err != nil {
		return nil, err
	}
	defer r.close()
	e, err := newEngine(ctx, cfg, nil)
	if err != nil {
		return nil, err
	}
	e.options.MemoryPattern, e.options.Profile, e.graphs = x.MemoryPattern, x.Profile, x.Optimizer == "graphs"
	g, err := r.trainingGraph()
	if err != nil {
		e.close()
		return nil, err
	}
	if x.Shuffle {
		g.Shuffle(rand.New(rand.NewPCG(1, 2)))
	}
	l, err := newLearner(r, e, g)
	if err != nil {
		e.close()
		return nil, err
	}
	l.engine = e
	if err := l.start(r.initialize); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// EndProfile ends the profile of Experiment.Profile and returns its file.
func (l *Learner) EndProfile() (string, error) { return l.session.EndProfile() }

// ArenaBytes is the memory of one arena: all parameters, or all gradients.
func (l *Learner) ArenaBytes() int64 { return 4 * int64(l.setup.layout.Size) }

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

// bindArena binds each parameter's place in an arena under a name made of the
// parameter's, where the session has an input or output of that name.
func bindArena(s *ort.Session, layout optim.Layout, arena *ort.Memory, name func(string) string) error {
	has := map[string]bool{}
	for _, info := range append(s.Inputs(), s.Outputs()...) {
		has[info.Name] = true
	}
	for _, p := range layout.Params {
		if !has[name(p.Name)] {
			continue
		}
		t, err := arena.Tensor(4*p.Offset, pb.TensorProto_FLOAT, p.Shape...)
		if err != nil {
			return err
		}
		// The session keeps the memory, not this view of it.
		if err := errors.Join(s.Bind(name(p.Name), t), t.Close()); err != nil {
			return err
		}
	}
	return nil
}

// keepProbabilities is 1 - rate·i/(depth-1) for both branches of block i.
func keepProbabilities(rate float64, depth int) []float32 {
	keep := make([]float32, 2*depth)
	for i := range keep {
		keep[i] = 1
		if depth > 1 {
			keep[i] = float32(1 - rate*float64(i/2)/float64(depth-1))
		}
	}
	return keep
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

// drawDropPath chooses the residual branches of a batch to drop.
func (l *Learner) drawDropPath(factors []float32, epoch, index int) {
	const stream = 0xD209 // keeps these draws apart from others of the same seed
	rng := rand.New(rand.NewPCG(uint64(l.setup.config.Seed)^stream<<48, uint64(epoch)<<32|uint64(index)))
	batch := len(factors) / len(l.keep)
	for i := range factors {
		keep := l.keep[i/batch]
		factors[i] = 0
		if rng.Float32() < keep {
			factors[i] = 1 / keep
		}
	}
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

// Gradients visits those of the last ForwardBackward, by the parameter's name;
// they are multiplied by the loss scale.
func (l *Learner) Gradients(visit func(name string, gradient []float32)) error {
	return l.visit(l.gradients, visit)
}

// Parameters visits the parameters as they are.
func (l *Learner) Parameters(visit func(name string, values []float32)) error {
	return l.visit(l.parameters, visit)
}

func (l *Learner) visit(arena *ort.Memory, visit func(name string, values []float32)) error {
	return l.device.exchange([]*ort.Memory{arena}, true, false, func(contents []*ort.Memory) error {
		for _, p := range l.setup.layout.Params {
			if arena != l.gradients || !p.Frozen {
				visit(p.Name, p.View(contents[0].Float32()))
			}
		}
		return nil
	})
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
// up. If one of them or a gradient is not finite, that is an error and the
// parameters are as they were; where the loss is scaled, its scale shrinks.
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
