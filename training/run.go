package training

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"fovea/evaluation"
	"fovea/evaluation/report"
	"fovea/graphs"
	"fovea/inference"
	"fovea/internal/progress"
	"fovea/onnx"
	"fovea/training/checkpoint"
	"fovea/training/config"
)

// Options of Run.
type Options struct {
	Resume   bool          // go on with the run in the folder, if there is one
	Progress progress.Func // told how far each task is; may be nil
	Version  string        // of the program, for the report
}

// Result is what a run ends with.
type Result struct {
	Name      string
	Folder    string // the run folder
	BestEpoch int    // counted from 0; the one that was tested
	Epochs    int
	Test      evaluation.Metrics
	Duration  time.Duration // of all calls that it took; 0: not known. A finished run is reported without its test
}

// run is a run under way.
type run struct {
	plan    *plan
	options Options
	folder  string
	engine  *engine
	learner *Learner
	state   state
	counted time.Time // up to when state.Seconds counts
	shown   time.Time // when report.html was written last

	features features // of a linear probe
}

// Run fine-tunes, selects, tests and writes the run folder. A cancelled context
// leaves a checkpoint and returns an error that wraps the context's. With
// Options.Resume, a finished run is only reported, and needs nothing but its
// folder.
func Run(ctx context.Context, cfg *config.Config, o Options) (*Result, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := &run{options: o, folder: filepath.Join(cfg.Output.Dir, cfg.Name), counted: time.Now()}
	exists, finished, err := checkFolder(r.folder, o.Resume)
	if err != nil {
		return nil, err
	}
	if exists {
		if cfg, err = withRecordedBatch(r.folder, cfg); err != nil {
			return nil, err
		}
		if err := sameConfig(r.folder, cfg, finished); err != nil {
			return nil, err
		}
	}
	result := &Result{Name: cfg.Name, Folder: r.folder, Epochs: cfg.Schedule.Epochs}
	if finished {
		slog.Info("the run is finished already", "folder", r.folder)
		result.Test, result.BestEpoch, err = readResult(r.folder)
		result.Duration = trainingTime(r.folder)
		return result, err
	}
	if r.plan, err = newPlan(ctx, cfg, o.Progress); err != nil {
		return nil, err
	}
	defer r.plan.close()
	unlock, err := lockFolder(r.folder)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := r.do(ctx, result); err != nil {
		return nil, err
	}
	r.countTime()
	result.Duration = r.state.duration()
	return result, nil
}

func (r *run) do(ctx context.Context, result *Result) (err error) {
	if err := r.openWeights(); err != nil {
		return err
	}
	r.plan.network.report()
	settings := r.plan.config
	if r.engine, err = newEngine(ctx, settings, r.options.Progress); err != nil {
		return err
	}
	defer r.engine.close()
	graph, err := r.plan.trainingGraph() // an operator may have no gradient
	if err != nil {
		return err
	}
	if err := r.plan.verify(ctx, r.options.Progress); err != nil {
		return err
	}
	var stored *checkpoint.Checkpoint
	if r.options.Resume {
		if stored, err = r.readCheckpoint(); err != nil {
			return err
		}
	}
	if stored != nil {
		defer stored.Close()
		if settings.Runtime.Threads == 0 {
			r.engine.options.Threads = r.state.Host.Threads // as the run began, whatever machine this is
		}
	}
	if err := r.warnMemory(); err != nil {
		return err
	}
	if err := r.train(ctx, graph, stored); err != nil {
		return r.explain(ctx, err)
	}
	result.BestEpoch = r.best()
	if result.Test, err = r.test(ctx); err != nil {
		r.showReport(report.Stopped)
	}
	return err
}

// train goes through the epochs that are left. A new run's folder is made only
// here, when all that can be checked has been.
func (r *run) train(ctx context.Context, graph *graphs.Graph, stored *checkpoint.Checkpoint) (err error) {
	if r.learner, err = newLearner(r.plan.setup, r.engine, graph); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.learner.Close()) }()
	v, err := newValidator(r.plan, r.engine, r.learner)
	if err != nil {
		return err
	}
	defer v.close()
	if err := os.MkdirAll(r.folder, 0o755); err != nil {
		return err
	}
	removeTemporary(r.folder)
	if stored != nil {
		err = r.restore(stored)
	} else {
		r.state = state{Images: r.plan.digests(), Model: r.plan.network.digest(), Host: r.engine.host()}
		r.compareImages()
		err = r.learner.start(r.plan.initialize)
	}
	if err != nil {
		return err
	}
	if r.plan.probes() {
		r.features, err = newFeatures(ctx, r.plan, r.engine, r.learner, r.options.Progress)
		if err != nil {
			return err
		}
		if err := v.useFeatures(r.features.val); err != nil {
			return err
		}
	}
	if err := onnx.WriteFileAtomic(filepath.Join(r.folder, configFile), r.plan.config.WriteTOML); err != nil {
		return err
	}
	l, err := newLoop(r, v)
	if err != nil {
		return err
	}
	defer l.close()
	r.showReport(report.Running)
	if err := l.train(ctx); err != nil {
		r.showReport(report.Stopped)
		return err
	}
	return nil
}

// test writes model.onnx from the best checkpoint and evaluates that very file.
func (r *run) test(ctx context.Context) (evaluation.Metrics, error) {
	path := filepath.Join(r.folder, modelFile)
	if err := r.writeModel(path); err != nil {
		return evaluation.Metrics{}, err
	}
	c := r.plan.config
	d, err := inference.Describe(path, inference.Description{})
	if err != nil {
		return evaluation.Metrics{}, err
	}
	test, err := evaluate(ctx, r.engine, EvalOptions{Model: path, Data: c.Data.Dir, Split: "test", Batch: defaultBatch,
		Workers: c.Data.Workers, Progress: r.options.Progress}, r.plan.test, d, r.plan.cache)
	if err != nil {
		return evaluation.Metrics{}, err
	}
	if err := r.finishReport(ctx, test); err != nil {
		return evaluation.Metrics{}, err
	}
	return test.Metrics, test.WriteTables(r.folder)
}
