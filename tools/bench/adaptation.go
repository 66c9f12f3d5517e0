package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"fovea/tools/worker"
)

// compareAdaptations alternates steps with values of model.adaptation, each in a process of its own.
func compareAdaptations(ctx context.Context, s setup) error {
	var trainers []*trainer
	for _, s.Adaptation = range strings.Split(s.adaptations, ",") {
		p, err := start(ctx, s.Adaptation, worker.StartFovea, s.Job)
		if err != nil {
			return err
		}
		trainers = append(trainers, p)
	}
	if err := alternate(s.rounds, trainers...); err != nil {
		return err
	}
	fmt.Printf("%s, %d threads, median of %d interleaved steps\n\n", s.Model, s.Threads, s.rounds)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "model.adaptation\tstep, s\tratio\tpeak memory, MiB\tratio\t")
	first := trainers[0]
	for _, p := range trainers {
		step, peak := p.median(seconds), mib(p.memory.PeakRSS)
		fmt.Fprintf(w, "%s\t%.3f\t%.2f\t%.0f\t%.2f\t\n", p.name, step, step/first.median(seconds), peak,
			peak/mib(first.memory.PeakRSS))
	}
	return w.Flush()
}
