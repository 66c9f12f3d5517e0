package export

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"fovea/data"
	"fovea/evaluation"
	"fovea/inference"
	"fovea/internal/naming"
	"fovea/internal/regular"
	"fovea/internal/runfiles"
)

//go:embed card.md
var cardText string

// A card is what the template of the model card reads.
type card struct {
	Name         string
	OfRun        bool // a run's model
	Report       *Report
	Classes      []string
	License      string // an identifier of the Hugging Face hub's
	LicenceNote  string
	Dataset      string
	Details      []string
	Splits       []cardSplit
	Size, Short  int
	Squash       bool
	Mean, Std    string
	Test, Source *evaluation.Assessment // nil: not measured
	Metrics      []evaluation.Estimate
	MetricsSplit string
	Machine      string
	First        *Variant
	RawFile      *Variant // nil: none
	Environment  []string
}

type cardSplit struct {
	Name   string
	Counts []int // by class
	Total  int
}

func newCard(r *Report, d *inference.Description, run *runFolder) *card {
	t := d.Transform()
	c := &card{Name: modelName(r.Model), Report: r, Classes: d.Classes, License: "unknown", Size: d.Size,
		Short: t.ShorterSide(), Squash: t.Resize == data.Squash, Mean: listOf(d.Mean), Std: listOf(d.Std), First: r.Variants[0], Machine: r.Machine.describe(),
		LicenceNote: "Not known here: ask whoever made the model."}
	if i := slices.IndexFunc(r.Variants, func(v *Variant) bool { return v.Raw }); i >= 0 {
		c.RawFile = r.Variants[i]
	}
	if r.Source != nil {
		c.Source = r.Source.Assessment
		c.Metrics, c.MetricsSplit, c.Dataset = headline(c.Source), r.Split, r.Data
	}
	if run == nil {
		c.Details = []string{fmt.Sprintf("Exported by Fovea from `%s`, a model without a run beside it.",
			filepath.Base(r.Model))}
		return c
	}
	c.ofRun(run, d)
	return c
}

// ofRun adds the facts of the run folder.
func (c *card) ofRun(run *runFolder, d *inference.Description) {
	cfg, size := run.config, run.config.dimensions()
	c.OfRun, c.Name, c.Dataset = true, cfg.Name, naming.Portable(cfg.Data.Dir)
	begin := "random weights"
	switch {
	case cfg.Model.Weights != "":
		begin = "`" + naming.Portable(cfg.Model.Weights) + "`"
	case cfg.Model.ONNX != "":
		begin = "the weights of that file"
	}
	what := fmt.Sprintf("Vision transformer `%s`, patches of %d, width %d, depth %d, %d heads", cfg.Model.Arch,
		size.Patch, size.Width, size.Depth, size.Heads)
	if cfg.Model.ONNX != "" {
		what = fmt.Sprintf("`%s` with a new head", filepath.Base(cfg.Model.ONNX))
	}
	c.Details = []string{what + ", fine-tuned by Fovea.", "Training began from " + begin + ".",
		fmt.Sprintf("Epochs: %d, of which number %d was best on `val`; seed %d; "+
			"`config.toml` of the run stands in each file's metadata under `fovea.config`.",
			cfg.Schedule.Epochs, d.Epoch, cfg.Seed)}
	for _, name := range []string{"train", "val", "test"} {
		images := inference.Images{Dir: cfg.Data.Dir, Split: name, Labels: run.splits, Skip: true}
		if s, err := images.Open(d, c.Report.Model); err == nil {
			c.Splits = append(c.Splits, countClasses(s))
		}
	}
	if c.Test = run.test; c.Test != nil {
		c.Metrics, c.MetricsSplit = headline(c.Test), "test"
	}
	c.Environment = environment(filepath.Dir(c.Report.Model))
	if retfound := strings.ToLower(cfg.Model.Weights + " " + cfg.Model.ONNX); strings.Contains(retfound, "retfound") {
		c.License = "cc-by-nc-4.0"
		c.LicenceNote = "Fine-tuned from RETFound's weights, which are under CC BY-NC 4.0: not for commercial use, with " +
			"attribution to Zhou et al., *A foundation model for generalizable disease detection from retinal images*, Nature 622, 2023. " +
			"The terms of the training data come on top."
	} else {
		c.LicenceNote = "Whoever trained the model decides, within the terms of the training data" +
			map[bool]string{true: " and of the weights that it began from.", false: "."}[cfg.Model.Weights+cfg.Model.ONNX != ""]
	}
}

