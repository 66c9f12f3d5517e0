package training

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
	"fovea/training/config"
	"fovea/training/optim"
)

// Learner owns the arenas (parameters, gradients, moments) and takes steps.
type Learner struct {
	setup   *setup
	groups  []optim.Group
	adamw   optim.AdamW
	session *ort.Session

	parameters, gradients, moment1, moment2 *ort.Memory
	sum                                     *ort.Memory // of gradients over micro-batches; nil without accumulation
	average                                 *ort.Memory // moving average of the parameters; nil without training.ema

	input, targets, dropPath, lossScale, loss, logits *ort.Tensor

	keep []float32 // probability that a residual branch is kept, by row of drop_path
}

// Experiment is what benchmarks vary about a Learner. The zero value is what
// runs use.
type Experiment struct {
	Shuffle       bool   // put the nodes of the training graph in a random order
	MemoryPattern bool   // let the runtime plan one block of memory
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
	e, err := newEngine(ctx, cfg.Runtime, nil)
	if err != nil {
		return nil, err
	}
	e.options.MemoryPattern, e.options.Profile = x.MemoryPattern, x.Profile
	g, err := r.trainingGraph()
	if err != nil {
		return nil, err
	}
	if x.Shuffle {
		g.Shuffle(rand.New(rand.NewPCG(1, 2)))
	}
	l, err := newLearner(r, e, g)
	if err != nil {
		return nil, err
	}
	if err := r.initialize(l.parameters.Float32()); err != nil {
		l.Close()
		return nil, err
	}
	l.startAverage()
	return l, nil
}

// EndProfile ends the profile of Experiment.Profile and returns its file.
func (l *Learner) EndProfile() (string, error) { return l.session.EndProfile() }

// ArenaBytes is the memory of one arena: all parameters, or all gradients.
func (l *Learner) ArenaBytes() int64 { return 4 * int64(l.setup.layout.Size) }

