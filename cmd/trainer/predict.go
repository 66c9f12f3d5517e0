package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"fovea/data"
	"fovea/inference"
	"fovea/internal/durable"
	"fovea/internal/progress"
	"fovea/onnx/engine"
)

func predictCommand(a *app) *command {
	m := classifierFlags{batch: 16}
	p := prediction{form: inference.CSV}
	return &command{
		name:      "predict",
		writesCSV: true,
		summary:   "classify images: probabilities as CSV or JSON lines",
		synopsis:  []string{"trainer predict -model FILE [flags] PATH ..."},
		text: `
Classifies images. Writes one row for each image, in the order of the images: path, predicted, a probability per class,
and error. An image that cannot be read has no probabilities; error says why, and the other images go on.

If the run of the model chose thresholds (evaluation.operating_points), the column decision applies the first of them,
and the log says which it is. Else the column is there with -threshold or -abstain alone.
` + pathsText,
		flags: append([]flagEntry{
			m.file(),
			{&p.form, "format", "FORM", "csv, or jsonl: a JSON object on each line"},
			{&p.out, "out", "FILE", "file to write; it appears only when it is complete (default: standard output)"},
			{&p.views, "tta", "VIEWS", `average the probabilities of several views: hflip (the crop and its mirror image),
				flips (also upside down), 5crop (the corners and the centre of the resized image), 10crop (also their
				mirror images)`},
			{&p.thresholds, "threshold", "CLASS=P", `add the column decision: the most probable class that reaches its own
				threshold, else the most probable class without a threshold; may repeat`},
			{&p.abstain, "abstain", "P", `add the column decision: empty where no threshold is reached and the probability is
				below P`},
			{&p.strict, "strict", "", "exit with code 1 if any image cannot be read; otherwise only if none can be read"},
		}, m.running()...),
		groups: []flagGroup{m.description()},
		examples: `
trainer predict -model runs/octid/model.onnx scans > predictions.csv
find scans -name '*.png' | trainer predict -model model.onnx -format jsonl -
`,
		required: []string{"model"},
		operands: true,
		run:      func(ctx context.Context, operands []string) error { return a.predict(ctx, &m, p, operands) },
	}
}

// A prediction holds flags of predict.
type prediction struct {
	form, out, views string
	thresholds       texts
	abstain          float64
	strict           bool
}

func (a *app) predict(ctx context.Context, m *classifierFlags, p prediction, operands []string) error {
	views := data.Views(p.views)
	switch {
	case views.Count() == 0:
		return badUsage("-tta %s: must be one of %v", views, data.AllViews)
	case p.form != inference.CSV && p.form != inference.JSONLines:
		return badUsage("-format %s: must be %s or %s", p.form, inference.CSV, inference.JSONLines)
	}
	d, runtime, err := m.describe(a)
	if err != nil {
		return err
	}
	rule, err := inference.NewRule(d.Classes, p.thresholds, p.abstain)
	if err != nil {
		return badUsage("%w", err)
	}
	if rule == nil {
		if rule, err = d.DefaultRule(); err != nil {
			return fmt.Errorf("%s: %w", m.path, err)
		}
		if rule != nil {
			slog.Info("the column decision is by the threshold of the run", "rule", rule)
		}
	}
	paths, err := imagePaths(ctx, operands)
	if err != nil {
		return err
	}
	if d.Raw && views != data.OneView {
		return badUsage("-tta %s: %s prepares its image itself, and takes one view of it", views, m.path)
	}
	predict, done, err := m.predictor(ctx, a, d, runtime, views)
	if err != nil {
		return err
	}
	defer done()
	var n inference.Counts
	write := func(w io.Writer) error {
		t, err := inference.NewTable(w, p.form, d.Classes, rule)
		if err != nil {
			return err
		}
		n, err = predict(paths, t)
		return err
	}
	if p.out == "" {
		err = write(map[string]io.Writer{inference.CSV: a.csv, inference.JSONLines: a.stdout}[p.form])
	} else {
		durable.Clean(filepath.Dir(p.out), filepath.Base(p.out))
		err = durable.Write(p.out, write)
	}
	if err != nil || n.Failed == 0 {
		return err
	}
	err = fmt.Errorf("%d of %d images could not be read or classified: the column error says why", n.Failed, n.Images)
	if p.strict || n.Failed == n.Images {
		return err
	}
	a.console.line("warning: " + err.Error())
	return nil
}

// A predictor classifies image files and writes them to a table.
type predictor func(paths []string, t *inference.Table) (inference.Counts, error)

// predictor makes a model ready to classify files. The caller calls done at the end.
func (m *classifierFlags) predictor(ctx context.Context, a *app, d *inference.Description, r engine.Settings,
	views data.Views) (predict predictor, done func() error, err error) {
	update := progress.Func(a.console.update).Images("predict")
	if d.Raw {
		options, err := engine.SessionOptions(ctx, r, a.console.update)
		if err != nil {
			return nil, nil, err
		}
		c, err := inference.OpenRaw(m.path, d, options)
		if err != nil {
			return nil, nil, err
		}
		return func(paths []string, t *inference.Table) (inference.Counts, error) {
			return c.Predict(ctx, paths, t, update)
		}, c.Close, nil
	}
	count := views.Count() // all views of an image fit into a forward pass
	c, err := m.open(ctx, a, d, r, max(1, m.batch/count)*count)
	if err != nil {
		return nil, nil, err
	}
	return func(paths []string, t *inference.Table) (inference.Counts, error) {
		return c.Predict(ctx, d, views, 0, paths, t, update)
	}, c.Close, nil
}
