package inference

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"fovea/data"
	"fovea/data/labels"
	"fovea/evaluation"
	"fovea/evaluation/report"
	"fovea/inference/shard"
	"fovea/internal/durable"
	"fovea/internal/naming"
	"fovea/internal/progress"
	"fovea/internal/runfiles"
	"fovea/onnx/engine"
	"fovea/onnx/ort"
)

// defaultBatch is the number of images that inference takes at a time.
const defaultBatch = 16

// EvalOptions configures [Evaluate] and [Test].
type EvalOptions struct {
	Model    string      // an ONNX file
	Given    Description // overrides the model's metadata and the file beside it
	Data     string      // folder with the splits, each a folder a class
	Split    string      // folder in Data, such as "test"; with Labels only a name
	Labels   string      // table of images and labels, in the place of class folders; "": none
	Columns  labels.Columns
	Out      string // folder for tables, figures and report; made if need be
	Batch    int    // images at a time; 0: 16
	Workers  int    // goroutines that decode; 0: one a core
	Skip     bool   // leave out unreadable images instead of failing
	Resume   bool   // go on where an evaluation to Out stopped
	Runtime  engine.Settings
	Progress progress.Func

	Team   Team            // processes that classify together; nil: this one alone
	Shard  shard.Shard     // of EvaluateShard
	Shards []*shard.Record // if not nil, the results of EvaluateShard in the place of the model's

	Prevalence float64 // of the people whom the model is for; 0: what the model says
	Intervals  evaluation.Intervals
	Breakdown  evaluation.Breakdown
	Version    string // of the program, for the report
	Command    string // that does this again, for the report
}

// Evaluate tests an inference model on a split, exactly as the end of a run does, and reports it. Classes are matched
// by name. An evaluation that is stopped or killed can be resumed, with the same result to the bit.
func Evaluate(ctx context.Context, o EvalOptions) (*report.Test, error) {
	if filepath.Base(o.Split) != o.Split {
		return nil, fmt.Errorf("split %q is not the name of a folder in %s", o.Split, o.Data)
	}
	d, err := Describe(o.Model, o.Given)
	if err != nil {
		return nil, err
	}
	images := Images{Dir: o.Data, Split: o.Split, Labels: o.Labels, Columns: o.Columns, Skip: o.Skip}
	split, err := images.Open(d, o.Model)
	if err != nil {
		return nil, err
	}
	if err := durable.MakeFolder(o.Out); err != nil {
		return nil, err
	}
	var e *engine.Engine
	var facts []report.Fact
	if o.Shards != nil {
		facts = hostFacts(o.Shards[0].Host)
	} else if e, err = engine.New(ctx, o.Runtime, o.Progress); err != nil {
		return nil, err
	} else {
		defer e.Close()
		e.Configure(func(o *ort.Options) { o.Context = ctx })
		facts = EngineFacts(e)
	}
	if err := o.Breakdown.Check(split.Attributes); err != nil {
		return nil, fmt.Errorf("%s: %w", split, err)
	}
	p, err := PredictModel(ctx, e, o, split, d, nil)
	if err != nil {
		return nil, err
	}
	test, err := Test(ctx, o, p, d)
	if err != nil {
		return nil, err
	}
	page := &report.Report{Name: filepath.Base(o.Model),
		Subject: fmt.Sprintf("The model %s, evaluated on the split %s of %s", naming.Portable(o.Model), o.Split,
			naming.Portable(o.Data)),
		Facts: report.Facts(o.Version, append(facts, prepared(d)...)...)}
	if n := len(split.Samples) - len(test.Predictions.Rows); n > 0 && test.Predictions.Unit == "" {
		page.Subject += fmt.Sprintf("; %d of its images cannot be read and are left out", n)
	}
	if err := errors.Join(page.WriteEvaluation(o.Out, test, o.Command), ctx.Err()); err != nil {
		return nil, err
	}
	if o.Shards != nil {
		return test, nil
	}
	return test, os.Remove(partialPath(o.Out, o.Split))
}

// EngineFacts returns the runtime, the provider and the device of an engine for a report.
func EngineFacts(e *engine.Engine) []report.Fact {
	out := hostFacts(e.Host())
	if d := e.Device(); d != nil {
		out = append(out, report.Fact{Name: "GPU", Value: d.Info().Name})
	}
	return out
}

func hostFacts(h engine.Host) []report.Fact {
	return []report.Fact{{Name: "ONNX Runtime", Value: h.Runtime},
		{Name: "Computed on", Value: fmt.Sprintf("%s in %s, %d threads", h.Provider, h.Precision, h.Threads)}}
}

// prepared returns the preparation of images and the output of the model for a report.
func prepared(d *Description) []report.Fact {
	const images = "%d pixels a side, the centre %g of %s; mean %v, standard deviation %v"
	sides := "the shorter side"
	if d.Resize == data.Squash {
		sides = "the image squashed to a square"
	}
	return []report.Fact{{Name: "Images", Value: fmt.Sprintf(images, d.Size, d.Crop, sides, d.Mean, d.Std)},
		{Name: "Model", Value: fmt.Sprintf("%s to %s, which is %s", d.Input, d.Output, d.Scores)}}
}

