package main

import (
	"context"
	"errors"

	"fovea/tools/worker"
)

// A trainer is a process that has its job and is warm.
type trainer struct {
	*worker.Process
	steps []*worker.Answer // of one step each
}

// start gives a job to a process and warms it up.
func start(ctx context.Context, program worker.Starter, j worker.Job) (*trainer, error) {
	p, err := program(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := p.Send(j); err != nil {
		return nil, err
	}
	_, err = p.Send(worker.Steps(2, 1e-4))
	return &trainer{Process: p}, err
}

// step takes and keeps a step.
func (t *trainer) step() (*worker.Answer, error) {
	a, err := t.Send(worker.Steps(1, 1e-4))
	t.steps = append(t.steps, a)
	return a, err
}

// end returns the memory that the process took, and ends it.
func (t *trainer) end() (*worker.Answer, error) {
	a, err := t.Send(worker.Request{Memory: true})
	if err != nil {
		return nil, err
	}
	if a.PeakRSS == 0 {
		return nil, errors.New("peak memory is known on Linux only")
	}
	return a, t.End()
}

// median returns the median of a figure over the steps.
func (t *trainer) median(of func(*worker.Answer) float64) float64 {
	var x []float64
	for _, a := range t.steps {
		x = append(x, of(a))
	}
	return worker.Median(x)
}

func seconds(a *worker.Answer) float64 { return a.Seconds }

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
