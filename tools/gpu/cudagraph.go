package main

import (
	"context"
	"fmt"

	"fovea/tools/worker"
)

// replays is the number of steps whose losses are compared.
const replays = 30

// cudaGraphs compares plain steps with replayed ones, and with plain ones once more. The runtime sums columns up in any
// order of their blocks. So two equal runs may differ, and replayed ones as much.
func cudaGraphs(ctx context.Context, s *section) error {
	if !s.cuda() {
		return skip("CUDA graphs are a GPU's")
	}
	m := s.Sizes.Graphs
	s.table(fmt.Sprintf("%s, %d steps with drop-path 0.2 over 4 batches, then %d steps for the time",
		m, replays, s.Sizes.Block),
		"precision", "plain steps twice", "replayed steps", "ms a step, plain", "ms a step, replayed", "ratio", "")
	for _, p := range s.precisions("fp32", "tf32", "bf16", "fp16") {
		j := s.job(m, p)
		j.Count = 4
		if err := s.compareReplayed(ctx, j); err != nil {
			s.require(false, "%s: %v", p, err)
		}
	}
	return nil
}

func (s *section) compareReplayed(ctx context.Context, j worker.Job) error {
	var losses [3][]float64
	var ms [3]float64
	for i, recorded := range []bool{false, false, true} {
		j.CUDAGraph = recorded
		answers, err := worker.Measure(ctx, worker.StartFovea, j,
			worker.Steps(replays, 1e-4), worker.Steps(s.Sizes.Block, 1e-4))
		if err != nil {
			return fmt.Errorf("runtime.cuda_graph = %t: %w", recorded, err)
		}
		losses[i], ms[i] = answers[0].Losses, 1e3*answers[1].Seconds/float64(s.Sizes.Block)
	}
	_, equal := differences(losses[0], losses[1])
	_, replayed := differences(losses[0], losses[2])
	equalText, replayedText := differenceText(equal), differenceText(replayed)
	s.judge(asEqualRuns(replayed, equal),
		fmt.Sprintf("%s: losses of replayed steps %s, of plain ones %s", j.Precision, replayedText, equalText),
		j.Precision, equalText, replayedText, fmt.Sprintf("%.2f", ms[0]), fmt.Sprintf("%.2f", ms[2]),
		fmt.Sprintf("%.2f", ms[2]/ms[0]))
	return nil
}
