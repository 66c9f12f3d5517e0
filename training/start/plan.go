package start

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fovea/internal/progress"
	"fovea/onnx/engine"
	"fovea/training"
	"fovea/training/config"
)

// Options say what a config is made for.
type Options struct {
	Path    string        // a folder of images, or a table of labels
	Labels  string        // a table of labels; "": found in the folder
	Weights string        // pre-trained weights, a file or a name in the hub's cache; "": none
	Name    string        // of the run; "": that of the folder
	Time    time.Duration // that the run may take

	Overrides []string // keys of section runtime, as -set has them
	Environ   []string
	Progress  progress.Func
}

// A Plan is a config that was chosen, with what it was chosen by.
type Plan struct {
	Text     []byte // the config, with comments
	Measured training.Measured
	Epochs   int
}

// chooser holds what is known while a model is chosen.
type chooser struct {
	Options
	dir, labels string
	survey      *training.Survey
	images      sample
	engine      *engine.Engine
}

// New looks at the images and the machine, measures a few steps and returns a config for them.
func New(ctx context.Context, o Options) (*Plan, error) {
	dir, labels, err := find(o.Path, o.Labels)
	if err != nil {
		return nil, err
	}
	c := &chooser{Options: o, dir: dir, labels: labels}
	c.Name = NameOf(o)
	first, err := c.read(model{arch: "vit_tiny_patch16", size: 16}, 1, 1)
	if err != nil {
		return nil, err
	}
	if c.survey, err = training.NewSurvey(first); err != nil {
		return nil, explain(err, dir)
	}
	if c.images, err = look(ctx, c.survey.Train, o.Progress); err != nil {
		return nil, err
	}
	if c.engine, err = engine.New(ctx, first.Engine(), o.Progress); err != nil {
		return nil, err
	}
	defer c.engine.Close()
	return c.choose(ctx)
}

// NameOf returns the name of the run: that of the options, or of the folder.
func NameOf(o Options) string {
	if o.Name != "" {
		return o.Name
	}
	full, err := filepath.Abs(o.Path)
	if err != nil || full == filepath.Dir(full) {
		return "first"
	}
	return strings.TrimSuffix(filepath.Base(full), filepath.Ext(full))
}

// epochs is how many a run has, and fewest how many it has where the time is too short for that.
const (
	epochs = 50
	fewest = 10
)

// choose measures the smallest model, then the largest that is expected to be trained in the time, and takes a smaller
// one if that takes longer than was expected. If the smallest does, its epochs are fewer.
func (c *chooser) choose(ctx context.Context) (*Plan, error) {
	gpu := c.engine.Device() != nil
	models := candidates(c.images.middle, gpu)
	if c.Weights != "" {
		var err error
		if models, err = fromWeights(c.Weights, gpu); err != nil {
			return nil, fmt.Errorf("-weights: %w", err)
		}
	}
	measure := func(at int) (training.Measured, error) {
		m := models[at]
		cfg, err := c.read(m, epochs, c.batch(m))
		if err != nil {
			return training.Measured{}, err
		}
		c.Progress.Of(progress.Update{Task: "measure a few steps"})
		got, err := training.Measure(ctx, cfg, c.survey, c.engine, min(3*time.Second, c.Time/100))
		if err == nil {
			slog.Debug("measured", "size", m.size, "time", got.Time(), "step", got.Cost.Step)
		}
		return got, err
	}
	at := 0
	best, err := measure(at)
	if err != nil {
		return nil, err
	}
	next := at
	for i := range models {
		grows := models[i].effort() / models[0].effort()
		if models[i].probe != models[0].probe { // measured by itself
			grows = 1
		}
		if time.Duration(float64(best.Time())*grows) <= c.Time {
			next = i
		}
	}
	for ; next > at; next-- {
		m, err := measure(next)
		if err != nil {
			return nil, err
		}
		if m.Time() <= c.Time && (m.Free == 0 || m.Needed <= m.Free) {
			at, best = next, m
			break
		}
	}
	n := epochs
	if whole := best.Time(); whole > c.Time {
		perEpoch := best.Cost.Of(best.Work) / epochs
		n = min(epochs, max(fewest, int((c.Time-best.Once)/max(1, perEpoch))))
		best.Work.Steps = best.Work.Steps / epochs * n
		best.Work.Images = len(c.survey.Test.Samples) + n*len(c.survey.Val.Samples)
		if models[at].probe {
			best.Work.Images = 0
		}
	}
	p := &Plan{Measured: best, Epochs: n}
	p.Text = c.write(models[at], n, c.batch(models[at]), &best)
	return p, nil
}

// batch returns the batch size of a model: a power of two of which an epoch has eight, if that is possible.
func (c *chooser) batch(m model) int {
	most := 16
	if m.size <= 64 {
		most = 64
	}
	n := 1
	for 2*n <= most && 2*n*8 <= len(c.survey.Train.Samples) {
		n *= 2
	}
	return n
}

// read returns the config of a model as a run would read it.
func (c *chooser) read(m model, epochs, batch int) (*config.Config, error) {
	f, err := os.CreateTemp("", "fovea-init-*.toml")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(c.write(m, epochs, batch, nil))
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, err
	}
	return config.Read(f.Name(), c.Overrides, c.Environ)
}
