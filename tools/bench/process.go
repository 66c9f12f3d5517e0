package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"fovea/tools/worker"
)

// A trainer is a process that has its job and is warm.
type trainer struct {
	*worker.Process
	name   string
	steps  []*worker.Answer // of one step each
	memory *worker.Answer   // at the end
}

// start gives a job to a process and warms it up.
func start(ctx context.Context, name string, program worker.Starter, j worker.Job) (*trainer, error) {
	p, err := program(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := p.Send(j); err != nil {
		return nil, err
	}
	_, err = p.Send(worker.Steps(2, 1e-4))
	return &trainer{Process: p, name: name}, err
}

// alternate lets the trainers take steps in turns, and ends them.
func alternate(rounds int, trainers ...*trainer) error {
	for round := range rounds {
		for _, t := range trainers {
			a, err := t.Send(worker.Steps(1, 1e-4))
			if err != nil {
				return err
			}
			t.steps = append(t.steps, a)
			fmt.Fprintf(os.Stderr, "round %d, %s: %.3f s\n", round+1, t.name, a.Seconds)
		}
	}
	for _, t := range trainers {
		var err error
		if t.memory, err = t.Send(worker.Request{Memory: true}); err != nil {
			return err
		}
		if t.memory.PeakRSS == 0 {
			return errors.New("peak memory is known on Linux only")
		}
		if err := t.End(); err != nil {
			return err
		}
	}
	return nil
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
