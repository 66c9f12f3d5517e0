package training

import (
	"context"
	"errors"

	"fovea/data"
	"fovea/training/config"
)

// memory tells what a run needs and has.
type memory struct {
	reckon    func(batch int) (need, error)
	free      func() (int64, error)
	fits      func(batch int) (bool, error) // tries a step; nil: too little memory would end the program
	recompute string                        // training.recompute
}

// A trial makes runs at other batches than the config's.
type trial struct {
	ctx    context.Context
	config *config.Config
	engine *engine
	set    *data.Dataset
}

func (t *trial) memory() memory {
	m := memory{reckon: t.reckon, free: t.engine.free, recompute: t.config.Training.Recompute}
	if t.engine.device != nil {
		m.fits = t.fits
	}
	return m
}

// free is how many bytes sessions and arenas may still take.
func (e *engine) free() (int64, error) {
	if e.device == nil {
		return availableMemory()
	}
	free, _, err := e.device.Free()
	return free, err
}

func (t *trial) at(batch int) *config.Config {
	c := *t.config
	c.Training.Batch = batch
	return &c
}

func (t *trial) reckon(batch int) (need, error) {
	p, err := t.plan(batch)
	if err != nil {
		return need{}, err
	}
	defer p.close()
	return p.need(t.engine)
}

func (t *trial) plan(batch int) (*plan, error) {
	classes := t.set.Train.Classes
	s, err := newSetup(t.ctx, t.at(batch), len(classes), nil)
	if err != nil {
		return nil, err
	}
	return &plan{setup: s, classes: classes, train: t.set.Train, val: t.set.Val, test: t.set.Test}, nil
}

// fits tells whether there is memory for a run.
func (t *trial) fits(batch int) (bool, error) {
	if err := t.ctx.Err(); err != nil {
		return false, err
	}
	p, err := t.plan(batch)
	if err == nil {
		err = t.step(p)
		p.close()
	}
	if outOfMemory(err) {
		return false, nil
	}
	return err == nil, err
}

// step takes all the memory that a run takes: it makes its sessions and runs each.
func (t *trial) step(p *plan) error {
	g, err := p.trainingGraph()
	if err != nil {
		return err
	}
	l, err := newLearner(p.setup, t.engine, g)
	if err != nil {
		return err
	}
	defer l.Close()
	v, err := newValidator(p, t.engine, l)
	if err != nil {
		return err
	}
	defer v.close()
	if p.probes() { // the backbone, for one image
		one := *p.train
		one.Samples = one.Samples[:1]
		q := *p
		q.train, q.val = &one, &one
		if _, err := newFeatures(t.ctx, &q, t.engine, l, nil); err != nil {
			return err
		}
	}
	for range min(2, p.config.Training.Accumulate) {
		if err := errors.Join(l.feed.begin(), l.feed.send(), l.ForwardBackward()); err != nil {
			return err
		}
	}
	if err := l.Update(1, 0); err != nil {
		return err
	}
	var notTaken *notFinite // which says nothing of memory, and neither does the other
	var scaled *overflow
	if _, err := l.Settle(); err != nil && !errors.As(err, &notTaken) && !errors.As(err, &scaled) {
		return err
	}
	return v.session.Run()
}
