package main

import (
	"context"
	"fmt"
	"math"
)

// cudaGraphs compares plain steps with replayed ones, and with plain ones once more:
// the runtime's sums of columns add up the parts of their blocks in any order, so
// that two equal runs may differ, and replayed ones as much.
func cudaGraphs(ctx context.Context, s *section) error {
	if !s.cuda() {
		return skip("CUDA graphs are a GPU's")
	}
	m := s.Sizes.Graphs
	s.table(fmt.Sprintf("%s, %d steps with drop-path 0.2 over 4 batches, then %d steps for the time", m, s.Sizes.Replays, s.Sizes.Block),
		"precision", "plain steps twice", "replayed steps", "ms a step, plain", "ms a step, replayed", "ratio", "")
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
	var losses [3][]float64
	var ms [3]float64
	for i, recorded := range []bool{false, false, true} {
		j.CUDAGraph = recorded
		if losses[i], ms[i], err = s.replay(ctx, j); err != nil {
			return fmt.Errorf("runtime.cuda_graph = %t: %w", recorded, err)
		}
	}
	twice, replayed := lossesApart(losses[0], losses[1]), lossesApart(losses[0], losses[2])
	ok := replayed == 0 || twice > 0 && replayed <= equalRuns*twice
	s.row(j.Precision, apartText(twice), apartText(replayed), fmt.Sprintf("%.2f", ms[0]), fmt.Sprintf("%.2f", ms[2]),
		fmt.Sprintf("%.2f", ms[2]/ms[0]), verdictOf(ok))
	s.require(ok, "%s: losses of replayed steps %s, of plain ones %s", j.Precision, apartText(replayed), apartText(twice))
	return nil
}

// lossesApart is the largest distance of two losses of the same step, 0 only if all are
// equal to the bit.
func lossesApart(a, b []float64) (off float64) {
	for i, x := range a {
		if y := b[i]; x != y {
			off = max(off, math.Abs(x-y), math.SmallestNonzeroFloat64)
		}
	}
	return off
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
