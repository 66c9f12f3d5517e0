package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"

	"fovea/tools/worker"
)

// compareMemory prints peak memory and time for the node orders with the runtime's memory pattern on and off.
func compareMemory(ctx context.Context, s setup) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, s.Model)
	fmt.Fprintln(w, "node order\tmemory pattern\tpeak memory, MiB\tstep, s")
	for _, s.Shuffle = range []bool{false, true} {
		for _, s.MemoryPattern = range []bool{false, true} {
			p, err := start(ctx, "Fovea", worker.StartFovea, s.Job)
			if err != nil {
				return err
			}
			if err := alternate(s.rounds, p); err != nil {
				return err
			}
			order, pattern := "ours", "off"
			if s.Shuffle {
				order = "shuffled"
			}
			if s.MemoryPattern {
				pattern = "on"
			}
			fmt.Fprintf(w, "%s\t%s\t%.0f\t%.2f\n", order, pattern, mib(p.memory.PeakRSS), p.median(seconds))
		}
	}
	return w.Flush()
}
