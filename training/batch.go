package training

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"fovea/onnx/engine"
	"fovea/training/config"
	"fovea/training/memory"
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

// choosePlan returns the plan with the largest power of two that fits in the place of training.batch = "auto".
func choosePlan(ctx context.Context, cfg *config.Config, set *dataset, e *engine.Engine) (*plan, error) {
	t := newTrial(ctx, cfg, set, e)
	defer t.close()
	batch, why, err := memory.Choose(memory.CandidatesFor(cfg, len(set.train.Samples)), t.probe())
	if err != nil {
		return nil, fmt.Errorf(`training.batch = "auto": %w`, err)
	}
	p, err := t.plan(batch)
	if err != nil {
		return nil, err
	}
	// What was tried must not change what the run computes on.
	if err := e.RenewDevice(); err != nil {
		p.setup.close()
		return nil, err
	}
	slog.Info("training.batch", "chosen", batch, "because", why)
	if o := cfg.Optimizer; o.BLR == 0 {
		slog.Warn("optimizer.lr stays the same whatever batch is chosen, which differs between machines; "+
			"optimizer.blr follows it",
			"lr", o.LR, "blr with the same rate here", o.LR*256/float64(batch*cfg.Training.Accumulate))
	}
	delete(t.plans, batch) // it is the caller's now
	return p, nil
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
		set.train, set.val, q.data = &one, &one, &set
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

// warnMemory warns before the first step of a run on the CPU that is expected to need more memory than there is. A GPU
// says so itself.
func warnMemory(p *plan, e *engine.Engine) error {
	if e.Device() != nil {
		return nil
	}
	free, err := memory.Free(e)
	if err != nil {
		return nil // how much is free is not known here
	}
	n, err := p.setup.need(e)
	if err != nil {
		return err
	}
	memory.Warn(p.setup.config, n, free)
	return nil
}