// Test computes the metrics of what [PredictModel] returns, and applies the operating points of the model.
func Test(ctx context.Context, o EvalOptions, p *evaluation.Predictions, d *Description) (*report.Test, error) {
	p, notes, err := o.Breakdown.Rows(p)
	if err != nil {
		return nil, err
	}
	m, _, err := Judging{d.Half, d.LossBatch}.Judge(p) // whose warnings the assessment has
	if err != nil {
		return nil, err
	}
	test := &report.Test{Split: o.Split, Metrics: m, Predictions: p}
	if p.Unit == "" {
		open := d.Transform().Reading.DecodeIn(o.Data)
		test.Open = func(path string) (image.Image, error) { // a page may read thousands
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			return open(path)
		}
	}
	if test.Assessment, err = o.Breakdown.Assess(ctx, p, notes, o.Intervals); err != nil {
		return nil, err
	}
	if test.Meaning, err = d.Meaning(); err != nil {
		return nil, err
	}
	points := slices.Clone(d.Operating)
	if len(points) > 0 && p.Unit != "" {
		test.Assessment.Warnings = append(test.Assessment.Warnings, fmt.Sprintf("the thresholds of the model were chosen on "+
			"single images, but are applied to the pooled probabilities of %s", p.Unit.Several()))
	}
	for i := range points {
		if o.Prevalence > 0 {
			points[i].Prevalence = o.Prevalence
		}
	}
	for _, w := range test.Assessment.Warnings {
		slog.Warn(o.Split + ": " + w)
	}
	return test, test.Apply(points)
}

// PredictModel predicts a split with a model file, with the classes in the order of their meaning. Paths in the
// predictions are relative to the dataset. cache may be nil. With Out the predictions are written there as they come.
func PredictModel(ctx context.Context, e *engine.Engine, o EvalOptions, split *data.Split, d *Description,
	cache *data.Cache) (*evaluation.Predictions, error) {
	meaning, err := d.Meaning()
	if err != nil {
		return nil, err
	}
	var p *predictions
	if o.Shards != nil {
		p, err = readShards(o.Data, o.Shards, split)
	} else {
		p, err = classify(ctx, e, o, split, d, cache)
	}
	if err == nil {
		err = p.bad.LeaveOut(o.Skip, "add -skip-unreadable, with -resume to keep what is done,")
	}
	if err != nil {
		return nil, err
	}
	for i := range p.table.Rows {
		row := &p.table.Rows[i]
		if path, err := filepath.Rel(o.Data, row.Path); err == nil {
			row.Path = filepath.ToSlash(path)
		}
	}
	return p.table, p.table.Arrange(meaning)
}

// classify predicts a split with a model file, and keeps the results in a journal where there is a folder for it.
func classify(ctx context.Context, e *engine.Engine, o EvalOptions, split *data.Split, d *Description,
	cache *data.Cache) (*predictions, error) {
	o.Batch = cmp.Or(o.Batch, defaultBatch)
	c, err := Open(o.Model, d, o.Batch, e.Options())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	journal := ""
	if o.Out != "" {
		journal = partialPath(o.Out, o.Split)
	}
	return o.stream(ctx, c, e, split, d, cache, journal)
}

// stream classifies the images of a split, which may have none. journal is the file that keeps the results; "": none.
func (o EvalOptions) stream(ctx context.Context, c *Classifier, e *engine.Engine, split *data.Split, d *Description,
	cache *data.Cache, journal string) (*predictions, error) {
	p := newPredictions(split)
	keep := func([]Result) error { return nil }
	if journal != "" {
		j, done, err := o.openJournal(journal, split, d, c, e)
		if err != nil {
			return nil, err
		}
		defer j.Close()
		p.add(done)
		keep = j.Append
	}
	if len(split.Samples) == 0 {
		return p, nil
	}
	// A model may take a fixed number of images.
	loader, err := data.NewLoader(data.LoaderConfig{Samples: split.Samples, Verified: split.Verified, Batch: c.Batch(),
		Workers: o.Workers, Transform: d.Transform(), Cache: cache, Tolerant: true,
		Keep: Share(o.Team, len(split.Samples), c.Batch())})
	if err != nil {
		return nil, err
	}
	if split.Verified == nil { // else it was said when they were verified
		defer loader.LogNotes()
	}
	progress := o.Progress.Task("evaluate " + o.Split)
	if o.Team != nil {
		return p, c.together(ctx, loader, len(split.Samples), o.Team, progress, p.add)
	}
	return p, c.Stream(ctx, loader, (p.done+c.Batch()-1)/c.Batch(), func(results []Result) error {
		p.add(results)
		progress(p.done, len(split.Samples), "")
		return keep(results)
	})
}

// partialPath returns the file in out that holds the predictions until the evaluation is complete.
func partialPath(out, split string) string {
	return filepath.Join(out, runfiles.PartialPredictions(split))
}

func (o EvalOptions) openJournal(path string, split *data.Split, d *Description, c *Classifier, e *engine.Engine) (
	*Journal, []Result, error) {
	digest, err := Digest(o.Model)
	if err != nil {
		return nil, nil, err
	}
	return OpenJournal(path, source(digest, d, c, e), split.Samples, o.Resume)
}

func source(digest string, d *Description, c *Classifier, e *engine.Engine) Source {
	return Source{Digest: digest, Description: *d, Half: d.Half, Batch: c.Batch(), Provider: e.Host().Provider}
}
