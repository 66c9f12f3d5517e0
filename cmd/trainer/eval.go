package main

import (
	"context"
	"fmt"
	"path/filepath"

	"fovea/evaluation/report"
	"fovea/inference"
)

func runEval(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("eval")
	o := inference.EvalOptions{Progress: a.console.update}
	var model classifierFlags
	model.add(fs, 16)
	fs.StringVar(&o.Data, "data", "", "folder that holds the split, or the images of -predictions")
	fs.StringVar(&o.Split, "split", "test", "folder to evaluate")
	fs.StringVar(&o.Out, "out", "", "folder for the report, the figures and the tables")
	fs.StringVar(&o.Labels, "labels", "", "CSV of path and label")
	fs.BoolVar(&o.Skip, "skip-unreadable", false, "leave out images that cannot be read")
	fs.BoolVar(&o.Resume, "resume", false, "go on where an evaluation stopped")
	var e predictionsEval
	fs.StringVar(&e.file, "predictions", "", "table of predictions, instead of a model")
	fs.BoolVar(&e.options.Logits, "logits", false, "-predictions has logits")
	fs.BoolVar(&e.options.Normalise, "normalise", false, "divide each row of -predictions by its sum")
	addIntervals(fs, &o.Intervals)
	if err := parse(fs, args); err != nil {
		return err
	}
	command := report.Line(append([]string{"trainer", "eval"}, args...)...)
	if err := checkIntervals(fs, o.Intervals); err != nil {
		return err
	}
	if e.file != "" {
		e.labels, e.images, e.out, e.split, e.intervals, e.command = o.Labels, o.Data, o.Out, o.Split, o.Intervals, command
		return a.runEvalPredictions(ctx, fs, e)
	}
	if err := refused(fs, "only with -predictions:", "logits", "normalise"); err != nil {
		return err
	}
	if err := required(fs, "model", "data", "split"); err != nil {
		return err
	}
	given, runtime, err := model.read(a, "eval")
	if err != nil {
		return err
	}
	o.Given, o.Runtime = given, runtime.Engine()
	o.Model, o.Batch, o.Version, o.Command = model.path, model.batch, version(), command
	if o.Out == "" {
		o.Out = filepath.Join(filepath.Dir(o.Model), "eval")
	}
	test, err := inference.Evaluate(ctx, o)
	a.console.endTask()
	if err != nil {
		return err
	}
	return a.printTest(fmt.Sprintf("%s on %s of %s", o.Model, o.Split, o.Data), test, o.Out)
}

// printTest shows every measure with its interval.
func (a *app) printTest(name string, test *report.Test, out string) error {
	fmt.Fprintf(a.stdout, "%s: ", name)
	if err := test.Assessment.WriteText(a.stdout); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "written to: %s\n", out)
	return nil
}
