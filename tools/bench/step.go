package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
)

// compareStep alternates our step with PyTorch's.
func compareStep(ctx context.Context, s setup) error {
	ours, err := startOurs(ctx, s)
	if err != nil {
		return err
	}
	peer, err := startPeer(ctx, s)
	if err != nil {
		return err
	}
	return compare(s, ours, peer)
}

// compare alternates steps of two processes, ends them and prints what they took.
func compare(s setup, ours, peer *process) error {
	var us, them []report
	for i := range s.rounds {
		a, err := ours.step()
		if err != nil {
			return err
		}
		b, err := peer.step()
		if err != nil {
			return err
		}
		us, them = append(us, a), append(them, b)
		fmt.Fprintf(os.Stderr, "round %d: %.3f s, PyTorch %.3f s\n", i+1, a.Seconds, b.Seconds)
	}
	a, err := ours.quit()
	if err != nil {
		return err
	}
	b, err := peer.quit()
	if err != nil {
		return err
	}

	fmt.Printf("%s, %d px, batch %d, float32, %d threads, median of %d interleaved steps\n\n",
		s.arch, s.size, s.batch, s.threads, s.rounds)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(what string, x, y float64, format string) {
		fmt.Fprintf(w, "%s\t"+format+"\t"+format+"\t%.3f\t\n", what, x, y, x/y)
	}
	seconds := func(r report) float64 { return r.Seconds }
	gradient := func(r report) float64 { return r.Forward + r.Backward }
	optimizer := func(r report) float64 { return r.Optimizer }
	fmt.Fprintln(w, "\tfovea\tPyTorch "+b.Versions["torch"]+"\tratio\t")
	row("step, s", median(us, seconds), median(them, seconds), "%.3f")
	row("forward and backward, s", median(us, gradient), median(them, gradient), "%.3f")
	row("AdamW, s", median(us, optimizer), median(them, optimizer), "%.3f")
	row("peak memory, MiB", mib(a.PeakRSS), mib(b.PeakRSS), "%.0f")
	row("without PyTorch's libraries, MiB", mib(a.PeakRSS), mib(b.PeakRSS-b.ImportRSS), "%.0f")
	w.Flush()
	var ratios []float64
	for i := range us {
		ratios = append(ratios, us[i].Seconds/them[i].Seconds)
	}
	slices.Sort(ratios)
	fmt.Printf("\nratio of the steps pair by pair: median %.3f, %.3f to %.3f\nAdamW is %.1f %% of our step\n",
		ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1], 100*median(us, optimizer)/median(us, seconds))
	return nil
}

func median(reports []report, of func(report) float64) float64 {
	var x []float64
	for _, r := range reports {
		x = append(x, of(r))
	}
	slices.Sort(x)
	return x[len(x)/2]
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
