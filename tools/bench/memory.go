package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
)

// compareMemory prints peak memory and time for the node orders with the
// runtime's memory pattern on and off.
func compareMemory(ctx context.Context, s setup) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s, %d px, batch %d\n", s.arch, s.size, s.batch)
	fmt.Fprintln(w, "node order\tmemory pattern\tpeak memory, MiB\tstep, s")
	for _, s.shuffle = range []bool{false, true} {
		for _, s.memoryPattern = range []bool{false, true} {
			p, err := startOurs(ctx, s)
			if err != nil {
				return err
			}
			var steps []report
			for range s.rounds {
				r, err := p.step()
				if err != nil {
					return err
				}
				steps = append(steps, r)
			}
			f, err := p.quit()
			if err != nil {
				return err
			}
			order, pattern := "ours", "off"
			if s.shuffle {
				order = "shuffled"
			}
			if s.memoryPattern {
				pattern = "on"
			}
			fmt.Fprintf(w, "%s\t%s\t%.0f\t%.2f\n", order, pattern, mib(f.PeakRSS),
				median(steps, func(r report) float64 { return r.Seconds }))
		}
	}
	return w.Flush()
}
