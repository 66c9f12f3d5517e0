package training

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fovea/data"
	"fovea/evaluation/figures"
	"fovea/evaluation/report"
)

// compareImages looks for images that are there more than once, and says so
// before hours are spent on figures that are too good.
func (r *run) compareImages() {
	repeats := data.Repeats(r.plan.contents)
	r.state.Repeats = &repeats
	leaks, first := 0, data.Repeat{}
	for _, x := range repeats {
		if slices.ContainsFunc(x.Files, func(f data.Position) bool { return f.Split != x.Files[0].Split }) {
			if leaks == 0 {
				first = x
			}
			leaks++
		}
	}
	if leaks > 0 {
		var paths []string
		for _, f := range r.files(first) {
			paths = append(paths, f.Path)
		}
		slog.Warn("images are in more than one split: the test will look too good", "images", leaks,
			"first", strings.Join(paths, " = "))
	}
}

// files of a repeat, by their paths in the dataset.
func (r *run) files(x data.Repeat) []report.File {
	var out []report.File
	for _, f := range x.Files {
		split := r.plan.splits()[f.Split]
		sample := split.Samples[f.Index]
		path, err := filepath.Rel(r.plan.config.Data.Dir, sample.Path)
		if err != nil {
			path = sample.Path
		}
		out = append(out, report.File{Split: filepath.Base(split.Dir), Class: split.Classes[sample.Class], Path: filepath.ToSlash(path)})
	}
	return out
}

// showProgress writes the page of a run under way, after each epoch, but no more
// often than a reader could follow: an epoch of a linear probe takes milliseconds.
func (l *loop) showProgress() {
	const pause = 3 * time.Second
	if time.Since(l.shown) >= pause {
		l.showReport(report.Running)
	}
}

// showReport writes report.html. The page only shows the run: that it cannot be
// written does not end it.
func (r *run) showReport(status report.Status) {
	page, err := r.report(status)
	if err == nil {
		err = page.WritePage(r.folder)
	}
	if err != nil {
		slog.Warn("report.html is not up to date", "reason", err)
	}
	r.shown = time.Now()
}

// finishReport writes report.html with the test, and the figures as files. Its
// error is the context's: the run is then tested again when it is resumed.
func (r *run) finishReport(ctx context.Context, test *report.Test) error {
	r.countTime()
	page, err := r.report(report.Finished)
	if err == nil {
		page.Test = test
		err = errors.Join(page.WritePage(r.folder), page.WriteFigures(r.folder))
	}
	if err != nil && ctx.Err() == nil {
		slog.Warn("report.html or its figures are incomplete", "reason", err)
	}
	return ctx.Err()
}

// report is all of a page but the test.
func (r *run) report(status report.Status) (*report.Report, error) {
	c := r.plan.config
	of := &report.Run{Status: status, Took: r.state.duration(), Epochs: c.Schedule.Epochs, Best: r.best(),
		Selection: c.Evaluation.Select, Rates: r.rates()}
	for _, e := range r.state.History {
		of.History = append(of.History, report.Epoch{TrainLoss: e.TrainLoss, Val: e.Val})
	}
	out := &report.Report{Name: c.Name, Subject: r.model() + ", trained on " + c.Data.Dir, Classes: r.plan.classes,
		Written: time.Now(), Run: of, Facts: report.Facts(r.options.Version, r.engine.facts()...), Commands: r.commands()}
	for _, s := range r.plan.splits() {
		out.Splits = append(out.Splits, countImages(s))
	}
	if r.state.Repeats != nil {
		out.Repeats = &report.Repeats{}
		for _, x := range *r.state.Repeats {
			out.Repeats.Groups = append(out.Repeats.Groups, report.Repeat{Files: r.files(x), Pixels: x.Pixels})
		}
	}
	var text strings.Builder
	err := c.WriteTOML(&text)
	out.Config = text.String()
	return out, err
}

func countImages(s *data.Split) figures.Split {
	out := figures.Split{Name: filepath.Base(s.Dir), Counts: make([]int, len(s.Classes))}
	for _, x := range s.Samples {
		out.Counts[x.Class]++
	}
	return out
}

// model is what is trained, in words.
func (r *run) model() string {
	c, all, trained := r.plan.config.Model, 0, 0
	for _, p := range r.plan.layout.Params {
		all += p.Size
		if !p.Frozen {
			trained += p.Size
		}
	}
	name, from := "A "+c.Arch, "random weights"
	if c.ONNX != "" {
		name, from = "The model "+filepath.Base(c.ONNX), "its weights"
	}
	if c.Weights != "" {
		from = filepath.Base(c.Weights)
	}
	if trained == all {
		return fmt.Sprintf("%s of %s parameters, from %s", name, thousands(all), from)
	}
	return fmt.Sprintf("%s of %s parameters, %s of them trained, from %s", name, thousands(all), thousands(trained), from)
}

// thousands separates the digits of n ≥ 0 by commas.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// rates are the mean learning rates of each epoch, a series for each layer that
// has one of its own.
func (r *run) rates() []figures.Series {
	scales := map[int]float64{}
	for _, p := range r.plan.layout.Params {
		if !p.Frozen {
			scales[p.Layer] = p.LRScale
		}
	}
	var layers []int
	same := true
	for layer, scale := range scales {
		layers = append(layers, layer)
		same = same && scale == scales[layers[0]]
	}
	slices.SortFunc(layers, func(a, b int) int { return cmp.Compare(a, b) })
	if same {
		layers = layers[:min(1, len(layers))]
	}
	var out []figures.Series
	for _, layer := range layers {
		s := figures.Series{Name: fmt.Sprintf("layer %d", layer)}
		if same {
			s.Name = "all layers"
		}
		for _, e := range r.state.History {
			s.Values = append(s.Values, e.TrainRate*scales[layer])
		}
		out = append(out, s)
	}
	return out
}

// facts are what computes.
func (e *engine) facts() []report.Fact {
	h := e.host()
	out := []report.Fact{{Name: "ONNX Runtime", Value: h.Runtime},
		{Name: "Computed on", Value: fmt.Sprintf("%s in %s, %d threads", h.Provider, h.Precision, h.Threads)}}
	if e.device != nil {
		out = append(out, report.Fact{Name: "GPU", Value: e.device.Info().Name})
	}
	return out
}

// commands lead to the same figures again.
func (r *run) commands() []report.Command {
	c := r.plan.config
	settings, model := filepath.Join(r.folder, configFile), filepath.Join(r.folder, modelFile)
	return []report.Command{
		{Does: "Train it again, beside this run",
			Line: report.Line("trainer", "-config", settings, "-set", "name="+c.Name+"-again")},
		{Does: "Test the model again",
			Line: report.Line("trainer", "eval", "-model", model, "-data", c.Data.Dir, "-split", "test", "-out", r.folder+"-eval")},
	}
}
