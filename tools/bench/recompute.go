package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"

	"fovea/training/config"
)

// compareRecompute alternates steps with each value of training.recompute. What
// a step needs is the peak without parameters, gradients and moments.
func compareRecompute(ctx context.Context, s setup) error {
	var workers []*process
	recomputes := config.Choices("training.recompute")
	for _, s.recompute = range recomputes {
		p, err := startOurs(ctx, s)
		if err != nil {
			return err
		}
		workers = append(workers, p)
	}
	steps := make([][]report, len(workers))
	for round := range s.rounds {
		for i, p := range workers {
			r, err := p.step()
			if err != nil {
				return err
			}
			if len(steps[0]) == round+1 && r.Loss != steps[0][round].Loss {
				return fmt.Errorf("round %d: the loss is %v, with training.recompute = %q %v",
					round+1, steps[0][round].Loss, recomputes[i], r.Loss)
			}
			steps[i] = append(steps[i], r)
			fmt.Fprintf(os.Stderr, "round %d, %s: %.3f s\n", round+1, recomputes[i], r.Seconds)
		}
	}
	fmt.Printf("%s, %d px, batch %d, %d threads, median of %d interleaved steps\n\n", s.arch, s.size, s.batch, s.threads, s.rounds)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "training.recompute\tstep, s\tratio\tpeak memory, MiB\tratio\twithout parameters, MiB\tratio\t")
	seconds := func(r report) float64 { return r.Seconds }
	var first farewell
	for i, p := range workers {
		f, err := p.quit()
		if err != nil {
			return err
		}
		if i == 0 {
			first = f
		}
		t, own, firstOwn := median(steps[i], seconds), mib(f.PeakRSS-f.Arenas), mib(first.PeakRSS-first.Arenas)
		fmt.Fprintf(w, "%s\t%.3f\t%.2f\t%.0f\t%.2f\t%.0f\t%.2f\t\n", recomputes[i], t, t/median(steps[0], seconds),
			mib(f.PeakRSS), mib(f.PeakRSS)/mib(first.PeakRSS), own, own/firstOwn)
	}
	return w.Flush()
}
