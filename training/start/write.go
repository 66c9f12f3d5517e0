package start

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"fovea/data"
	"fovea/internal/naming"
	"fovea/internal/numbers"
	"fovea/training"
	"fovea/training/config"
	"fovea/training/memory"
	"fovea/training/pace"
)

// A writer writes TOML.
type writer struct{ bytes.Buffer }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// key writes a key, its value as TOML, and a comment beside it unless that is "".
func (w *writer) key(name, value, comment string) {
	text := name + " = " + value
	if comment != "" {
		text = fmt.Sprintf("%-31s # %s", text, comment)
	}
	w.line("%s", text)
}

// write returns the config of a model. Before the images were seen it has no comments on them.
func (c *chooser) write(m model, epochs, batch int, measured *training.Measured) []byte {
	w := &writer{}
	w.line("# Written by trainer init, to be changed. trainer help config explains all keys.")
	if measured != nil {
		c.comment(w, m, measured)
	}
	w.line("")
	w.key("name", quote(c.Name), "the run folder is runs/NAME")
	w.line("\n[data]")
	w.key("dir", quote(c.dir), "")
	if c.labels == config.LabelsFromFolders {
		w.key("labels", quote(c.labels), "each folder is a class, and the splits are made")
	} else if c.labels != "" {
		w.key("labels", quote(c.labels), "the table")
	}
	w.key("size", fmt.Sprint(m.size), "pixels of the square that the model sees")
	if c.images.images > 0 && !m.pretrained {
		w.key("mean", triple(c.images.mean), "of these images; ImageNet's: 0.485, 0.456, 0.406")
		w.key("std", triple(c.images.std), "ImageNet's: 0.229, 0.224, 0.225")
	} else if c.images.images > 0 {
		w.line("# mean and std stay those of the arch, with which the weights were trained. These images have")
		w.line("# mean %s, std %s.", triple(c.images.mean), triple(c.images.std))
	}
	w.line("\n[model]")
	w.key("arch", quote(m.arch), "")
	for _, d := range []struct {
		name  string
		value int
	}{{"patch", m.patch}, {"width", m.width}, {"depth", m.depth}, {"heads", m.heads}} {
		if d.value > 0 {
			w.key(d.name, fmt.Sprint(d.value), "")
		}
	}
	if m.pretrained {
		w.key("weights", quote(c.Weights), "pre-trained")
	} else {
		w.key("drop_path", "0.1", "")
	}
	if m.probe {
		w.key("adaptation", `"linear_probe"`, m.why+`; or "lora", or "finetune"`)
	}
	if !m.probe {
		c.writeAugment(w, m)
	}
	if !m.pretrained {
		w.line("\n[optimizer]")
		w.key("lr", "1e-3", "")
		w.key("layer_decay", "1.0", "nothing is pre-trained, so all layers have one rate")
	}
	w.line("\n[schedule]")
	w.key("epochs", fmt.Sprint(epochs), "")
	w.key("warmup", fmt.Sprint(epochs/10), "")
	w.line("# patience = 10               # stop after ten epochs in a row that were no better")
	w.line("\n[training]")
	w.key("batch", fmt.Sprint(batch), "")
	return w.Bytes()
}

// writeAugment writes how images are changed while training: colour photographs of the fundus may be turned over, while
// an OCT scan, which is grey, has an up and a down.
func (c *chooser) writeAugment(w *writer, m model) {
	w.line("\n[augment]")
	w.key("horizontal_flip", "0.5", "right and left eyes look alike")
	if !c.images.grey {
		w.key("vertical_flip", "0.5", "set it to 0 where up and down matter")
	}
	if !m.pretrained {
		w.key("crop_scale", "[0.5, 1.0]", "")
	}
	if m.size < 64 {
		w.key("policy", `""`, "so few pixels leave no room for colours and boxes")
		w.key("erase", "0.0", "")
	}
}

// comment writes what was found and what was measured.
func (c *chooser) comment(w *writer, m model, got *training.Measured) {
	s := c.survey
	w.line("#\n# Classes, in their order: %s.", list(s.Classes))
	w.line("# %s", naming.Shorten(naming.Visible(s.Meaning)))
	w.line("# Splits: %s.", naming.Shorten(naming.Visible(s.Division)))
	for _, x := range []*data.Split{s.Train, s.Val, s.Test} {
		w.line("# %-5s %s", x.Name, describe(x, s.Classes))
	}
	colour := "in colour"
	if c.images.grey {
		colour = "grey"
	}
	w.line("# Images: %s, %d to %d pixels at the shorter side, mostly %d (%d were looked at).", colour, c.images.smallest,
		c.images.largest, c.images.middle, c.images.images)
	where := "CPU"
	if d := c.engine.Device(); d != nil {
		where = d.Info().Name
	}
	w.line("#\n# Model: %s parameters; %s.", numbers.Thousands(got.Parameters), m.why)
	w.line("# Expected on this machine (%s): %s for the whole run, %s a step.", where, pace.Text(got.Time()),
		got.Cost.Step.Round(100*time.Microsecond))
	if got.Needed > 0 {
		w.line("# Memory: about %s of %s that are free.", memory.Text(got.Needed), memory.Text(got.Free))
	}
	if got.Time() > c.Time {
		w.line("# That is longer than the %s of -time: a GPU, or fewer images (data.ratio), would help.", pace.Text(c.Time))
	}
	if !m.pretrained {
		w.line("# Without pre-trained weights this is a start to see everything work: -weights FILE gives far better models.")
	}
}

// describe returns the images of a split by class, and its patients.
func describe(s *data.Split, classes []string) string {
	counts, patients := make([]int, len(classes)), map[string]bool{}
	for _, x := range s.Samples {
		counts[x.Class]++
		if p := s.Attribute(x, "patient"); p != "" {
			patients[p] = true
		}
	}
	text := fmt.Sprintf("%d images", len(s.Samples))
	if len(patients) > 0 {
		text += fmt.Sprintf(" of %d patients", len(patients))
	}
	return text + ": " + strings.Trim(fmt.Sprint(counts), "[]")
}

// list returns names for a comment, at most ten of them.
func list(names []string) string {
	var out []string
	for i, n := range names {
		if i == 10 {
			out = append(out, fmt.Sprintf("and %d more", len(names)-10))
			break
		}
		out = append(out, naming.Shorten(naming.Visible(n)))
	}
	return strings.Join(out, ", ")
}

func triple(x [3]float64) string { return fmt.Sprintf("[%.3f, %.3f, %.3f]", x[0], x[1], x[2]) }

// quote returns a string of TOML.
func quote(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == 0x7f }) {
		return `"` + s + `"`
	}
	text, err := toml.Marshal(map[string]string{"s": s})
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(strings.TrimPrefix(string(text), "s = "))
}
