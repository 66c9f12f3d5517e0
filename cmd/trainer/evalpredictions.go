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
)

// A predictionsEval says how to evaluate a table of predictions of any program.
type predictionsEval struct {
	file, labels, out, split string
	images                   string // folder that the paths are relative to; "": no images are shown
	command                  string
	options                  evaluation.TableOptions
	intervals                evaluation.Intervals
}

// evalPredictions checks the flags and evaluates.
func (a *app) evalPredictions(ctx context.Context, e predictionsEval) error {
	if filepath.Base(e.split) != e.split {
		return badUsage("-split %s: must be a name for files, not a path", e.split)
	}
	if e.options.Logits && e.options.Normalise {
		return badUsage("-normalise is for probabilities, -logits applies softmax: choose one")
	}
	if e.out == "" {
		e.out = filepath.Join(filepath.Dir(e.file), "eval")
	}
	p, err := e.read()
	if err != nil {
		return err
	}
	test, err := report.NewTest(ctx, e.split, p, e.intervals)
	if err != nil {
		return fmt.Errorf("%s: %w", e.file, err)
	}
	for _, w := range test.Assessment.Warnings {
		slog.Warn(e.file, "metric", w)
	}
	page := &report.Report{Name: filepath.Base(e.file), Subject: "The predictions of " + e.file, Facts: report.Facts(version())}
	if e.labels != "" {
		page.Subject += " with the labels of " + e.labels
	}
	if e.images != "" {
		test.Open = data.DecodeIn(e.images)
	}
	if err := page.WriteEvaluation(e.out, test, e.command); err != nil {
		return err
	}
	return a.printTest(e.file, test, e.out)
}

// read reads the table, and the table of labels if there is one.
func (e predictionsEval) read() (*evaluation.Predictions, error) {
	f, err := os.Open(e.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	name := e.file
	if e.labels != "" {
		l, err := os.Open(e.labels)
		if err != nil {
			return nil, err
		}
		defer l.Close()
		e.options.Labels, name = l, name+" with "+e.labels
	}
	p, err := evaluation.ReadTable(f, e.options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}
