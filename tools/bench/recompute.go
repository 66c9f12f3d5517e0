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
	for _, s.Recompute = range config.Choices("training.recompute") {
		p, err := start(ctx, s.Recompute, worker.StartFovea, s.Job)
		if err != nil {
			return err
		}
		trainers = append(trainers, p)
	}
	if err := alternate(s.rounds, trainers...); err != nil {
		return err
	}
	first := trainers[0]
	for _, p := range trainers {
		for round, a := range p.steps {
			if want := first.steps[round].Losses[0]; a.Losses[0] != want {
				return fmt.Errorf("round %d: the loss is %v, with training.recompute = %q %v",
					round+1, want, p.name, a.Losses[0])
			}
		}
	}
	fmt.Printf("%s, %d threads, median of %d interleaved steps\n\n", s.Model, s.Threads, s.rounds)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "training.recompute\tstep, s\tratio\tpeak memory, MiB\tratio\twithout parameters, MiB\tratio\t")
	base := first.memory
	for _, p := range trainers {
		a, step := p.memory, p.median(seconds)
		own, firstOwn := mib(a.PeakRSS-a.Arenas), mib(base.PeakRSS-base.Arenas)
		fmt.Fprintf(w, "%s\t%.3f\t%.2f\t%.0f\t%.2f\t%.0f\t%.2f\t\n", p.name, step, step/first.median(seconds),
			mib(a.PeakRSS), mib(a.PeakRSS)/mib(base.PeakRSS), own, own/firstOwn)
	}
	return w.Flush()
}
