package main

import (
	"context"
	"fmt"
	"io"

	"fovea/data"
	"fovea/inference"
	"fovea/internal/progress"
	"fovea/onnx"
	"fovea/onnx/engine"
	"fovea/training/config"
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
	if d.Raw && data.Views(*views) != data.OneView {
		return bad("-tta %s: %s prepares its image itself, and takes one view of it", *views, model.path)
	}
	predict, done, err := model.predictor(ctx, a, d, runtime, data.Views(*views))
	if err != nil {
		return err
	}
	defer done()

	var n inference.Counts
	write := func(w io.Writer) error {
		t, err := inference.NewTable(w, *form, d.Classes, rule)
		if err != nil {
			return err
		}
		n, err = predict(paths, t, progress.Func(a.console.update).Images("predict"))
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

// predictor makes a model ready to classify files, until done is called.
func (m *classifierFlags) predictor(ctx context.Context, a *app, d *inference.Description, r config.Runtime, views data.Views) (
	predict func([]string, *inference.Table, func(done, total int)) (inference.Counts, error), done func() error, err error) {
	if d.Raw {
		options, err := engine.SessionOptions(ctx, r.Engine(), a.console.update)
		if err != nil {
			return nil, nil, err
		}
		c, err := inference.OpenRaw(m.path, d, options)
		if err != nil {
			return nil, nil, err
		}
		return func(paths []string, t *inference.Table, progress func(done, total int)) (inference.Counts, error) {
			return c.Predict(ctx, paths, t, progress)
		}, c.Close, nil
	}
	// All views of an image fit into a run.
	count := views.Count()
	c, err := m.open(ctx, a, d, r, max(1, m.batch/count)*count)
	if err != nil {
		return nil, nil, err
	}
	return func(paths []string, t *inference.Table, progress func(done, total int)) (inference.Counts, error) {
		return c.Predict(ctx, d, views, 0, paths, t, progress)
	}, c.Close, nil
}
