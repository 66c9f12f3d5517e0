package training

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"fovea/data"
	"fovea/data/augment"
	"fovea/onnx/engine"
	"fovea/training/collective"
	"fovea/training/config"
	"fovea/training/learner"
	"fovea/training/memory"
	"fovea/training/pace"
)

// A trial makes plans at other batches than the config's, each once, and tries them.
type trial struct {
	ctx    context.Context
	config *config.Config
	engine *engine.Engine
	set    *dataset
	plans  map[int]*plan // by batch
}

func newTrial(ctx context.Context, cfg *config.Config, set *dataset, e *engine.Engine) *trial {
	return &trial{ctx, cfg, e, set, map[int]*plan{}}
}

// chooseBatch returns the config with the largest power of two that fits in the place of training.batch = "auto". It
// fits all processes of the group.
func chooseBatch(ctx context.Context, cfg *config.Config, set *dataset, e *engine.Engine) (*config.Config, error) {
	g, least := set.group, 0.0
	if g.Size() > 1 {
		mine, err := freeMemory(g, e)
		if err = g.Agree(err); err == nil {
			least, err = g.Max(-float64(mine))
		}
		if err != nil {
			return nil, err
		}
	}
	c := *cfg
	var err error
	c.Training.Batch, err = collective.Tell(g, func() (int, error) {
		t := newTrial(ctx, cfg, set, e)
		probe := t.probe()
		if g.Size() > 1 {
			probe.Free = func() (int64, error) { return int64(-least), nil }
		}
		batch, why, err := memory.Choose(memory.CandidatesFor(cfg, len(set.train.Samples)), probe)
		t.close()
		if err != nil {
			return 0, fmt.Errorf(`training.batch = "auto": %w`, err)
		}
		slog.Info("training.batch", "chosen", batch, "because", why)
		if o := cfg.Optimizer; o.BLR == 0 {
			slog.Warn("optimizer.lr stays the same whatever batch is chosen, which differs between machines; "+
				"optimizer.blr follows it",
				"lr", o.LR, "blr with the same rate here", o.LR*256/float64(batch*cfg.Training.Accumulate))
		}
		return batch, e.RenewDevice() // what was tried must not change what the run computes on
	})
	return &c, err
}

// freeMemory returns the bytes that a process may take: a GPU's, or its part of what the machine has, of which each of
// the group's processes here takes as much.
func freeMemory(g *collective.Group, e *engine.Engine) (int64, error) {
	host, _ := os.Hostname()
	hosts, err := g.GatherBytes([]byte(host))
	if err != nil {
		return 0, err
	}
	free, err := memory.Free(e)
	if e.Device() != nil {
		return free, err
	}
	here := int64(0)
	for _, other := range hosts {
		if string(other) == host {
			here++
		}
	}
	return free / here, err
}

// probe looks at memory by making plans, and on a GPU by trying their steps.
func (t *trial) probe() memory.Probe {
	m := memory.Probe{Need: t.need, Free: func() (int64, error) { return memory.Free(t.engine) },
		Recompute: t.config.Training.Recompute}
	if t.engine.Device() != nil {
		m.Fits = t.fits
	}
	return m
}

func (t *trial) plan(batch int) (*plan, error) {
	if p, made := t.plans[batch]; made {
		return p, nil
	}
	c := *t.config
	c.Training.Batch = batch
	p, err := planFor(t.ctx, &c, t.set)
	if err == nil {
		t.plans[batch] = p
	}
	return p, err
}

func (t *trial) close() {
	for _, p := range t.plans {
		p.setup.close()
	}
}

func (t *trial) need(batch int) (memory.Need, error) {
	p, err := t.plan(batch)
	if err != nil {
		return memory.Need{}, err
	}
	return p.setup.need(t.engine)
}

// fits reports whether there is memory for a run.
func (t *trial) fits(batch int) (bool, error) {
	if err := t.ctx.Err(); err != nil {
		return false, err
	}
	p, err := t.plan(batch)
	if err == nil {
		err = t.step(p)
	}
	if memory.OutOfMemory(err) {
		return false, nil
	}
	return err == nil, err
}

