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
	"fovea/training/teacher"
)

// Options say how Run works.
type Options struct {
	Resume   bool          // go on with the run in the folder, if there is one
	Progress progress.Func // told how far each task is; may be nil
	Version  string        // of the program, for the report

	// Group joins the processes that train together; nil: this one trains alone. The first writes. In the others Run
	// returns no result.
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

// A run is one under way. All processes of its group take the same way through it; the first also writes.
type run struct {
	options Options
	group   *collective.Group
	folder  string
	home    home // of training and test
	plan    *plan
	engine  *engine.Engine
	state   *state
	page    *page // nil in processes that do not write
}

// Run fine-tunes, selects, tests and writes the run folder. A cancelled context leaves a checkpoint and returns an
// error that wraps the context's. With Options.Resume, a finished run is only reported, and needs nothing but its
// folder.
//
// With Options.Group an error of one process ends the runs of all: each returns a collective.Agreed error, or the
// processes end.
func Run(ctx context.Context, cfg *config.Config, o Options) (_ *Result, err error) {
	start := time.Now()
	g := o.Group
	if g == nil {
		g = collective.Local(1)[0]
	}
	defer func() {
		if err != nil && g.Size() > 1 && !collective.IsAgreed(err) { // the others wait for this process
			g.Abort(err)
		}
	}()
	if err := g.Agree(cfg.Validate()); err != nil {
		return nil, err
	}
	if a := cfg.Training.Accumulate; a < g.Size() {
		slog.Warn("some processes have no images to train on: the processes share the batches of a step",
			"training.accumulate", a, "processes", g.Size())
	}
	folder := filepath.Join(cfg.Output.Dir, cfg.Name)
	result := &Result{Name: cfg.Name, Folder: folder, Epochs: cfg.Schedule.Epochs}
	cfg, finished, err := look(g, folder, cfg, o.Resume)
	if err == nil && finished {
		slog.Info("the run is finished already", "folder", folder)
		err = g.First(result.read)
	}
	if err != nil || finished {
		return result.of(g), err
	}
	settings := cfg.Engine()
	if settings.Provider != "cpu" {
		settings.GPU, err = g.GPU()
	}
	if err := g.Agree(err); err != nil {
		return nil, err
	}
	set, err := openDataset(cfg)
	if err == nil {
		set.group = g
		_, err = set.operatingRules() // before hours of training
	}
	r := &run{options: o, group: g, folder: folder, state: &state{}}
	if err == nil {
		r.engine, err = engine.New(ctx, settings, o.Progress)
	}
	if err == nil {
		defer r.engine.Close()
	}
	if err := g.Agree(err); err != nil {
		return nil, err
	}
	if err := set.sameEverywhere(); err != nil {
		return nil, err
	}
	gpus, err := joinGPUs(ctx, g, r.engine)
	if err != nil {
		return nil, err
	}
	if r.plan, err = newPlan(ctx, cfg, set, r.engine); err != nil {
		return nil, err
	}
	defer r.plan.setup.close()
	r.plan.setup.gpus = gpus
	unlock := func() {}
	if err := g.First(func() (err error) {
		unlock, err = lockFolder(folder)
		return err
	}); err != nil {
		return nil, err
	}
	defer func() { unlock() }()
	if err := r.do(ctx, start, result); err != nil {
		return nil, err
	}
	r.state.countTime()
	result.Duration = r.state.duration()
	return result.of(g), nil
}

// look looks into the run folder. It returns the config with the batch that a run there was started with, and whether
// that run is finished.
func look(g *collective.Group, folder string, cfg *config.Config, resume bool) (*config.Config, bool, error) {
	type found struct {
		Finished bool
		Batch    int
	}
	f, err := collective.Tell(g, func() (found, error) {
		exists, finished, err := checkFolder(folder, resume)
		now := cfg
		if err == nil && exists {
			if now, err = withRecordedBatch(folder, cfg); err == nil {
				err = sameConfig(folder, now, finished)
			}
		}
		if err != nil {
			return found{}, err
		}
		return found{finished, now.Training.Batch}, nil
	})
	now := *cfg
	now.Training.Batch = f.Batch
	return &now, f.Finished, err
}

// read takes the result of a finished run from its folder.
func (r *Result) read() (err error) {
	if r.Test, r.BestEpoch, err = readResult(r.Folder); err != nil {
		return err
	}
	r.Measures, err = report.ReadMeasures(filepath.Join(r.Folder, runfiles.Measures("test")))
	if errors.Is(err, fs.ErrNotExist) { // only people read it
		err = nil
	}
	r.Duration = trainingTime(r.Folder)
	return err
}

// of returns the result in the process that has it, nil in the others.
func (r *Result) of(g *collective.Group) *Result {
	if g.Rank() > 0 {
		return nil
	}
	return r
}

func (r *run) do(ctx context.Context, start time.Time, result *Result) (err error) {
	g, setup, set := r.group, r.plan.setup, r.plan.data
	if err := g.First(r.openWeights); err != nil {
		return err
	}
	setup.report()
	graph, err := setup.trainingGraph() // an operator may have no gradient
	if err := g.Agree(err); err != nil {
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
	if err := g.Agree(r.plan.checkBatches()); err != nil { // without the images that are left out
		return err
	}
	var stored *checkpoint.Checkpoint // in the process that writes
	resumes := false
	if r.options.Resume {
		before, err := collective.Tell(g, func() (before *state, err error) {
			stored, before, err = readCheckpoint(r.folder, r.plan)
			return before, err
		})
		if stored != nil {
			defer stored.Close()
		}
		if err != nil {
			return err
		}
		if before != nil {
			r.state, resumes = before, true
			if setup.config.Runtime.Threads == 0 { // as the run began, whatever machine this is
				r.engine.Configure(func(o *ort.Options) { o.Threads = before.Host.Threads })
			}
		}
	}
	threads, err := collective.Tell(g, func() (int, error) { return r.engine.Host().Threads, nil })
	if err != nil {
		return err
	}
	if g.Rank() > 0 { // all have the same, whatever machines they are on
		r.engine.Configure(func(o *ort.Options) { o.Threads = threads })
	}
	r.state.counted = start
	r.state.Division, r.state.Splits = set.division, set.counts()
	r.state.Facts = report.Facts(r.options.Version, inference.EngineFacts(r.engine)...)
	if g.Rank() == 0 {
		r.page = &page{plan: r.plan, state: r.state, folder: r.folder}
	}
	if err := g.Agree(warnMemory(r.plan, r.engine)); err != nil {
		return err
	}
	defer func() { r.home.open.Close() }()
	if err := r.train(ctx, graph, resumes, stored); err != nil {
		return explainMemory(ctx, err, r.plan, r.engine)
	}
	result.BestEpoch = r.state.best(selection(setup.config))
	test, err := r.test(ctx, result.BestEpoch)
	if err != nil {
		r.page.write(report.Stopped)
		return err
	}
	if test != nil {
		result.Test, result.Measures = test.Metrics, report.Measures{Assessment: test.Assessment, Operating: test.Operating}
	}
	return nil
}

// openWeights opens the file of model.weights before work is done, and warns where layers that are not trained would
// have none. A run that has checkpoints of the whole model goes
// on without it.
func (r *run) openWeights() error {
	if r.options.Resume && !r.plan.setup.trainsPart() {
		if _, err := os.Stat(filepath.Join(r.folder, runfiles.Checkpoints)); err == nil {
			return nil
		}
	}
	s := r.plan.setup
	if m := s.config.Model; m.Weights == "" && m.ONNX == "" && (m.Freeze > 0 || m.Adaptation != "finetune") {
		slog.Warn("the layers that are not trained stay random", "because", "model.weights is empty",
			"remedy", "name pre-trained weights there, or train all layers")
	}
	return s.openWeights()
}

// train goes through the epochs that are left. A new run's folder is made only here, when all that can be checked has
// been. Resumes tells whether stored, which only the process that writes has, is to be restored.
func (r *run) train(ctx context.Context, graph *graphs.Graph, resumes bool, stored *checkpoint.Checkpoint) (err error) {
	g, setup, set := r.group, r.plan.setup, r.plan.data
	l, err := setup.learner(r.engine, graph)
	if err == nil {
		defer func() { err = errors.Join(err, l.Close()) }()
	}
	if err := g.Agree(err); err != nil {
		return err
	}
	v, err := newValidator(r.plan, r.engine, l)
	if err == nil {
		defer v.close()
	}
	if err := g.Agree(err); err != nil {
		return err
	}
	if err := g.First(func() (err error) {
		r.home, err = openHome(r.folder)
		return err
	}); err != nil {
		return err
	}
	kept := &checkpoints{g, r.folder, r.home, l, selection(setup.config), setup}
	if r.page != nil {
		r.page.home = r.home
		removeTemporary(r.folder)
	}
	if resumes {
		err = kept.restore(stored, r.state, r.engine.Host())
	} else {
		r.state.Images, r.state.Files = set.digests(), set.contents()
		r.state.Model, r.state.Host = setup.model.Digest(), r.engine.Host()
		r.state.Repeats = &set.repeated
		if err = g.First(func() (err error) {
			r.state.Base, err = kept.start()
			return err
		}); err == nil {
			err = l.Distribute()
		}
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
	t, err := r.openTeacher(ctx)
	if err == nil {
		defer t.Close()
	}
	if err := g.Agree(err); err != nil {
		return err
	}
	loop := &loop{teacher: t, config: setup.config, data: set, schedule: r.plan.schedule, learner: l, validator: v,
		state: r.state, checkpoints: kept, trained: setup.trained(), progress: r.options.Progress, page: r.page, group: g}
	if loop.loader, err = set.loader(setup.config.Training.Batch, f.train, loop.keeps()); err != nil {
		return err
	}
	if err := g.First(func() error {
		err := durable.Write(filepath.Join(r.folder, runfiles.Config), setup.config.WriteTOML)
		if err == nil {
			err = set.writeTables(r.folder)
		}
		if err == nil {
			err = loop.openEvents()
		}
		return err
	}); err != nil {
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

// openTeacher opens model.teacher, nil if there is none. A run that resumes needs the file that it began with.
func (r *run) openTeacher(ctx context.Context) (*teacher.Teacher, error) {
	c, set := r.plan.setup.config, r.plan.data
	path := c.Model.Teacher
	if path == "" {
		return nil, nil
	}
	t, err := teacher.Open(ctx, path, r.engine, teacher.Settings{Batch: c.Training.Batch, Size: c.Data.Size,
		Classes: set.classes, Mean: narrow(c.Data.Mean), Std: narrow(c.Data.Std)})
	if err != nil {
		return nil, fmt.Errorf("model.teacher: %w", err)
	}
	digest, err := inference.Digest(path)
	if err == nil && r.state.Teacher != "" && r.state.Teacher != digest {
		err = errors.New("model.teacher is not the file that the run was started with: put it back, or choose another name")
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	r.state.Teacher = digest
	return t, nil
}

// test writes model.onnx from the best checkpoint, chooses its operating points on validation and evaluates that very
// file. All processes classify; the first, which returns the test, does the rest.
func (r *run) test(ctx context.Context, best int) (test *report.Test, err error) {
	g, c, set := r.group, r.plan.setup.config, r.plan.data
	path := filepath.Join(r.folder, runfiles.Model)
	write := func(points []operating.Point) error {
		if err := r.home.check(); err != nil {
			return err
		}
		return r.plan.writeModel(path, filepath.Join(r.folder, runfiles.BestCheckpoint), best,
			r.state.History[best].Val.Score, points)
	}
	if err := g.First(func() error { return write(nil) }); err != nil {
		return nil, err
	}
	shared, err := r.allSee(path)
	if err != nil {
		return nil, err
	}
	var d *inference.Description
	if shared || g.Rank() == 0 {
		if d, err = inference.Describe(path, inference.Description{}); err != nil {
			return nil, err
		}
	}
	o := inference.EvalOptions{Model: path, Data: c.Data.Dir, Workers: c.Data.Workers, Progress: r.options.Progress,
		Breakdown: set.breakdown}
	if shared {
		o.Team = g
	}
	predict := func(split *data.Split) (p *evaluation.Predictions, err error) {
		o.Split = split.Name
		if shared {
			return inference.PredictModel(ctx, r.engine, o, split, d, set.cache)
		}
		err = g.First(func() (err error) {
			p, err = inference.PredictModel(ctx, r.engine, o, split, d, set.cache)
			return err
		})
		return p, err
	}
	rules, err := set.operatingRules()
	if err != nil {
		return nil, err
	}
	var missed []string
	if rules != nil {
		p, err := predict(set.val)
		if err != nil {
			return nil, err
		}
		if err := g.First(func() (err error) {
			if d.Operating, missed, err = chooseOperating(c, p, rules); err == nil && d.Operating != nil {
				err = write(d.Operating)
			}
			return err
		}); err != nil {
			return nil, err
		}
	}
	p, err := predict(set.test)
	if err != nil {
		return nil, err
	}
	return test, g.First(func() (err error) {
		if test, err = inference.Test(ctx, o, p, d); err != nil {
			return err
		}
		test.Assessment.Warnings = append(test.Assessment.Warnings, missed...)
		if err := r.home.check(); err != nil {
			return err
		}
		if err := r.page.finish(ctx, test, !r.options.NoFigures); err != nil {
			return err
		}
		if err := r.home.check(); err != nil {
			return err
		}
		return test.WriteTables(r.folder)
	})
}

// allSee reports whether all processes read the same model file. On machines that do not share the run folder, the
// first process tests alone.
func (r *run) allSee(path string) (bool, error) {
	if r.group.Size() == 1 {
		return false, nil
	}
	own, _ := inference.Digest(path)
	digest, err := collective.Tell(r.group, func() (string, error) { return own, nil })
	if err != nil {
		return false, err
	}
	differs := 0.0
	if digest == "" || digest != own {
		differs = 1
	}
	most, err := r.group.Max(differs)
	if most > 0 {
		slog.Info("the first process tests the model alone", "because", "not all processes see the run folder")
	}
	return most == 0, err
}
