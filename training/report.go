package training

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fovea/data"
	"fovea/evaluation/figures"
	"fovea/evaluation/report"
	"fovea/internal/naming"
	"fovea/internal/numbers"
	"fovea/internal/runfiles"
	"fovea/training/tensorboard"
)

// A page writes report.html of a run. The methods that write do nothing for nil.
type page struct {
	plan    *plan
	state   *state
	folder  string
	home    home      // the same, once there is a folder
	written time.Time // when it was written last
}

// files returns those of a repeat, by their paths in the dataset.
func (d *dataset) files(x data.Repeat) []report.File {
	var out []report.File
	for _, f := range x.Files {
		split := d.splits()[f.Split]
		sample := split.Samples[f.Index]
		path, err := filepath.Rel(d.config.Data.Dir, sample.Path)
		if err != nil {
			path = sample.Path
		}
		out = append(out, report.File{Split: split.Name, Class: split.Classes[sample.Class],
			Path: filepath.ToSlash(path)})
	}
	return out
}

// update writes the page of a run under way, but no more often than a reader could follow: an epoch of a linear probe
// takes milliseconds.
func (p *page) update() {
	const pause = 3 * time.Second
	if p != nil && time.Since(p.written) >= pause {
		p.write(report.Running)
	}
}

// write writes the page. It only shows the run: that it cannot be written does not end it.
func (p *page) write(status report.Status) {
	if p == nil || p.home.check() != nil {
		return // the run ends with that error
	}
	r, err := p.report(status)
	if err == nil {
		err = r.WritePage(p.folder)
	}
	if err != nil {
		slog.Warn("report.html is not up to date", "reason", err)
	}
	p.written = time.Now()
}

// finish writes the page with the test and, with figures, the figures as files. Its error is the context's: the run is then tested
// again when it is resumed.
func (p *page) finish(ctx context.Context, test *report.Test, figures bool) error {
	p.state.countTime()
	r, err := p.report(report.Finished)
	if err == nil {
		r.Test = test
		err = r.WritePage(p.folder)
		if figures {
			err = errors.Join(err, r.WriteFigures(p.folder), p.recordFigures())
		}
	}
	if err != nil && ctx.Err() == nil {
		slog.Warn("report.html or its figures are incomplete", "reason", err)
	}
	return ctx.Err()
}

// recordFigures shows the confusion matrix and the sheets of test images in TensorBoard, one step after the last epoch.
func (p *page) recordFigures() (err error) {
	step := int64(eventsAnEpoch*len(p.state.History) + 1)
	w, err := tensorboard.Create(filepath.Join(p.folder, runfiles.TensorBoard), step)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	for _, name := range []string{"confusion", "errors", "best"} {
		content, err := os.ReadFile(filepath.Join(p.folder, runfiles.Figures, name+".png"))
		if errors.Is(err, fs.ErrNotExist) { // there is no error, or no correct answer
			continue
		}
		if err == nil {
			err = w.Image("test/"+name, step, content, time.Now())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// report returns all of the page but the test.
func (p *page) report(status report.Status) (*report.Report, error) {
	c := p.plan.setup.config.Portable()
	of := &report.Run{Status: status, Took: p.state.duration(), Epochs: c.Schedule.Epochs,
		Best:      p.state.best(selection(c)),
		Selection: c.Evaluation.Select, Rates: p.rates()}
	for _, e := range p.state.History {
		of.History = append(of.History, report.Epoch{TrainLoss: e.TrainLoss, Val: e.Val})
	}
	out := &report.Report{Name: c.Name, Subject: p.model() + ", trained on " + c.Data.Dir, Classes: p.plan.data.classes,
		Written: time.Now(), Run: of, Splits: p.state.Splits, Facts: p.state.Facts, Commands: p.commands()}
	if p.state.Repeats != nil {
		out.Repeats = &report.Repeats{}
		for _, x := range *p.state.Repeats {
			out.Repeats.Groups = append(out.Repeats.Groups, report.Repeat{Files: p.plan.data.files(x),
				Pixels: x.Pixels, Similar: x.Similar})
		}
	}
	out.Patients = p.plan.data.patients()
	var text strings.Builder
	err := c.WriteTOML(&text)
	out.Config = text.String()
	return out, err
}

// patients returns how the patients are divided, or nil if none is known.
func (d *dataset) patients() *report.Patients {
	out := &report.Patients{Shared: len(data.Leaks(d.splits()))}
	known := map[string]bool{}
	for _, s := range d.splits() {
		for _, x := range s.Samples {
			if p := s.Attribute(x, "patient"); p != "" {
				known[p] = true
			} else {
				out.Unknown++
			}
		}
	}
	if out.Number = len(known); out.Number == 0 {
		return nil
	}
	return out
}

// counts returns the images of each split by class.
func (d *dataset) counts() (out []figures.Split) {
	for _, s := range d.splits() {
		of := figures.Split{Name: s.Name, Counts: make([]int, len(s.Classes))}
		for _, x := range s.Samples {
			of.Counts[x.Class]++
		}
		out = append(out, of)
	}
	return out
}

// model describes what is trained in words.
func (p *page) model() string {
	c, all, trained := p.plan.setup.config.Model, 0, 0
	for _, x := range p.plan.setup.layout.Params {
		all += x.Size
		if !x.Frozen {
			trained += x.Size
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
		return fmt.Sprintf("%s of %s parameters, from %s", name, numbers.Thousands(all), from)
	}
	return fmt.Sprintf("%s of %s parameters, %s of them trained, from %s", name, numbers.Thousands(all), numbers.Thousands(trained),
		from)
}

// rates returns the mean learning rates of each epoch, a series for each layer that has a rate of its own.
func (p *page) rates() []figures.Series {
	scales := map[int]float64{}
	for _, x := range p.plan.setup.layout.Params {
		if !x.Frozen {
			scales[x.Layer] = x.LRScale
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
		for _, e := range p.state.History {
			s.Values = append(s.Values, e.TrainRate*scales[layer])
		}
		out = append(out, s)
	}
	return out
}

// commands returns those that lead to the same figures again.
func (p *page) commands() []report.Command {
	c, folder := p.plan.setup.config.Portable(), naming.Portable(p.folder)
	settings, model := filepath.Join(folder, runfiles.Config), filepath.Join(folder, runfiles.Model)
	test := []string{"trainer", "eval", "-model", model, "-data", c.Data.Dir}
	if p.plan.data.table != nil {
		test = append(test, "-labels", filepath.Join(folder, runfiles.Splits))
	}
	return []report.Command{
		{Does: "Train it again, beside this run",
			Line: report.Line("trainer", "-config", settings, "-set", "name="+c.Name+"-again")},
		{Does: "Test the model again", Line: report.Line(append(test, "-split", "test", "-out", folder+"-eval")...)},
	}
}