// step takes all the memory that a run takes: it makes its sessions and runs each.
func (t *trial) step(p *plan) error {
	g, err := p.setup.trainingGraph()
	if err != nil {
		return err
	}
	l, err := p.setup.learner(t.engine, g)
	if err != nil {
		return err
	}
	defer l.Close()
	v, err := newValidator(p, t.engine, l)
	if err != nil {
		return err
	}
	defer v.close()
	if p.setup.probes() { // the backbone, for one image
		one, set, q := *p.data.train, *p.data, *p
		one.Samples = one.Samples[:1]
		set.train, set.val, set.group, q.data = &one, &one, p.setup.group, &set
		if _, err := newFeatures(t.ctx, &q, t.engine, l, nil); err != nil {
			return err
		}
	}
	if err := l.TryStep(); err != nil {
		return err
	}
	return v.session.Run()
}

// explainMemory adds to a failure of a run for lack of memory which batch there is memory for. The learner must be
// closed.
func explainMemory(ctx context.Context, err error, p *plan, e *engine.Engine) error {
	if !memory.OutOfMemory(err) {
		return err
	}
	if failed := e.RenewDevice(); failed != nil {
		return errors.Join(err, failed)
	}
	t := newTrial(ctx, p.setup.config, p.data, e)
	defer t.close()
	return memory.Explain(err, p.setup.config, t.probe())
}

// checkMemory says before the first step how much memory there is, and on the CPU how much the run needs. It warns where
// that is more. A GPU says so itself.
func checkMemory(p *plan, e *engine.Engine) error {
	free, err := freeMemory(p.setup.group, e)
	if err != nil {
		return nil // how much is free is not known here
	}
	if e.Device() != nil {
		slog.Info("memory", "free", memory.Text(free))
		return nil
	}
	n, err := p.setup.need(e)
	if err != nil {
		return err
	}
	slog.Info("memory", "needed", "about "+memory.Text(n.Of(p.setup.config.Training.Batch)), "free", memory.Text(free))
	memory.Warn(p.setup.config, n, free)
	return nil
}

// A Measured tells what a run of a config is expected to take on this machine.
type Measured struct {
	Work       pace.Work
	Cost       pace.Cost
	Once       time.Duration // before the first step, and after the last
	Parameters int
	Needed     int64 // bytes of memory; 0: not known, as on a GPU
	Free       int64 // 0: not known
}

// Time returns the time of the whole run.
func (m Measured) Time() time.Duration { return m.Once + m.Cost.Of(m.Work) }

// Measure takes a few steps of a config on the images of a survey, with random parameters, and writes nothing. The config
// must have a number as its batch. atLeast is the time that the steps take together.
func Measure(ctx context.Context, cfg *config.Config, s *Survey, e *engine.Engine, atLeast time.Duration) (
	m Measured, err error) {
	set := *s.set
	set.config = cfg
	if set.policy, err = augment.Parse(cfg.Augment.Policy); err != nil {
		return m, err
	}
	p, err := newPlan(ctx, cfg, &set, e)
	if err != nil {
		return m, err
	}
	defer p.setup.close()
	g, err := p.setup.trainingGraph()
	if err != nil {
		return m, err
	}
	if m.Free, err = memory.Free(e); err != nil {
		m.Free = 0
	}
	if e.Device() == nil {
		n, err := p.setup.need(e)
		if err != nil {
			return m, err
		}
		m.Needed = n.Of(cfg.Training.Batch)
	}
	for _, t := range p.setup.layout.Params {
		m.Parameters += t.Size
	}
	m.Work = p.work(&state{})
	l, err := p.setup.learner(e, g)
	if err != nil {
		return m, err
	}
	defer l.Close()
	return m, p.measure(ctx, &m, l, e, atLeast)
}

