package training

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"fovea/data"
	"fovea/evaluation"
	"fovea/evaluation/operating"
	"fovea/evaluation/report"
	"fovea/graphs"
	"fovea/inference"
	"fovea/internal/durable"
	"fovea/internal/progress"
	"fovea/internal/runfiles"
	"fovea/onnx/engine"
	"fovea/onnx/ort"
	"fovea/training/checkpoint"
	"fovea/training/collective"
	"fovea/training/config"
)

// Options say how Run works.
type Options struct {
	Resume   bool          // go on with the run in the folder, if there is one
	Progress progress.Func // told how far each task is; may be nil
	Version  string        // of the program, for the report

	// Group joins the processes that train together; nil: this one trains alone. The first leads: it validates, tests and
	// writes. In the others Run returns no result.
	Group *collective.Group

	NoFigures bool // write no files of figures: they take longer than a small model
}

// A Result holds what a run ends with.
type Result struct {
	Name      string
	Folder    string // the run folder
	BestEpoch int    // counted from 0; the one that was tested
	Epochs    int
	Test      evaluation.Metrics
	Measures  report.Measures // of the test
	Duration  time.Duration   // of all calls that it took; 0: not known. A finished run is reported without its test
}

// A run is one under way.
type run struct {
	options Options
	stop    context.Context // with a group, done when this process is asked to stop
	folder  string
	home    home // of training and test
	plan    *plan
	engine  *engine.Engine
	state   *state
	page    *page
}

