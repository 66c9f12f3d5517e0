package training

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"fovea/onnx/engine"
	"fovea/training/collective"
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

// warnMemory warns before the first step of a run on the CPU that is expected to need more memory than there is. A GPU
// says so itself.
func warnMemory(p *plan, e *engine.Engine) error {
	if e.Device() != nil {
		return nil
	}
	free, err := freeMemory(p.setup.group, e)
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
