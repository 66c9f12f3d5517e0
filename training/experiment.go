package training

import (
	"context"
	"math/rand/v2"

	"fovea/onnx/ort"
	"fovea/training/config"
)

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
