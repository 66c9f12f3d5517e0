package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"fovea/onnx/ort"
	"fovea/training"
)

// share of a step's time.
type share struct {
	Calls   float64 `json:"calls"`
	Seconds float64 `json:"seconds"`
}

const (
	profileNumber = 12 // of the section
	profiledSteps = 5
)

// profile tells where the time of a step goes.
func profile(ctx context.Context, s *section) error {
	m := s.Sizes.Profile
	c := m.config(s.settings, s.Provider, s.halfPrecision())
	c.Model.DropPath = 0.2
	l, err := s.learner(ctx, c, training.Experiment{Profile: filepath.Join(s.folder, "step")})
	if err != nil {
		return err
	}
	defer l.Close()
	b := noise(m, 1)
	for step := range int64(profiledSteps) {
		if err := l.Stage(b.images[0], b.targets[0], 0, int(step)); err != nil {
			return err
		}
		if err := l.ForwardBackward(); err != nil {
			return err
		}
		if err := l.Update(step+1, 1e-5); err != nil {
			return err
		}
		if _, err := l.Settle(); err != nil {
			return err
		}
	}
	path, err := l.EndProfile()
	if err != nil {
		return err
	}
	events, err := ort.ReadProfile(path)
	if err != nil {
		return err
	}
	operators, kernels := map[string]share{}, map[string]share{}
	for _, e := range events {
		if _, ok := e.Node(); ok {
			add(operators, e.Args.Op, e.Duration)
		} else if e.Category == "Kernel" {
			add(kernels, e.Name, e.Duration)
		}
	}
	about := fmt.Sprintf("%s, %s, mean of %d steps, without CUDA graphs and optimizer", m, c.Training.Precision, profiledSteps)
	s.shares(about, "operator", operators)
	if len(kernels) > 0 {
		s.shares("By kernel, on the GPU", "kernel", kernels)
	} else if s.cuda() {
		s.note("This build of ONNX Runtime records no kernels. Each launch was waited for (CUDA_LAUNCH_BLOCKING=1): an operator's time is that of its " +
			"kernels on the GPU and, for each, of some microseconds of launch, which a step does not wait for.")
	}
	s.require(len(operators) > 0, "the profile has no operators")
	if s.Python == "" {
		return nil
	}
	return s.profilePeer(ctx, m, c.Training.Precision)
}

// add counts a part of the profiled steps.
func add(to map[string]share, name string, microseconds float64) {
	x := to[name]
	to[name] = share{x.Calls + 1./profiledSteps, x.Seconds + microseconds/1e6/profiledSteps}
}

// shares lists the 20 largest of a step.
func (s *section) shares(about, what string, all map[string]share) {
	const most = 20
	total := 0.0
	for _, x := range all {
		total += x.Seconds
	}
	s.table(fmt.Sprintf("%s: %.1f ms", about, 1e3*total), what, "calls a step", "ms", "%")
	names := slices.SortedFunc(maps.Keys(all), func(a, b string) int { return cmp.Compare(all[b].Seconds, all[a].Seconds) })
	for _, name := range names[:min(most, len(names))] {
		x := all[name]
		s.row(name, fmt.Sprintf("%.0f", x.Calls), fmt.Sprintf("%.2f", 1e3*x.Seconds), fmt.Sprintf("%.1f", 100*x.Seconds/total))
	}
}

// profilePeer tells the same of PyTorch.
func (s *section) profilePeer(ctx context.Context, m model, precision string) error {
	j, err := s.files(ctx, m, noise(m, 2))
	if err != nil {
		return err
	}
	j.Precision, j.DropPath = precision, 0.2
	p, err := s.startPeer(ctx)
	if err != nil {
		return err
	}
	if _, err := p.ask(j); err != nil {
		return err
	}
	if _, err := p.steps(s.Sizes.Warm, 1e-5); err != nil {
		return err
	}
	a, err := p.ask(request{Profile: true})
	if err != nil {
		return err
	}
	s.shares("PyTorch eager, with optimizer", "kernel", a.Kernels)
	return p.end()
}