// measure times the parts of a run: images that are decoded, steps, and images that are evaluated.
func (p *plan) measure(ctx context.Context, m *Measured, l *learner.Learner, e *engine.Engine,
	atLeast time.Duration) error {
	c, set := p.setup.config, p.data
	some := set.train.Samples[:min(len(set.train.Samples), 64)]
	began := time.Now()
	if _, _, err := data.Verify(ctx, some, c.Data.Workers, nil, set.evalTransform(), nil); err != nil {
		return err
	}
	decode := time.Since(began) / time.Duration(len(some))
	all := len(set.train.Samples) + len(set.val.Samples) + len(set.test.Samples)
	m.Once = time.Duration(all)*decode + aroundTraining
	v, err := newValidator(p, e, l)
	if err != nil {
		return err
	}
	defer v.close()
	var w pace.Watch
	if p.setup.probes() {
		image, err := p.measureFeatures(ctx, l, e)
		if err != nil {
			return err
		}
		m.Once += time.Duration(all) * image
		m.Work.Images = 0 // an epoch of features takes no time
		for range 4 {
			began = time.Now()
			if err := l.TryStep(); err != nil {
				return err
			}
			w.Step(time.Since(began))
		}
		m.Cost, _ = w.Cost(c.Training.Batch)
		return nil
	}
	if err := p.measureSteps(ctx, &w, l, atLeast); err != nil {
		return err
	}
	for i := range 2 { // the first takes memory
		began = time.Now()
		if err := v.session.Run(); err != nil {
			return err
		}
		if i == 1 {
			w.Evaluated(c.Training.Batch, time.Since(began)+time.Duration(c.Training.Batch)*decode)
		}
	}
	m.Cost, _ = w.Cost(c.Training.Batch * c.Training.Accumulate)
	return nil
}

// aroundTraining is the time of a run that nothing here measures: start, model.onnx, intervals, figures and the report.
const aroundTraining = 8 * time.Second

// measureSteps takes steps on augmented images, at a rate of 0: at least three, and more until the time is over.
func (p *plan) measureSteps(ctx context.Context, w *pace.Watch, l *learner.Learner, atLeast time.Duration) error {
	t := p.setup.config.Training
	loader, err := p.data.loader(t.Batch, nil, nil)
	if err != nil {
		return err
	}
	start, n := time.Now(), 0
	for epoch := 0; ; epoch++ {
		it := loader.Epoch(ctx, epoch, 0)
		defer it.Close()
		for range p.epochSteps() {
			began := time.Now()
			for micro := range t.Accumulate {
				b, err := it.Next()
				if err != nil {
					return err
				}
				err = l.Stage(b.Images, b.Targets, epoch, micro)
				b.Release()
				if err == nil {
					err = l.ForwardBackward()
				}
				if err != nil {
					return err
				}
			}
			if err := l.Update(1, 0); err != nil {
				return err
			}
			var notTaken *learner.NotFinite
			var scaled *learner.Overflow
			if _, err := l.Settle(); err != nil && !errors.As(err, &notTaken) && !errors.As(err, &scaled) {
				return err
			}
			w.Step(time.Since(began))
			if n++; n >= 3 && time.Since(start) > atLeast {
				return nil
			}
		}
	}
}

// measureFeatures returns the time in which the backbone sees an image, without the time in which it is opened.
func (p *plan) measureFeatures(ctx context.Context, l *learner.Learner, e *engine.Engine) (time.Duration, error) {
	batch := p.setup.config.Training.Batch
	// run gives the backbone some batches of train and one of val, and returns how many that were.
	run := func(most int) (batches int, d time.Duration, err error) {
		some, one, set, q := *p.data.train, *p.data.val, *p.data, *p
		some.Samples, one.Samples = some.Samples[:min(most*batch, len(some.Samples))], one.Samples[:1]
		some.Verified, one.Verified = nil, nil
		set.train, set.val, q.data = &some, &one, &set
		began := time.Now()
		_, err = newFeatures(ctx, &q, e, l, nil)
		return (len(some.Samples)+batch-1)/batch + 1, time.Since(began), err
	}
	few, short, err := run(1)
	if err != nil {
		return 0, err
	}
	each := short / time.Duration(few)
	if short < 5*time.Second {
		many, long, err := run(5)
		if err != nil {
			return 0, err
		}
		if many > few && long > short {
			each = (long - short) / time.Duration(many-few)
		}
	}
	return each / time.Duration(batch), nil
}
