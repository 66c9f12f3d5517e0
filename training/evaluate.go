package training

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fovea/data"
	"fovea/evaluation"
	"fovea/training/config"
)

// defaultBatch is the number of images that inference takes at a time.
const defaultBatch = 16

// EvalOptions of Evaluate.
type EvalOptions struct {
	Model    string // a model.onnx
	Data     string // folder with the splits, each a folder a class
	Split    string // folder in Data, such as "test"
	Out      string // folder for metrics, predictions and confusion matrix; made if need be
	Batch    int    // images at a time; 0: 16
	Workers  int    // goroutines that decode; 0: one a core
	Skip     bool   // leave out unreadable images instead of failing
	Runtime  config.Runtime
	Progress func(Update)
}

// Evaluate tests an inference model on a split, exactly as the end of a run
// does. Classes are matched by name.
func Evaluate(ctx context.Context, o EvalOptions) (*evaluation.Metrics, error) {
	if filepath.Base(o.Split) != o.Split {
		return nil, fmt.Errorf("split %q is not the name of a folder in %s", o.Split, o.Data)
	}
	d, err := readDescription(o.Model)
	if err != nil {
		return nil, err
	}
	split, err := data.OpenSplit(filepath.Join(o.Data, o.Split))
	if err != nil {
		return nil, err
	}
	if err := matchClasses(split, d.classes, o.Model); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return nil, err
	}
	err = verify(ctx, []*data.Split{split}, o.Workers, nil, func(*data.Split) data.Transform { return d.transform },
		o.Skip, "add -skip-unreadable", o.Progress)
	if err != nil {
		return nil, err
	}
	e, err := newEngine(ctx, &config.Config{Runtime: o.Runtime, Training: config.Training{Precision: "fp32"}}, o.Progress)
	if err != nil {
		return nil, err
	}
	defer e.close()
	if o.Batch == 0 {
		o.Batch = defaultBatch
	}
	m, p, err := evaluate(ctx, e, o, split, d.transform, nil, d.judging)
	if err != nil {
		return nil, err
	}
	return &m, writeEvaluation(ctx, o.Out, o.Split, p, m)
}

// evaluate predicts a split with a model file and computes the metrics. Paths
// in the predictions are relative to the dataset. cache may be nil.
func evaluate(ctx context.Context, e *engine, o EvalOptions, split *data.Split, transform data.Transform,
	cache *data.Cache, j judging) (
	evaluation.Metrics, *evaluation.Predictions, error) {
	fail := func(err error) (evaluation.Metrics, *evaluation.Predictions, error) {
		return evaluation.Metrics{}, nil, err
	}
	session, err := e.open(o.Model)
	if err != nil {
		return fail(err)
	}
	defer session.Close()
	inputs := session.Inputs()
	if len(inputs) != 1 || len(inputs[0].Shape) != 4 {
		return fail(fmt.Errorf("%s has inputs %v: a model of a run has one, images [N,3,S,S]", o.Model, inputs))
	}
	c, err := newClassifier(session, inputs[0].Name, o.Batch)
	if err != nil {
		return fail(fmt.Errorf("%s: %w", o.Model, err))
	}
	defer c.close()
	if side := int64(transform.Side()); c.input.Shape()[2] != side || c.input.Shape()[3] != side {
		return fail(fmt.Errorf("%s takes images %v, but its metadata say %d pixels", o.Model, c.input.Shape(), side))
	}
	// A model may take a fixed number of images.
	batch := int(c.input.Shape()[0])
	loader, err := data.NewLoader(data.LoaderConfig{Samples: split.Samples, Batch: batch, Workers: o.Workers,
		Transform: transform, Cache: cache})
	if err != nil {
		return fail(err)
	}
	p, err := c.predict(ctx, split, loader, j.half, reporter(o.Progress, "evaluate "+o.Split, "images"))
	if err != nil {
		return fail(err)
	}
	for i := range p.Rows {
		if path, err := filepath.Rel(o.Data, p.Rows[i].Path); err == nil {
			p.Rows[i].Path = filepath.ToSlash(path)
		}
	}
	m, warnings, err := j.judge(p)
	for _, w := range warnings {
		slog.Warn(o.Split, "metric", w.String())
	}
	return m, p, err
}

// matchClasses gives the samples of a split the model's class numbers. A class
// without images is allowed, an unknown one is not.
func matchClasses(split *data.Split, classes []string, model string) error {
	number := make([]int, len(split.Classes))
	var unknown []string
	for i, name := range split.Classes {
		if number[i] = slices.Index(classes, name); number[i] < 0 {
			unknown = append(unknown, name)
		}
	}
	if unknown != nil {
		return fmt.Errorf("%s has classes that %s does not know: %s; it knows %s", split.Dir, model,
			strings.Join(unknown, ", "), strings.Join(classes, ", "))
	}
	for i := range split.Samples {
		split.Samples[i].Class = number[split.Samples[i].Class]
	}
	split.Classes = classes
	return nil
}
