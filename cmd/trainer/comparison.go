package main

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fovea/evaluation"
	"fovea/evaluation/report"
	"fovea/internal/durable"
	"fovea/training"
	"fovea/training/config"
)

// printResult shows a finished run's metrics on the test set.
func (a *app) printResult(r *training.Result) error {
	a.printf("\n%s: best epoch %d of %d, %s, on test:\n",
		r.Name, r.BestEpoch+1, r.Epochs, r.Duration.Round(time.Second))
	if err := printMetrics(a.text, r.Test, r.Measures); err != nil {
		return err
	}
	a.printf("run folder: %s\n", r.Folder)
	return nil
}

// printMetrics shows one metric on each line, in the order of the file, and of two classes those of the positive one.
func printMetrics(w io.Writer, m evaluation.Metrics, of report.Measures) error {
	for name, value := range m.All() {
		if of.Assessment == nil || of.Headlined(name) {
			fmt.Fprintf(w, "  %-18s %8.4f\n", name, value)
		}
	}
	fmt.Fprintf(w, "precision, recall, F1 and Jaccard are means over classes, of the most probable class (%s)\n",
		evaluation.Argmax)
	if of.Assessment == nil { // of a run of an older version
		return nil
	}
	if note := of.UnorderedNote(); note != "" {
		fmt.Fprintln(w, note)
	}
	if of.Positive != "" && len(of.Operating) == 0 {
		sensitivity, _ := evaluation.Find(of.Assessment.Measures, "recall_positive")
		specificity, _ := evaluation.Find(of.Assessment.Measures, "specificity_positive")
		fmt.Fprintf(w, "positive is %q by %s: sensitivity %.4f [%.4f, %.4f], specificity %.4f [%.4f, %.4f]\n", of.Positive,
			evaluation.Argmax, sensitivity.Value, sensitivity.Low, sensitivity.High, specificity.Value, specificity.Low,
			specificity.High)
	}
	for _, r := range of.Operating {
		if err := r.WriteText(w); err != nil {
			return err
		}
	}
	return nil
}

// readArchives reads the results of other frameworks from dirs. It warns of runs whose data set has none.
func (a *app) readArchives(dirs []string, runs []*config.Config) ([]evaluation.Outcome, error) {
	var others []evaluation.Outcome
	for _, dir := range dirs {
		found, err := evaluation.ReadArchive(dir)
		if err != nil {
			return nil, badUsage("-beside: %w", err)
		}
		others = append(others, found...)
	}
	var alone []string
	for _, c := range runs {
		if o := outcome(c, nil, nil); len(evaluation.Compare([]evaluation.Outcome{o}, others)) == 1 {
			alone = append(alone, o.Dataset)
		}
	}
	if len(dirs) > 0 && len(alone) > 0 {
		slog.Warn("-beside has nothing for some runs", "data_sets", strings.Join(alone, ", "), "it_has", datasets(others))
	}
	return others, nil
}

// datasets returns the name of each data set once.
func datasets(outcomes []evaluation.Outcome) string {
	var names []string
	for _, o := range outcomes {
		names = append(names, o.Dataset)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// outcome returns a row of the comparison, for a result or for a run that failed.
func outcome(c *config.Config, r *training.Result, err error) evaluation.Outcome {
	o := evaluation.Outcome{Dataset: filepath.Base(c.Data.Dir), Framework: "fovea", Run: c.Name}
	if err != nil {
		o.Failure = err.Error()
	}
	if r != nil {
		o.Metrics, o.BestEpoch, o.Duration = maps.Collect(r.Test.All()), r.BestEpoch+1, r.Duration
		o.Ordered = r.Measures.Assessment != nil && r.Measures.Ordered
	}
	return o
}

// compare shows the table and writes it to comparison.csv and comparison.md.
func (a *app) compare(table evaluation.Comparison, dir string) error {
	fmt.Fprintln(a.stdout)
	if err := table.WriteText(a.text); err != nil {
		return err
	}
	if err := durable.MakeFolder(dir); err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{{"comparison.csv", table.WriteCSV}, {"comparison.md", table.WriteMarkdown}} {
		path := filepath.Join(dir, f.name)
		if err := durable.Write(path, f.write); err != nil {
			return err
		}
		a.printf("written to: %s\n", path)
	}
	return nil
}
