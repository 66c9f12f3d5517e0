package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"fovea/tools/worker"
)

// profile prints where the time of a step goes, by operator.
func profile(ctx context.Context, s setup) error {
	operators, err := record(ctx, s)
	if err != nil {
		return err
	}
	return printOperators(s, []string{"fovea"}, operators)
}

// record takes steps with the runtime's profile and returns the operators' shares of one.
func record(ctx context.Context, s setup) (map[string]worker.Share, error) {
	dir, err := os.MkdirTemp("", "fovea-profile-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s.ProfilePrefix = filepath.Join(dir, "step")
	answers, err := worker.Measure(ctx, worker.StartFovea, s.Job,
		worker.Steps(2+s.rounds, 1e-4), worker.Request{Profile: true})
	if err != nil {
		return nil, err
	}
	return answers[1].Operators, nil
}

// printOperators prints the operators of each side, the slowest first, beside each other.
func printOperators(s setup, sides []string, operators ...map[string]worker.Share) error {
	const most = 25
	fmt.Printf("%s, %d threads: where a step's time goes\n\n", s.Model, s.Threads)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	var order [][]string
	var totals []float64
	for i, side := range operators {
		names, total := worker.Ranked(side)
		order, totals = append(order, names), append(totals, total)
		fmt.Fprintf(w, "%s: %.3f s\tcalls\tms\t%%\t", sides[i], totals[i])
	}
	fmt.Fprintln(w)
	for row := range most {
		for i, side := range operators {
			if row >= len(order[i]) {
				fmt.Fprint(w, "\t\t\t\t")
				continue
			}
			o := side[order[i][row]]
			fmt.Fprintf(w, "%s\t%.0f\t%.1f\t%.1f\t", order[i][row], o.Calls, 1e3*o.Seconds, 100*o.Seconds/totals[i])
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}
