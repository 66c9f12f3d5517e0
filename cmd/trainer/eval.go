package main

import (
	"context"
	"fmt"
	"path/filepath"

	"fovea/training"
	"fovea/training/config"
)

func runEval(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("eval")
	o := training.EvalOptions{Progress: a.console.update}
	fs.StringVar(&o.Model, "model", "", "model.onnx of a run folder")
	fs.StringVar(&o.Data, "data", "", "folder that holds the split")
	fs.StringVar(&o.Split, "split", "test", "folder to evaluate")
	fs.StringVar(&o.Out, "out", "", "folder for the tables and the figure")
	fs.IntVar(&o.Batch, "batch", 16, "images a forward pass")
	fs.BoolVar(&o.Skip, "skip-unreadable", false, "leave out images that cannot be read")
	var e predictionsEval
	fs.StringVar(&e.file, "predictions", "", "table of predictions, instead of a model")
	fs.StringVar(&e.labels, "labels", "", "table of path and label for -predictions")
	fs.BoolVar(&e.options.Logits, "logits", false, "-predictions has logits")
	fs.BoolVar(&e.options.Normalise, "normalise", false, "divide each row of -predictions by its sum")
	addIntervals(fs, &e.intervals)
	var overrides texts
	fs.Var(&overrides, "set", "override a key of the runtime section")
	if err := parse(fs, args); err != nil {
		return err
	}
	if e.file != "" {
		e.out, e.split = o.Out, o.Split
		return a.runEvalPredictions(ctx, fs, e)
	}
	if err := refused(fs, "only with -predictions:", "labels", "logits", "normalise", "rounds", "level", "seed"); err != nil {
		return err
	}
	if err := required(fs, "model", "data", "split"); err != nil {
		return err
	}
	if o.Batch < 1 {
		return &usageError{"eval", fmt.Errorf("-batch %d: must be at least 1", o.Batch)}
	}
	if o.Out == "" {
		o.Out = filepath.Join(filepath.Dir(o.Model), "eval")
	}
	var err error
	if o.Runtime, err = config.ReadRuntime(overrides, a.environ); err != nil {
		return err
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
