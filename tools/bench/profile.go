package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"fovea/onnx/ort"
)

// An operator's share of a step.
type operator struct {
	Calls   int     `json:"calls"`
	Seconds float64 `json:"seconds"`
}

// profile prints where the time of a step goes, by operator.
func profile(ctx context.Context, s setup) error {
	operators, err := record(ctx, s)
	if err != nil {
		return err
	}
	return printOperators(s, []string{"fovea"}, operators)
}

// record runs a session of its own with the runtime's profile.
func record(ctx context.Context, s setup) (map[string]operator, error) {
	dir, err := os.MkdirTemp("", "fovea-profile-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s.profile = filepath.Join(dir, "step")
	p, err := startOurs(ctx, s)
	if err != nil {
		return nil, err
	}
	for range s.rounds {
		if _, err := p.step(); err != nil {
			return nil, err
		}
	}
	f, err := p.quit()
	if err != nil {
		return nil, err
	}
	events, err := ort.ReadProfile(f.Profile)
	if err != nil {
		return nil, err
	}
	nodes := map[string][]float64{} // times of each
	op := map[string]string{}
	for _, e := range events {
		if name, ok := e.Node(); ok {
			nodes[name] = append(nodes[name], e.Duration/1e6)
			op[name] = e.Args.Op
		}
	}
	out := map[string]operator{}
	for name, times := range nodes {
		o := out[op[name]]
		out[op[name]] = operator{o.Calls + 1, o.Seconds + middle(times)}
	}
	return out, nil
}

// printOperators prints the operators of each side, the slowest first, beside each
// other.
func printOperators(s setup, sides []string, operators ...map[string]operator) error {
	const most = 25
	fmt.Printf("%s, %d px, batch %d, %d threads: where a step's time goes\n\n", s.arch, s.size, s.batch, s.threads)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	var order [][]string
	var totals []float64
	for i, side := range operators {
		order = append(order, slices.SortedFunc(maps.Keys(side), func(a, b string) int {
			return cmp.Compare(side[b].Seconds, side[a].Seconds)
		}))
		totals = append(totals, 0)
		for _, o := range side {
			totals[i] += o.Seconds
		}
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
			fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\t", order[i][row], o.Calls, 1e3*o.Seconds, 100*o.Seconds/totals[i])
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}