// newLearner makes a training graph ready to train, with its parameters and moments
// zero.
func newLearner(p *setup, e *engine, g *graphs.Graph) (*Learner, error) {
	l := &Learner{setup: p, groups: p.layout.Groups(), adamw: optim.AdamW{
		Beta1: p.config.Optimizer.Beta1, Beta2: p.config.Optimizer.Beta2, Eps: p.config.Optimizer.Eps}}
	if err := l.open(e, g); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Learner) open(e *engine, g *graphs.Graph) (err error) {
	if l.session, err = e.session(g); err != nil {
		return err
	}
	arenas := []**ort.Memory{&l.parameters, &l.gradients, &l.moment1, &l.moment2}
	if l.setup.config.Training.Accumulate > 1 {
		arenas = append(arenas, &l.sum)
	}
	if l.setup.config.Training.EMA > 0 {
		arenas = append(arenas, &l.average)
	}
	for _, a := range arenas {
		if *a, err = ort.Allocate(4 * l.setup.layout.Size); err != nil {
			return err
		}
	}
	if err := bindArena(l.session, l.setup.layout, l.parameters, func(name string) string { return name }); err != nil {
		return err
	}
	if err := bindArena(l.session, l.setup.layout, l.gradients, artifacts.Grad); err != nil {
		return err
	}
	own := map[string]**ort.Tensor{l.setup.network.images(): &l.input, artifacts.Features: &l.input, artifacts.Targets: &l.targets,
		artifacts.DropPath: &l.dropPath, artifacts.LossScale: &l.lossScale, artifacts.Loss: &l.loss,
		artifacts.Logits: &l.logits}
	for _, info := range append(l.session.Inputs(), l.session.Outputs()...) {
		if t := own[info.Name]; t != nil {
			if *t, err = bindTensor(l.session, info, 0); err != nil {
				return err
			}
		}
	}
	l.lossScale.Float32()[0] = 1
	if l.dropPath != nil {
		l.keep = keepProbabilities(l.setup.config.Model.DropPath, int(l.dropPath.Shape()[0])/2)
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

// ForwardBackward computes the mean loss of a full batch of images [B,3,S,S],
// in a linear probe of features [B,Width], against targets [B,C], and leaves
// the gradients in their arena. epoch and index, the batch's number in it,
// decide which paths are dropped. Micro-batch number micro of a step, from 0,
// adds its gradients to those before it.
func (l *Learner) ForwardBackward(images, targets []float32, epoch, index, micro int) (loss float64, err error) {
	l.drawDropPath(epoch, index)
	return l.forwardBackward(images, targets, micro)
}

// forwardBackward is ForwardBackward with the paths that are dropped already.
func (l *Learner) forwardBackward(images, targets []float32, micro int) (loss float64, err error) {
	if want := len(l.input.Float32()); len(images) != want {
		return 0, fmt.Errorf("the batch has %d values, not %d: it must be full", len(images), want)
	}
	if want := len(l.targets.Float32()); len(targets) != want {
		return 0, fmt.Errorf("the batch has %d values of targets, not %d", len(targets), want)
	}
	copy(l.input.Float32(), images)
	copy(l.targets.Float32(), targets)
	if err := l.session.Run(); err != nil {
		return 0, err
	}
	if l.sum != nil {
		from := l.setup.layout.TrainedFrom()
		sum, gradients := l.sum.Float32()[from:], l.gradients.Float32()[from:]
		if micro == 0 {
			copy(sum, gradients)
		} else {
			optim.Add(sum, gradients, l.setup.config.Runtime.Threads)
		}
	}
	return float64(l.loss.Float32()[0]), nil
}

// drawDropPath chooses the residual branches of a batch to drop.
func (l *Learner) drawDropPath(epoch, index int) {
	if l.dropPath == nil { // a linear probe, or an ONNX model
		return
	}
	const stream = 0xD209 // keeps these draws apart from others of the same seed
	rng := rand.New(rand.NewPCG(uint64(l.setup.config.Seed)^stream<<48, uint64(epoch)<<32|uint64(index)))
	factors := l.dropPath.Float32()
	batch := len(factors) / len(l.keep)
	for i := range factors {
		keep := l.keep[i/batch]
		factors[i] = 0
		if rng.Float32() < keep {
			factors[i] = 1 / keep
		}
	}
}

// Update takes optimizer step number step, counted from 1, with the sum of
// micro micro-batches' gradients. A gradient that is not finite is an error,
// and the parameters stay as they are.
func (l *Learner) Update(step int64, rate float64, micro int) error {
	gradients := l.gradients.Float32()
	if l.sum != nil {
		gradients = l.sum.Float32()
	}
	workers := l.setup.config.Runtime.Threads
	norm := optim.Norm(gradients[l.setup.layout.TrainedFrom():], workers) / float64(micro)
	if !isFinite(norm) {
		return &notFinite{fmt.Sprintf("the gradient of optimizer step %d", step)}
	}
	scale := optim.ClipScale(norm, l.setup.config.Optimizer.Clip) / float64(micro)
	l.adamw.Step(step, rate, scale, l.groups, l.parameters.Float32(), gradients,
		l.moment1.Float32(), l.moment2.Float32(), workers)
	l.updateAverage()
	return nil
}

// tensors are what a checkpoint holds, in place: the parameters that would be
// deployed, and all else that a step changes.
func (l *Learner) tensors() (parameters, optimizer []weights.Tensor) {
	p := l.setup
	for _, moment := range [][]weights.Tensor{p.tensors(l.moment1, ".exp_avg"), p.tensors(l.moment2, ".exp_avg_sq")} {
		for i, t := range moment {
			if !p.layout.Params[i].Frozen {
				optimizer = append(optimizer, t)
			}
		}
	}
	if l.average != nil {
		optimizer = append(optimizer, p.tensors(l.parameters, ".trained")...)
	}
	return p.tensors(l.deployed(), ""), optimizer
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

// Close frees the arenas and the session.
func (l *Learner) Close() {
	if l.session != nil {
		l.session.Close()
	}
	for _, m := range []*ort.Memory{l.parameters, l.gradients, l.moment1, l.moment2, l.sum, l.average} {
		if m != nil {
			m.Free()
		}
	}
	for _, t := range []*ort.Tensor{l.input, l.targets, l.dropPath, l.lossScale, l.loss, l.logits} {
		if t != nil {
			t.Close()
		}
	}
}
