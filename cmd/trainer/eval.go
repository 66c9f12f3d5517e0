package main

import (
	"context"
	"fmt"
	"path/filepath"

	"fovea/training"
)

func runEval(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("eval")
	o := training.EvalOptions{Progress: a.console.update}
	var model classifierFlags
	model.add(fs, 16)
	fs.StringVar(&o.Data, "data", "", "folder that holds the split")
	fs.StringVar(&o.Split, "split", "test", "folder to evaluate")
	fs.StringVar(&o.Out, "out", "", "folder for the tables and the figure")
	fs.StringVar(&o.Labels, "labels", "", "CSV of path and label")
	fs.BoolVar(&o.Skip, "skip-unreadable", false, "leave out images that cannot be read")
	fs.BoolVar(&o.Resume, "resume", false, "go on where an evaluation stopped")
	var e predictionsEval
	fs.StringVar(&e.file, "predictions", "", "table of predictions, instead of a model")
	fs.BoolVar(&e.options.Logits, "logits", false, "-predictions has logits")
	fs.BoolVar(&e.options.Normalise, "normalise", false, "divide each row of -predictions by its sum")
	addIntervals(fs, &e.intervals)
	if err := parse(fs, args); err != nil {
		return err
	}
	if e.file != "" {
		e.labels, e.out, e.split = o.Labels, o.Out, o.Split
		return a.runEvalPredictions(ctx, fs, e)
	}
	if err := refused(fs, "only with -predictions:", "logits", "normalise", "rounds", "level", "seed"); err != nil {
		return err
	}
	if err := required(fs, "model", "data", "split"); err != nil {
		return err
	}
	var err error
	if o.Given, o.Runtime, err = model.read(a, "eval"); err != nil {
		return err
	}
	o.Model, o.Batch = model.path, model.batch
	if o.Out == "" {
		o.Out = filepath.Join(filepath.Dir(o.Model), "eval")
	}
	metrics, err := training.Evaluate(ctx, o)
	a.console.endTask()
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s on %s of %s:\n", o.Model, o.Split, o.Data)
	printMetrics(a.stdout, *metrics)
	fmt.Fprintf(a.stdout, "written to: %s\n", o.Out)
	return nil
}
