package main

import (
	"context"
	"fmt"
	"io"

	"fovea/data"
	"fovea/inference"
	"fovea/onnx"
	"fovea/training"
)

func runPredict(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("predict")
	var model classifierFlags
	model.add(fs, 16)
	form := fs.String("format", inference.CSV, "csv or jsonl")
	out := fs.String("out", "", "file to write")
	views := fs.String("tta", "", "views to average")
	abstain := fs.Float64("abstain", 0, "least probability of a decision")
	strict := fs.Bool("strict", false, "fail if an image cannot be read")
	var thresholds texts
	fs.Var(&thresholds, "threshold", "CLASS=P")
	operands, err := parseOperands(fs, args)
	if err != nil {
		return err
	}
	if err := required(fs, "model"); err != nil {
		return err
	}
	bad := func(format string, args ...any) error { return &usageError{"predict", fmt.Errorf(format, args...)} }
	switch v := data.Views(*views); {
	case v.Count() == 0:
		return bad("-tta %s: must be one of %v", v, data.AllViews)
	case *form != inference.CSV && *form != inference.JSONLines:
		return bad("-format %s: must be %s or %s", *form, inference.CSV, inference.JSONLines)
	}
	d, runtime, err := model.describe(a, "predict")
	if err != nil {
		return err
	}
	rule, err := inference.NewRule(d.Classes, thresholds, *abstain)
	if err != nil {
		return bad("%w", err)
	}
	paths, err := imagePaths("predict", operands)
	if err != nil {
		return err
	}
	// All views of an image fit into a run.
	count := data.Views(*views).Count()
	c, err := model.open(ctx, a, d, runtime, max(1, model.batch/count)*count)
	if err != nil {
		return err
	}
	defer c.Close()

	var n inference.Counts
	write := func(w io.Writer) error {
		t, err := inference.NewTable(w, *form, d.Classes, rule)
		if err != nil {
			return err
		}
		n, err = c.Predict(ctx, d, data.Views(*views), 0, paths, t, func(done, total int) {
			a.console.update(training.Update{Task: "predict", Done: done, Total: total, Unit: "images"})
		})
		return err
	}
	if *out == "" {
		err = write(a.stdout)
	} else {
		err = onnx.WriteFileAtomic(*out, write)
	}
	a.console.endTask()
	if err != nil {
		return err
	}
	if n.Failed > 0 {
		report := fmt.Errorf("%d of %d images could not be read or classified: the column error says why", n.Failed, n.Images)
		if *strict || n.Failed == n.Images {
			return report
		}
		a.console.line("warning: " + report.Error())
	}
	return nil
}
