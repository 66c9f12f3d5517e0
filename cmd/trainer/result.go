package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"fovea/evaluation"
	"fovea/training"
)

// printResult shows a finished run's metrics on test.
func (a *app) printResult(r *training.Result) {
	fmt.Fprintf(a.stdout, "\n%s: best epoch %d of %d, %s, on test:\n",
		r.Name, r.BestEpoch+1, r.Epochs, r.Duration.Round(time.Second))
	printMetrics(a.stdout, r.Test)
	fmt.Fprintf(a.stdout, "run folder: %s\n", r.Folder)
}

// printMetrics shows one metric a line, in file order.
func printMetrics(w io.Writer, m evaluation.Metrics) {
	for name, value := range m.All() {
		fmt.Fprintf(w, "  %-18s %8.4f\n", name, value)
	}
}

// printComparison shows a line a run.
func (a *app) printComparison(results []*training.Result) {
	fmt.Fprintln(a.stdout)
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "name\tbest epoch\taccuracy\tf1\troc_auc\tkappa\tquadratic_kappa\ttime\t")
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%d\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%s\t\n", r.Name, r.BestEpoch+1, r.Test.Accuracy,
			r.Test.F1, r.Test.ROCAUC, r.Test.Kappa, r.Test.QuadraticKappa, r.Duration.Round(time.Second))
	}
	w.Flush()
}
