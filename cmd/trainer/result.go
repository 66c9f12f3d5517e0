package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"fovea/evaluation"
)

// printResult shows a finished run's metrics on test.
func (a *app) printResult(t trained) {
	fmt.Fprintf(a.stdout, "\n%s: best epoch %d, trained in %s, on test:\n",
		t.name, t.result.BestEpoch, t.took.Round(time.Second))
	printMetrics(a.stdout, t.result.Test)
	fmt.Fprintf(a.stdout, "run folder: %s\n", t.result.Folder)
}

// printMetrics shows one metric a line, in file order.
func printMetrics(w io.Writer, m evaluation.Metrics) {
	for name, value := range m.All() {
		fmt.Fprintf(w, "  %-18s %8.4f\n", name, value)
	}
}

// printComparison shows a line a run.
func (a *app) printComparison(rows []trained) {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(a.stdout)
	fmt.Fprintln(w, "name\tbest epoch\taccuracy\tf1\troc_auc\tkappa\tquadratic_kappa\ttime\t")
	for _, r := range rows {
		took := r.took.Round(time.Second)
		if r.result == nil {
			fmt.Fprintf(w, "%s\tfailed\t\t\t\t\t\t%s\t\n", r.name, took)
			continue
		}
		m := r.result.Test
		fmt.Fprintf(w, "%s\t%d\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%s\t\n",
			r.name, r.result.BestEpoch, m.Accuracy, m.F1, m.ROCAUC, m.Kappa, m.QuadraticKappa, took)
	}
	w.Flush()
}
