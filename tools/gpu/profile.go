package main

import (
	"context"
	"fmt"
	"path/filepath"

	"fovea/tools/worker"
)

// profiledSteps is the number of steps that the runtime's profile has.
const profiledSteps = 5

// profile tells where the time of a step goes.
func profile(ctx context.Context, s *section) error {
	m := s.Sizes.Speed
	j := s.job(m, s.halfPrecision())
	j.ProfilePrefix = filepath.Join(s.folder, "step")
	answers, err := worker.Measure(ctx, worker.StartFovea, j,
		worker.Steps(profiledSteps, 1e-5), worker.Request{Profile: true})
	if err != nil {
		return err
	}
	ours := answers[1]
	s.shares(fmt.Sprintf("%s, %s, median of %d steps, without CUDA graphs and optimizer", m, j.Precision, profiledSteps),
		"operator", ours.Operators)
	s.require(len(ours.Operators) > 0, "the profile has no operators")
	s.shares("By kernel, on the GPU", "kernel", ours.Kernels)
	if s.cuda() && len(ours.Kernels) == 0 {
		s.note("This build of ONNX Runtime records no kernels. Each launch was waited for (CUDA_LAUNCH_BLOCKING=1): " +
			"an operator's time is that of its kernels on the GPU and, for each, of some microseconds of launch, " +
			"which a step does not wait for.")
	}
	if s.Python == "" {
		return nil
	}
	answers, err = worker.Measure(ctx, s.peer(), j, worker.Steps(s.Sizes.Warm, 1e-5), worker.Request{Profile: true})
	if err != nil {
		return err
	}
	s.shares("PyTorch eager, with optimizer", "kernel", answers[1].Kernels)
	s.shares("PyTorch eager, with optimizer", "operator", answers[1].Operators)
	return nil
}

// shares lists the 20 largest shares of a step, if there are any.
func (s *section) shares(title, what string, all map[string]worker.Share) {
	if len(all) == 0 {
		return
	}
	const most = 20
	names, total := worker.Ranked(all)
	s.table(fmt.Sprintf("%s: %.1f ms", title, 1e3*total), what, "calls a step", "ms", "%")
	for _, name := range names[:min(most, len(names))] {
		x := all[name]
		s.row(name, fmt.Sprintf("%.0f", x.Calls), fmt.Sprintf("%.2f", 1e3*x.Seconds),
			fmt.Sprintf("%.1f", 100*x.Seconds/total))
	}
}
