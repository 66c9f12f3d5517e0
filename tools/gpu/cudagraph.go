package main

import (
	"context"
	"fmt"
	"math"
)

// cudaGraphs compares plain steps with replayed ones.
func cudaGraphs(ctx context.Context, s *section) error {
	if !s.cuda() {
		return skip("CUDA graphs are a GPU's")
	}
	m := s.Sizes.Graphs
	s.table(fmt.Sprintf("%s, %d steps with drop-path 0.2 over 4 batches, then %d steps for the time", m, s.Sizes.Replays, s.Sizes.Block),
		"precision", "losses", "ms a step, plain", "ms a step, replayed", "ratio", "")
	j, err := s.files(ctx, m, noise(m, 4))
	if err != nil {
		return err
	}
	for _, p := range s.precisions("fp32", "tf32", "bf16", "fp16") {
		j.Precision, j.DropPath = p, 0.2
		if err := s.compareReplayed(ctx, j); err != nil {
			s.require(false, "%s: %v", p, err)
		}
	}
	return nil
}

func (s *section) compareReplayed(ctx context.Context, j job) (err error) {
	var losses [2][]float64
	var ms [2]float64
	for i, recorded := range []bool{false, true} {
		j.CUDAGraph = recorded
		if losses[i], ms[i], err = s.replay(ctx, j); err != nil {
			return fmt.Errorf("runtime.cuda_graph = %t: %w", recorded, err)
		}
	}
	off := 0.0
	for i, x := range losses[0] {
		if y := losses[1][i]; x != y {
			off = max(off, math.Abs(x-y), math.SmallestNonzeroFloat64)
		}
	}
	shown := "equal bits"
	if off != 0 {
		shown = fmt.Sprintf("differ by up to %.1e", off)
	}
	s.row(j.Precision, shown, fmt.Sprintf("%.2f", ms[0]), fmt.Sprintf("%.2f", ms[1]), fmt.Sprintf("%.2f", ms[1]/ms[0]), verdictOf(off == 0))
	s.require(off == 0, "%s: losses %s", j.Precision, shown)
	return nil
}

func (s *section) replay(ctx context.Context, j job) (losses []float64, ms float64, err error) {
	w, err := startOurs(ctx)
	if err != nil {
		return nil, 0, err
	}
	if _, err := w.ask(j); err != nil {
		return nil, 0, err
	}
	a, err := w.steps(s.Sizes.Replays, 1e-4)
	if err != nil {
		return nil, 0, err
	}
	timed, err := w.steps(s.Sizes.Block, 1e-4)
	if err != nil {
		return nil, 0, err
	}
	return a.Losses, 1e3 * timed.Seconds / float64(s.Sizes.Block), w.end()
}
