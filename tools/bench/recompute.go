package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"

	"fovea/tools/worker"
	"fovea/training/config"
)

// compareRecompute alternates steps with each value of training.recompute. The last columns are the peak memory without
// parameters, gradients and moments.
func compareRecompute(ctx context.Context, s setup) error {
	var trainers []*trainer
	recomputes := config.Choices("training.recompute")
	for _, s.Recompute = range recomputes {
		p, err := start(ctx, worker.StartFovea, s.Job)
		if err != nil {
			return err
		}
		trainers = append(trainers, p)
	}
	for round := range s.rounds {
		for i, p := range trainers {
			a, err := p.step()
			if err != nil {
				return err
			}
			if first := trainers[0].steps[round].Losses[0]; a.Losses[0] != first {
				return fmt.Errorf("round %d: the loss is %v, with training.recompute = %q %v",
					round+1, first, recomputes[i], a.Losses[0])
			}
			fmt.Fprintf(os.Stderr, "round %d, %s: %.3f s\n", round+1, recomputes[i], a.Seconds)
		}
	}
	fmt.Printf("%s, %d threads, median of %d interleaved steps\n\n", s.Model, s.Threads, s.rounds)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "training.recompute\tstep, s\tratio\tpeak memory, MiB\tratio\twithout parameters, MiB\tratio\t")
	var first *worker.Answer
	for i, p := range trainers {
		a, err := p.end()
		if err != nil {
			return err
		}
		if i == 0 {
			first = a
		}
		step, own, firstOwn := p.median(seconds), mib(a.PeakRSS-a.Arenas), mib(first.PeakRSS-first.Arenas)
		fmt.Fprintf(w, "%s\t%.3f\t%.2f\t%.0f\t%.2f\t%.0f\t%.2f\t\n", recomputes[i], step,
			step/trainers[0].median(seconds), mib(a.PeakRSS), mib(a.PeakRSS)/mib(first.PeakRSS), own, own/firstOwn)
	}
	return w.Flush()
}
