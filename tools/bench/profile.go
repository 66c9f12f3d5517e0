package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// event is what the runtime's profile says of one run of one node.
type event struct {
	Category string  `json:"cat"`
	Name     string  `json:"name"`
	Duration float64 `json:"dur"` // µs
	Args     struct {
		Op string `json:"op_name"`
	} `json:"args"`
}

// profile prints where the time of a step goes, by operator.
func profile(ctx context.Context, s setup) error {
	dir, err := os.MkdirTemp("", "fovea-profile-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s.profile = filepath.Join(dir, "step")
	p, err := startOurs(ctx, s)
	if err != nil {
		return err
	}
	for range s.rounds {
		if _, err := p.step(); err != nil {
			return err
		}
	}
	f, err := p.quit()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(f.Profile)
	if err != nil {
		return err
	}
	var events []event
	if err := json.Unmarshal(text, &events); err != nil {
		return fmt.Errorf("%s: %w", f.Profile, err)
	}
	time, count := map[string]float64{}, map[string]int{}
	total := 0.0
	for _, e := range events {
		if e.Category == "Node" && strings.HasSuffix(e.Name, "_kernel_time") {
			time[e.Args.Op] += e.Duration
			count[e.Args.Op]++
			total += e.Duration
		}
	}
	steps := float64(s.rounds + 2) // with the warm-up
	fmt.Printf("%s, %d px, batch %d, %d threads: %.3f s a step in operators\n\n",
		s.arch, s.size, s.batch, s.threads, total/steps/1e6)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "operator\tnodes\tms a step\tshare, %\t")
	ops := slices.SortedFunc(maps.Keys(time), func(a, b string) int { return cmp.Compare(time[b], time[a]) })
	for _, op := range ops {
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\t\n", op, count[op]/int(steps), time[op]/steps/1e3, 100*time[op]/total)
	}
	return w.Flush()
}
