package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"fovea/data"
	"fovea/evaluation"
	"fovea/evaluation/report"
	"fovea/training"
)

// evalPredictions evaluates a table of predictions of any program.
func (a *app) evalPredictions(ctx context.Context, file string, table evaluation.TableOptions, o training.EvalOptions) error {
	if filepath.Base(o.Split) != o.Split {
		return badUsage("-split %s: must be a name for files, not a path", o.Split)
	}
	if table.Logits && table.Normalise {
		return badUsage("-normalise is for probabilities, -logits applies softmax: choose one")
	}
	if o.Out == "" {
		o.Out = filepath.Join(filepath.Dir(file), "eval")
	}
	p, err := readPredictions(file, o.Labels, table)
	if err != nil {
		return err
	}
	test, err := report.NewTest(ctx, o.Split, p, o.Intervals)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, w := range test.Assessment.Warnings {
		slog.Warn(file, "metric", w)
	}
	page := &report.Report{Name: filepath.Base(file), Subject: "The predictions of " + file, Facts: report.Facts(o.Version)}
	if o.Labels != "" {
		page.Subject += " with the labels of " + o.Labels
	}
	if o.Data != "" {
		test.Open = data.DecodeIn(o.Data)
	}
	if err := page.WriteEvaluation(o.Out, test, o.Command); err != nil {
		return err
	}
	return a.printTest(file, test, o.Out)
}

// readPredictions reads the table in file. The labels come from a table of their own unless labels is "".
func readPredictions(file, labels string, table evaluation.TableOptions) (*evaluation.Predictions, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if labels != "" {
		l, err := os.Open(labels)
		if err != nil {
			return nil, err
		}
		defer l.Close()
		table.Labels, file = l, file+" with "+labels
	}
	p, err := evaluation.ReadTable(f, table)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}
