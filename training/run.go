package training

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"fovea/evaluation"
	"fovea/onnx"
	"fovea/training/config"
)

// Options of Run.
type Options struct {
	Resume   bool         // go on with the run in the folder, if there is one
	Progress func(Update) // told how far each task is; may be nil
}

// Result is what a run ends with.
type Result struct {
	Name      string
	Folder    string // the run folder
	BestEpoch int    // counted from 0; the one that was tested
	Epochs    int
	Test      evaluation.Metrics
	Duration  time.Duration // of this call
}

// run is a run under way.
type run struct {
	plan    *plan
	options Options
	folder  string
	engine  *engine
	learner *Learner
	state   state
}

// Run fine-tunes, selects, tests and writes the run folder. A cancelled context
// leaves a checkpoint and returns an error that wraps the context's. With
// Options.Resume, a finished run is only reported.
func Run(ctx context.Context, cfg *config.Config, o Options) (*Result, error) {
	start := time.Now()
	p, err := newPlan(cfg)
	if err != nil {
		return nil, err
	}
	r := &run{plan: p, options: o, folder: filepath.Join(cfg.Output.Dir, cfg.Name)}
	finished, err := checkFolder(r.folder, o.Resume)
	if err != nil {
		return nil, err
	}
	result := &Result{Name: cfg.Name, Folder: r.folder, Epochs: cfg.Schedule.Epochs}
	if finished {
		slog.Info("the run is finished already", "folder", r.folder)
		if result.Test, err = readResult(r.folder); err != nil {
			return nil, err
		}
		result.BestEpoch, err = r.readBest()
		return result, err
	}
	if err := r.do(ctx, result); err != nil {
		return nil, err
	}
	result.Duration = time.Since(start)
	return result, nil
}

func (r *run) do(ctx context.Context, result *Result) error {
	err := r.plan.verify(ctx, r.options.Progress)
	if err != nil {
		return err
	}
	if r.engine, err = newEngine(ctx, r.plan.config.Runtime, r.options.Progress); err != nil {
		return err
	}
	if err := r.train(ctx); err != nil {
		return err
	}
	result.BestEpoch = r.state.best()
	result.Test, err = r.test(ctx)
	return err
}

// train goes through the epochs that are left.
func (r *run) train(ctx context.Context) (err error) {
	if r.learner, err = newLearner(r.plan.recipe, r.engine, false); err != nil {
		return err
	}
	defer r.learner.Close()
	if err := r.begin(); err != nil {
		return err
	}
	v, err := newValidator(r.plan, r.engine, r.learner)
	if err != nil {
		return err
	}
	defer v.close()
	l, err := newLoop(r, v)
	if err != nil {
		return err
	}
	defer l.close()
	return l.train(ctx)
}

// begin sets the parameters, from checkpoints/last or untrained. A new run's
// folder is made only here, when all that can be checked has been.
func (r *run) begin() error {
	if r.options.Resume {
		_, err := os.Stat(filepath.Join(r.folder, lastCheckpoint))
		if err == nil {
			return r.restore()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		slog.Info("there is no checkpoint yet: the run starts from the beginning", "folder", r.folder)
	}
	text, err := resolved(r.plan.config)
	if err != nil {
		return err
	}
	r.state = state{Classes: r.plan.classes, Config: text}
	r.plan.initialize(r.learner.parameters.Float32())
	if err := os.MkdirAll(r.folder, 0o755); err != nil {
		return err
	}
	return onnx.WriteFileAtomic(filepath.Join(r.folder, configFile), r.plan.config.WriteTOML)
}

// test writes model.onnx from the best checkpoint and evaluates that very file.
func (r *run) test(ctx context.Context) (evaluation.Metrics, error) {
	path := filepath.Join(r.folder, modelFile)
	if err := r.writeModel(path); err != nil {
		return evaluation.Metrics{}, err
	}
	c := r.plan.config
	m, p, err := evaluate(ctx, r.engine, EvalOptions{Model: path, Data: c.Data.Dir, Split: "test", Batch: defaultBatch,
		Workers: c.Data.Workers, Progress: r.options.Progress}, r.plan.test, r.plan.evalTransform())
	if err != nil {
		return evaluation.Metrics{}, err
	}
	return m, writeEvaluation(r.folder, "test", p, m)
}

// readBest is the best epoch of a finished run.
func (r *run) readBest() (int, error) {
	path := filepath.Join(r.folder, metricsFile("val"))
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	rows, err := evaluation.ReadMetrics(f)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	var s state
	for _, m := range rows {
		s.History = append(s.History, epoch{Val: m})
	}
	return s.best(), nil
}
