package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"fovea/evaluation"
	"fovea/evaluation/figures"
	"fovea/onnx"
)

// A predictionsEval evaluates a table of predictions, whoever made them.
type predictionsEval struct {
	file, labels, out, split string
	options                  evaluation.TableOptions
	intervals                evaluation.Intervals
}

// runEvalPredictions checks the command line and evaluates.
func (a *app) runEvalPredictions(ctx context.Context, fs *flag.FlagSet, e predictionsEval) error {
	if err := refused(fs, "not with -predictions:", "model", "data", "batch", "skip-unreadable", "set"); err != nil {
		return err
	}
	if filepath.Base(e.split) != e.split {
		return &usageError{fs.Name(), fmt.Errorf("-split %s: must be a name for files, not a path", e.split)}
	}
	if e.options.Logits && e.options.Normalise {
		return &usageError{fs.Name(), errors.New("-normalise is for probabilities, -logits applies softmax: choose one")}
	}
	if err := checkIntervals(fs, e.intervals); err != nil {
		return err
	}
	if e.out == "" {
		e.out = filepath.Join(filepath.Dir(e.file), "eval")
	}
	return a.evalPredictions(ctx, e)
}

func (a *app) evalPredictions(ctx context.Context, e predictionsEval) error {
	p, err := e.read()
	if err != nil {
		return err
	}
	m, _, err := evaluation.Compute(p)
	if err != nil {
		return fmt.Errorf("%s: %w", e.file, err)
	}
	assessment, err := evaluation.Assess(ctx, p, e.intervals)
	if err != nil {
		return err
	}
	for _, w := range assessment.Warnings {
		slog.Warn(e.file, "metric", w)
	}
	if err := os.MkdirAll(e.out, 0o755); err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"predictions_" + e.split + ".csv", func(w io.Writer) error { return evaluation.WritePredictions(w, p) }},
		{"confusion_matrix_" + e.split + ".png", func(w io.Writer) error {
			f, err := figures.Confusion(p, "Confusion matrix ("+e.split+")")
			if err != nil {
				return err
			}
			return f.WritePNG(w)
		}},
		{"metrics_" + e.split + ".csv", func(w io.Writer) error { return evaluation.WriteMetrics(w, []evaluation.Metrics{m}) }},
		{"metrics_" + e.split + ".json", assessment.WriteJSON},
	} {
		if err := onnx.WriteFileAtomic(filepath.Join(e.out, f.name), f.write); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.stdout, "%s: ", e.file)
	if err := assessment.WriteText(a.stdout); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "written to: %s\n", e.out)
	return nil
}

// read reads the table, and the labels if they stand in a table of their own.
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