// Run fine-tunes, selects, tests and writes the run folder. A cancelled context leaves a checkpoint and returns an
// error that wraps the context's. With Options.Resume, a finished run is only reported, and needs nothing but its
// folder.
//
// With Options.Group an error of one process ends the runs of all.
func Run(ctx context.Context, cfg *config.Config, o Options) (_ *Result, err error) {
	start := time.Now()
	if g := o.Group; g != nil {
		defer func() {
			if err != nil && !errors.Is(err, context.Canceled) {
				g.Abort(err)
			}
		}()
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	stop := ctx
	if o.Group != nil && o.Group.Size() == 1 {
		o.Group = nil
	}
	if g := o.Group; g != nil {
		if err := checkProcesses(cfg); err != nil {
			return nil, err
		}
		if a := cfg.Training.Accumulate; a < g.Size() && g.Rank() == 0 {
			slog.Warn("some processes have no images to train on: the processes share the batches of a step",
				"training.accumulate", a, "processes", g.Size())
		}
		ctx = context.WithoutCancel(ctx) // the processes stop together, between two steps
		if g.Rank() > 0 {
			return nil, follow(ctx, stop, cfg, o)
		}
	}
	folder := filepath.Join(cfg.Output.Dir, cfg.Name)
	exists, finished, err := checkFolder(folder, o.Resume)
	if err != nil {
		return nil, err
	}
	if exists {
		if cfg, err = withRecordedBatch(folder, cfg); err != nil {
			return nil, err
		}
		if err := sameConfig(folder, cfg, finished); err != nil {
			return nil, err
		}
	}
	result := &Result{Name: cfg.Name, Folder: folder, Epochs: cfg.Schedule.Epochs}
	if finished {
		slog.Info("the run is finished already", "folder", folder)
		if err := lead(o.Group, &leader{Finished: true}); err != nil {
			return nil, err
		}
		result.Test, result.BestEpoch, err = readResult(folder)
		if err == nil {
			result.Measures, err = report.ReadMeasures(filepath.Join(folder, runfiles.Measures("test")))
			if errors.Is(err, fs.ErrNotExist) { // only people read it
				err = nil
			}
		}
		result.Duration = trainingTime(folder)
		return result, err
	}
	set, err := openDataset(cfg)
	if err != nil {
		return nil, err
	}
	if _, err := set.operatingRules(); err != nil { // before hours of training
		return nil, err
	}
	r := &run{options: o, stop: stop, folder: folder, state: &state{}}
	if r.engine, err = engine.New(ctx, cfg.Engine(), o.Progress); err != nil {
		return nil, err
	}
	defer r.engine.Close()
	if r.plan, err = newPlan(ctx, cfg, set, r.engine); err != nil {
		return nil, err
	}
	defer r.plan.setup.close()
	r.plan.setup.group = o.Group
	unlock, err := lockFolder(folder)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := r.do(ctx, start, result); err != nil {
		return nil, err
	}
	r.state.countTime()
	result.Duration = r.state.duration()
	return result, nil
}

func (r *run) do(ctx context.Context, start time.Time, result *Result) (err error) {
	if err := r.openWeights(); err != nil {
		return err
	}
	setup, set := r.plan.setup, r.plan.data
	setup.report()
	graph, err := setup.trainingGraph() // an operator may have no gradient
	if err != nil {
		return err
	}
	transform := func(s *data.Split) data.Transform {
		if s == set.train && !setup.probes() {
			return set.trainTransform()
		}
		return set.evalTransform()
	}
	if err := set.verify(ctx, transform, r.options.Progress); err != nil {
		return err
	}
	if err := r.plan.checkBatches(); err != nil { // without the images that are left out
		return err
	}
	var stored *checkpoint.Checkpoint
	if r.options.Resume {
		var before *state
		if stored, before, err = readCheckpoint(r.folder, r.plan); err != nil {
			return err
		}
		if stored != nil {
			defer stored.Close()
			r.state = before
			if setup.config.Runtime.Threads == 0 { // as the run began, whatever machine this is
				r.engine.Configure(func(o *ort.Options) { o.Threads = before.Host.Threads })
			}
		}
	}
	r.state.counted = start
	r.state.Division, r.state.Splits = set.division, set.counts()
	r.state.Facts = report.Facts(r.options.Version, inference.EngineFacts(r.engine)...)
	r.page = &page{plan: r.plan, state: r.state, folder: r.folder}
	if err := warnMemory(r.plan, r.engine); err != nil {
		return err
	}
	defer func() { r.home.open.Close() }()
	if err := r.train(ctx, graph, stored); err != nil {
		return explainMemory(ctx, err, r.plan, r.engine)
	}
	result.BestEpoch = r.state.best(selection(setup.config))
	test, err := r.test(ctx, result.BestEpoch)
	if err != nil {
		r.page.write(report.Stopped)
		return err
	}
	result.Test, result.Measures = test.Metrics, report.Measures{Assessment: test.Assessment, Operating: test.Operating}
	return nil
}

// openWeights opens the file of model.weights before work is done, and warns where layers that are not trained would
// have none. A run that has checkpoints goes on without it.
func (r *run) openWeights() error {
	if r.options.Resume {
		if _, err := os.Stat(filepath.Join(r.folder, runfiles.Checkpoints)); err == nil {
			return nil
		}
	}
	s := r.plan.setup
	if m := s.config.Model; m.Weights == "" && m.ONNX == "" && (m.Freeze > 0 || s.probes()) {
		slog.Warn("the layers that are not trained stay random", "because", "model.weights is empty",
			"remedy", "name pre-trained weights there, or train all layers")
	}
	return s.openWeights()
}

// train goes through the epochs that are left. A new run's folder is made only here, when all that can be checked has
// been.
func (r *run) train(ctx context.Context, graph *graphs.Graph, stored *checkpoint.Checkpoint) (err error) {
	setup, set := r.plan.setup, r.plan.data
	l, err := setup.learner(r.engine, graph)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	v, err := newValidator(r.plan, r.engine, l)
	if err != nil {
		return err
	}
	defer v.close()
	if r.home, err = openHome(r.folder); err != nil {
		return err
	}
	r.page.home = r.home
	removeTemporary(r.folder)
	kept := &checkpoints{r.folder, r.home, l, selection(setup.config)}
	if stored == nil {
		r.state.Images, r.state.Files = set.digests(), set.contents()
		r.state.Model, r.state.Host = setup.model.Digest(), r.engine.Host()
		r.state.Repeats = &set.repeated
	}
	err = lead(setup.group, &leader{Threads: r.engine.Host().Threads, State: r.state, Resumed: stored != nil})
	if err == nil && stored != nil {
		err = kept.restore(stored, r.state, r.engine.Host())
	} else if err == nil {
		err = errors.Join(l.Start(setup.initialize), l.Distribute())
	}
	if err != nil {
		return err
	}
	var f features
	if setup.probes() {
		if f, err = newFeatures(ctx, r.plan, r.engine, l, r.options.Progress); err != nil {
			return err
		}
		if err := v.useFeatures(f.val); err != nil {
			return err
		}
	}
	if err := durable.Write(filepath.Join(r.folder, runfiles.Config), setup.config.WriteTOML); err != nil {
		return err
	}
	if err := set.writeTables(r.folder); err != nil {
		return err
	}
	loop := &loop{config: setup.config, data: set, schedule: r.plan.schedule, learner: l, validator: v,
		state: r.state, checkpoints: kept, trained: setup.trained(), progress: r.options.Progress, ended: r.page.update,
		group: setup.group, stop: r.stop}
	if err := loop.open(f.train); err != nil {
		return err
	}
	defer loop.close()
	r.page.write(report.Running)
	if err := loop.train(ctx); err != nil {
		r.page.write(report.Stopped)
		return err
	}
	return nil
}

// test writes model.onnx from the best checkpoint, chooses its operating points on validation and evaluates that very
// file.
func (r *run) test(ctx context.Context, best int) (*report.Test, error) {
	path := filepath.Join(r.folder, runfiles.Model)
	if err := r.home.check(); err != nil {
		return nil, err
	}
	write := func(points []operating.Point) error {
		return r.plan.writeModel(path, filepath.Join(r.folder, runfiles.BestCheckpoint), best,
			r.state.History[best].Val.Score, points)
	}
	if err := write(nil); err != nil {
		return nil, err
	}
	c, set := r.plan.setup.config, r.plan.data
	d, err := inference.Describe(path, inference.Description{})
	if err != nil {
		return nil, err
	}
	o := inference.EvalOptions{Model: path, Data: c.Data.Dir, Split: "test", Workers: c.Data.Workers,
		Progress: r.options.Progress}
	points, missed, err := r.plan.chooseOperating(ctx, r.engine, d, o)
	if err == nil && points != nil {
		d.Operating = points
		err = write(points)
	}
	if err != nil {
		return nil, err
	}
	o.Breakdown = set.breakdown
	test, err := inference.Test(ctx, r.engine, o, set.test, d, set.cache)
	if err != nil {
		return nil, err
	}
	test.Assessment.Warnings = append(test.Assessment.Warnings, missed...)
	if err := r.home.check(); err != nil {
		return nil, err
	}
	if err := r.page.finish(ctx, test, !r.options.NoFigures); err != nil {
		return nil, err
	}
	if err := r.home.check(); err != nil {
		return nil, err
	}
	return test, test.WriteTables(r.folder)
}

// checkProcesses refuses what several processes cannot do together.
func checkProcesses(c *config.Config) error {
	switch {
	case c.Training.Batch == config.Auto:
		return errors.New(`training.batch is "auto", but several processes need a number`)
	case c.Model.Adaptation == "linear_probe":
		return errors.New("a linear probe trains in one process: start trainer without mpirun")
	case c.Data.Cache != "":
		return errors.New("data.cache is for one process: leave it empty")
	}
	return nil
}

// A leader is what the first process of a group tells the others before the first step.
type leader struct {
	Finished bool // there is nothing to do
	Threads  int  // of a session
	Resumed  bool // State is that of a checkpoint
	State    *state
}

// lead sends m to the other processes of a group, or receives it there.
func lead(g *collective.Group, m *leader) error {
	if g == nil {
		return nil
	}
	text, err := json.Marshal(m)
	if err == nil {
		text, err = g.Broadcast(text)
	}
	if err != nil || g.Rank() == 0 {
		return err
	}
	return json.Unmarshal(text, m)
}

// follow computes a process's share of the steps of the run that the first process of the group leads. It writes
// nothing.
func follow(ctx, stop context.Context, cfg *config.Config, o Options) (err error) {
	set, err := openDataset(cfg)
	if err != nil {
		return err
	}
	e, err := engine.New(ctx, cfg.Engine(), nil)
	if err != nil {
		return err
	}
	defer e.Close()
	p, err := newPlan(ctx, cfg, set, e)
	if err != nil {
		return err
	}
	defer p.setup.close()
	p.setup.group = o.Group
	graph, err := p.setup.trainingGraph()
	if err != nil {
		return err
	}
	if err := set.verify(ctx, func(s *data.Split) data.Transform {
		if s == set.train {
			return set.trainTransform()
		}
		return set.evalTransform()
	}, nil); err != nil {
		return err
	}
	if err := p.checkBatches(); err != nil {
		return err
	}
	var m leader
	if err := lead(o.Group, &m); err != nil || m.Finished {
		return err
	}
	e.Configure(func(o *ort.Options) { o.Threads = m.Threads })
	l, err := p.setup.learner(e, graph)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if m.Resumed {
		err = errors.Join(l.Checkpoint(true, nil), l.RestoreScale(m.State.Scaler))
	} else {
		err = l.Distribute()
	}
	if err != nil {
		return err
	}
	s := m.State
	loop := &loop{config: cfg, data: set, schedule: p.schedule, learner: l, state: s, group: o.Group, stop: stop}
	if loop.loader, err = set.loader(cfg.Training.Batch, nil, loop.keeps()); err != nil {
		return err
	}
	for loop.more() {
		err := loop.trainEpoch(ctx)
		if errors.Is(err, context.Canceled) {
			return errors.Join(err, l.Checkpoint(false, nil))
		}
		if err := errors.Join(err, loop.checkTaken()); err != nil {
			return err
		}
		s.endEpoch()
		if err := l.Checkpoint(false, nil); err != nil {
			return err
		}
	}
	return nil
}
