package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"

	"fovea/data"
	"fovea/inference"
	"fovea/inference/shard"
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
			p.shard.flag(),
			{&p.views, "tta", "VIEWS", `average the probabilities of several views: hflip (the crop and its mirror image),
				flips (also upside down), 5crop (the corners and the centre of the resized image), 10crop (also their
				mirror images)`},
			{&p.thresholds, "threshold", "CLASS=P", `add the column decision: the most probable class that reaches its own
				threshold, else the most probable class without a threshold; may repeat`},
			{&p.abstain, "abstain", "P", `add the column decision: empty where no threshold is reached and the probability is
				below P`},
			{&p.strict, "strict", "", `exit with code 1 if any image cannot be read; otherwise only if none can be
				read, which a shard does not tell`},
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
	shard            shardFlag
}

func (a *app) predict(ctx context.Context, m *classifierFlags, p prediction, operands []string) error {
	views := data.Views(p.views)
	switch {
	case views.Count() == 0:
		return badUsage("-tta %s: must be one of %v", views, data.AllViews)
	case p.form != inference.CSV && p.form != inference.JSONLines:
		return badUsage("-format %s: must be %s or %s", p.form, inference.CSV, inference.JSONLines)
	}
	part, err := p.shard.read(a)
	if err != nil {
		return err
	}
	if !part.Whole() && p.out == "" {
		return badUsage("-shard needs -out: each shard writes a file beside it")
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
	predict, err := m.predictor(ctx, a, d, runtime, views)
	if err != nil {
		return err
	}
	defer predict.done()
	var record shard.Record
	if !part.Whole() {
		record = shard.Record{Command: "predict", Shard: part, Images: len(paths), Batch: predict.batch,
			List: shard.ListOf(paths), Host: predict.host}
		if record.Model, err = inference.Digest(m.path); err != nil {
			return err
		}
		from, to := part.Range(len(paths), predict.batch)
		paths, p.out = slices.Clone(paths[from:to]), part.File(p.out)
		if err := shard.Begin(p.out); err != nil {
			return err
		}
	}
	var n inference.Counts
	header := int64(0)
	write := func(w io.Writer) error {
		counted := &counter{Writer: w}
		t, err := inference.NewTable(counted, p.form, d.Classes, rule)
		if err != nil || len(paths) == 0 { // a shard may have none
			header = counted.n
			return err
		}
		header = counted.n
		n, err = predict.run(paths, t)
		return err
	}
	if p.out == "" {
		err = write(map[string]io.Writer{inference.CSV: a.csv, inference.JSONLines: a.stdout}[p.form])
	} else {
		durable.Clean(filepath.Dir(p.out), filepath.Base(p.out))
		err = durable.Write(p.out, write)
	}
	if err == nil && !part.Whole() {
		options := map[string]any{"format": p.form, "tta": p.views, "description": d, "csv-escape": a.escapes, "decision": ""}
		if rule != nil {
			options["decision"] = rule.String()
		}
		err = record.Finish(options, []int64{header}, p.out)
	}
	if err != nil || n.Failed == 0 {
		return err
	}
	err = fmt.Errorf("%d of %d images could not be read or classified: the column error says why", n.Failed, n.Images)
	if p.strict || n.Failed == n.Images && part.Whole() {
		return err
	}
	a.console.line("warning: " + err.Error())
	return nil
}

// A counter counts the bytes that are written.
type counter struct {
	io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.n += int64(n)
	return n, err
}

// A predictor classifies image files and writes them to a table.
type predictor struct {
	run   func(paths []string, t *inference.Table) (inference.Counts, error)
	batch int // images in a forward pass
	host  engine.Host
	done  func() error // the caller calls it at the end
}

// predictor makes a model ready to classify files.
func (m *classifierFlags) predictor(ctx context.Context, a *app, d *inference.Description, r engine.Settings,
	views data.Views) (*predictor, error) {
	update := progress.Func(a.console.update).Images("predict")
	if d.Raw {
		options, host, err := engine.SessionOptions(ctx, r, a.console.update)
		if err != nil {
			return nil, err
		}
		c, err := inference.OpenRaw(m.path, d, options)
		if err != nil {
			return nil, err
		}
		return &predictor{batch: 1, host: host, done: c.Close,
			run: func(paths []string, t *inference.Table) (inference.Counts, error) {
				return c.Predict(ctx, paths, t, update)
			}}, nil
	}
	count := views.Count() // all views of an image fit into a forward pass
	c, host, err := m.open(ctx, a, d, r, max(1, m.batch/count)*count)
	if err != nil {
		return nil, err
	}
	return &predictor{batch: max(1, c.Batch()/count), host: host, done: c.Close,
		run: func(paths []string, t *inference.Table) (inference.Counts, error) {
			return c.Predict(ctx, d, views, 0, paths, t, update)
		}}, nil
}
