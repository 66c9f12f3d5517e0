package main

import (
	"fmt"
	"io"
	"time"

	"fovea/evaluation"
	"fovea/training"
)

// printResult shows a finished run's metrics on the test set.
func (a *app) printResult(r *training.Result) {
	fmt.Fprintf(a.stdout, "\n%s: best epoch %d of %d, %s, on test:\n",
		r.Name, r.BestEpoch+1, r.Epochs, r.Duration.Round(time.Second))
	printMetrics(a.stdout, r.Test)
	fmt.Fprintf(a.stdout, "run folder: %s\n", r.Folder)
}

// printMetrics shows one metric on each line, in the order of the file.
func printMetrics(w io.Writer, m evaluation.Metrics) {
	for name, value := range m.All() {
		fmt.Fprintf(w, "  %-18s %8.4f\n", name, value)
	}
}