func countClasses(s *data.Split) cardSplit {
	out := cardSplit{Name: s.Name, Counts: make([]int, len(s.Classes)), Total: len(s.Samples)}
	for _, x := range s.Samples {
		out.Counts[x.Class]++
	}
	return out
}

// environment returns the time and the machine of a run, as its last checkpoint states them.
func environment(folder string) []string {
	text, err := regular.ReadFile(filepath.Join(folder, runfiles.LastCheckpoint, runfiles.CheckpointState),
		runfiles.MaxState)
	var file struct {
		State struct {
			Seconds float64
			Host    struct {
				Provider, Precision string
				Threads             int
			}
		}
	}
	if err != nil || json.Unmarshal(text, &file) != nil || file.State.Seconds == 0 {
		return nil
	}
	state := file.State
	return []string{fmt.Sprintf("Training took %s on provider %s, %s, with %d threads. Energy was not measured.",
		time.Duration(state.Seconds*float64(time.Second)).Round(time.Second), state.Host.Provider, state.Host.Precision,
		state.Host.Threads)}
}

// modelName returns the name of a model without a run.
func modelName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

func (m Machine) describe() string {
	return fmt.Sprintf("%s, %s, provider %s, %d threads, ONNX Runtime %s", m.System, m.Processor, m.Provider, m.Threads,
		m.Runtime)
}

// About returns what was changed in the model.
func (v *Variant) About() string {
	text := "float32"
	switch v.Name {
	case FP16:
		text = "weights and most arithmetic in float16, statistics, head and softmax in float32; " +
			"for a GPU: on a CPU most of it runs in float32 between casts"
	case INT8:
		q := v.Quantized
		var parts []string
		if q.Products > 0 {
			parts = append(parts, fmt.Sprintf("%d products of matrices in integers, their inputs quantised as they come",
				q.Products))
		}
		if q.Stored > 0 {
			parts = append(parts, fmt.Sprintf("%d convolutions in float32 with weights of 8 bits", q.Stored))
		}
		text = strings.Join(append(parts, "the rest in float32"), "; ")
	}
	if v.Raw {
		text += "; takes the image as it was decoded"
	}
	return fmt.Sprintf("%s; opset %d.", text, v.Opset)
}

// headline returns the measures that a card shows.
func headline(a *evaluation.Assessment) (out []evaluation.Estimate) {
	for _, name := range []string{"accuracy", "balanced_accuracy", "f1", "roc_auc", "average_precision", "quadratic_kappa",
		"mcc", "val_loss", "ece"} {
		if !a.Headlined(name) {
			continue
		}
		e, _ := evaluation.Find(a.Measures, name)
		if name == "val_loss" {
			e.Name = "log_loss"
		}
		if !math.IsNaN(float64(e.Value)) {
			out = append(out, e)
		}
	}
	return out
}

func listOf(x []float32) string {
	text, _ := json.Marshal(x)
	return strings.ReplaceAll(string(text), ",", ", ")
}

func number(v evaluation.Number) string {
	if math.IsNaN(float64(v)) {
		return "–"
	}
	return fmt.Sprintf("%.4f", v)
}

var functions = template.FuncMap{
	"headline": headline,
	"number":   number,
	"list":     func(names []string) string { return cell(strings.Join(names, ", ")) },
	"cell":     cell,
	"mb":       func(n int64) string { return fmt.Sprintf("%.2f", megabytes(n)) },
	"percent":  func(x float64) string { return fmt.Sprintf("%g %%", 100*x) },
	"value": func(list []evaluation.Estimate, name string) string {
		e, _ := evaluation.Find(list, name)
		return number(e.Value)
	},
	"kappa": func(m *Measured) string { return m.kappa() },
	"diff": func(p *evaluation.Paired, name string) string {
		d := difference(p, name)
		return fmt.Sprintf("%s [%s, %s]", signed(d.Difference), signed(d.Low), signed(d.High))
	},
	// YAML takes JSON's strings
	"yaml": func(text string) string { quoted, _ := json.Marshal(text); return string(quoted) },
}

// signed returns a difference with four digits; 0 has no sign.
func signed(v evaluation.Number) string {
	if math.Abs(float64(v)) < 0.5e-4 {
		return "0"
	}
	return fmt.Sprintf("%+.4f", v)
}

// cell keeps a name from ending a table's cell or line.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "`", "'").Replace(text)
}

func (c *card) write(w io.Writer) error {
	t, err := template.New("card").Funcs(functions).Parse(cardText)
	if err != nil {
		return err
	}
	return t.Execute(w, c)
}
