package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"

	"fovea/tools/worker"
)

// compareStep alternates our step with PyTorch's.
func compareStep(ctx context.Context, s setup) error {
	ours, err := start(ctx, "Fovea", worker.StartFovea, s.Job)
	if err != nil {
		return err
	}
	peer, err := start(ctx, "PyTorch", worker.Peer(s.python), s.Job)
	if err != nil {
		return err
	}
	return compare(s, ours, peer)
}

// compare alternates steps of two processes, ends them and prints what they took.
func compare(s setup, ours, peer *trainer) error {
	versions, err := peer.Send(worker.Request{Versions: true})
	if err != nil {
		return err
	}
	if err := alternate(s.rounds, ours, peer); err != nil {
		return err
	}
	a, b := ours.memory, peer.memory
	var ratios []float64
	for i, step := range ours.steps {
		ratios = append(ratios, step.Seconds/peer.steps[i].Seconds)
	}

	fmt.Printf("%s, float32, %d threads, median of %d interleaved steps\n\n", s.Model, s.Threads, s.rounds)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(what string, x, y float64, format string) {
		fmt.Fprintf(w, "%s\t"+format+"\t"+format+"\t%.3f\t\n", what, x, y, x/y)
	}
	gradient := func(a *worker.Answer) float64 { return a.Forward + a.Backward }
	optimizer := func(a *worker.Answer) float64 { return a.Optimizer }
	fmt.Fprintln(w, "\tfovea\tPyTorch "+versions.Versions["torch"]+"\tratio\t")
	row("step, s", ours.median(seconds), peer.median(seconds), "%.3f")
	row("forward and backward, s", ours.median(gradient), peer.median(gradient), "%.3f")
	row("AdamW, s", ours.median(optimizer), peer.median(optimizer), "%.3f")
	row("peak memory, MiB", mib(a.PeakRSS), mib(b.PeakRSS), "%.0f")
	row("without PyTorch's libraries, MiB", mib(a.PeakRSS), mib(b.PeakRSS-b.ImportRSS), "%.0f")
	w.Flush()
	slices.Sort(ratios)
	fmt.Printf("\nratio of the steps pair by pair: median %.3f, %.3f to %.3f\nAdamW is %.1f %% of our step\n",
		ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1], 100*ours.median(optimizer)/ours.median(seconds))
	return nil
}
