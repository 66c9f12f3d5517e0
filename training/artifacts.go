package training

import (
	"context"
	"math/rand/v2"

	"fovea/graphs/artifacts"
	"fovea/onnx/engine"
	"fovea/onnx/ort"
	"fovea/training/collective"
	"fovea/training/config"
	"fovea/training/learner"
)

// WriteArtifacts writes the training artifacts of a config into a folder and trains nothing. They are float32 unless
// training.precision names a half type. The number of classes comes from the dataset.
func WriteArtifacts(ctx context.Context, cfg *config.Config, out string) (err error) {
	if err := cfg.Validate(); err != nil {
		return err
	}
	set, err := openDataset(cfg)
	if err != nil {
		return err
	}
	var e *engine.Engine
	if cfg.Model.ONNX != "" || cfg.Training.Batch == config.Auto { // a model file is run once, a batch is tried
		if e, err = engine.New(ctx, cfg.Engine(), nil); err != nil {
			return err
		}
		defer e.Close()
	}
	p, err := newPlan(ctx, cfg, set, e)
	if err != nil {
		return err
	}
	s := p.setup
	defer s.close()
	arena, err := ort.Allocate(4 * s.layout.Size)
	if err != nil {
		return err
	}
	defer arena.Free()
	if err := s.initialize(arena.Float32()); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var parameters []artifacts.Parameter
	for _, t := range s.layout.Params {
		parameters = append(parameters, artifacts.Parameter{Name: t.Name, Shape: t.Shape,
			Layer: t.Layer, RateScale: t.LRScale, WeightDecay: t.WeightDecay, Frozen: t.Frozen})
	}
	return artifacts.Write(out, artifacts.Set{Model: s.model, About: s.model.Facts(),
		Batch:   int64(s.config.Training.Batch),
		Options: s.options(), Half: engine.HalfType(cfg.Training.Precision), Parameters: parameters,
		Weights: learner.Tensors(s.layout, arena)})
}

// An Experiment says what benchmarks vary about a learner. The zero value is what runs use.
type Experiment struct {
	Shuffle       bool   // put the nodes of the training graph in a random order
	MemoryPattern bool   // let the runtime plan one block of memory
	Profile       string // file prefix of the runtime's profile; see learner.Learner.EndProfile

	Group *collective.Group // of processes that train together; nil: one
}

// A Bench is a learner with an engine and a model of its own.
type Bench struct {
	*learner.Learner
	engine *engine.Engine
	setup  *setup
}

// NewBench makes the model of a config ready to train for a number of classes, with the parameters that a run begins
// with.
func NewBench(ctx context.Context, cfg *config.Config, classes int, x Experiment) (_ *Bench, err error) {
	b := &Bench{}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	if b.engine, err = engine.New(ctx, cfg.Engine(), nil); err != nil {
		return nil, err
	}
	if b.setup, err = newSetup(ctx, cfg, classes); err != nil {
		return nil, err
	}
	if x.Group != nil {
		b.setup.group = x.Group
	}
	b.engine.Configure(func(o *ort.Options) { o.MemoryPattern, o.Profile = x.MemoryPattern, x.Profile })
	g, err := b.setup.trainingGraph()
	if err != nil {
		return nil, err
	}
	if x.Shuffle {
		g.Shuffle(rand.New(rand.NewPCG(1, 2)))
	}
	if b.Learner, err = b.setup.learner(b.engine, g); err != nil {
		return nil, err
	}
	return b, b.Start(b.setup.initialize)
}

// Close frees the learner, the model and the device.
func (b *Bench) Close() (err error) {
	if b.Learner != nil {
		err = b.Learner.Close()
	}
	if b.setup != nil {
		b.setup.close()
	}
	if b.engine != nil {
		b.engine.Close()
	}
	return err
}
