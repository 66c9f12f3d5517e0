package training

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"time"

	"fovea/data"
	"fovea/evaluation"
	"fovea/internal/progress"
	"fovea/internal/runfiles"
	"fovea/training/collective"
	"fovea/training/config"
	"fovea/training/learner"
	"fovea/training/optim"
	"fovea/training/pace"
	"fovea/training/teacher"
	"fovea/training/tensorboard"
)

// A loop trains epoch after epoch and validates after each.
type loop struct {
	config      *config.Config
	data        *dataset
	schedule    optim.Schedule
	loader      *data.Loader
	learner     *learner.Learner
	teacher     *teacher.Teacher // nil: there is none
	validator   *validator
	state       *state
	checkpoints *checkpoints
	trained     int // number of parameters that are trained
	events      *tensorboard.Writer
	warned      bool // about events
	progress    progress.Func
	page        *page             // nil in processes that do not write
	group       *collective.Group // of processes that train together
	plan        *plan
	onGPU       bool
	pace        pace.Watch
	forecast    bool // whether the time for the whole run has been said
}

// eventsAnEpoch gives the distance of two epochs on TensorBoard's axis, RETFound's 1000.
const eventsAnEpoch = 1000

// openEvents makes the events, in the process that writes.
func (l *loop) openEvents() (err error) {
	l.events, err = tensorboard.Create(filepath.Join(l.checkpoints.folder, runfiles.TensorBoard), l.eventStep())
	if err != nil {
		return err
	}
	settings := map[string]string{}
	for _, x := range config.Settings(l.config) {
		settings[x.Key] = x.Values[0]
	}
	l.warn(l.events.HParams(settings, time.Now()))
	if n := len(l.state.History); n > 0 && l.state.Batch == 0 {
		l.record(l.state.History[n-1].Val) // TensorBoard drops what stood here before
	}
	return nil
}

func (l *loop) close() {
	if l.events != nil {
		l.warn(l.events.Close())
	}
}

// batches returns how many batches of an epoch fill whole optimizer steps. What is left over is not used, as in
// RETFound.
func (l *loop) batches() int {
	n := l.config.Training.Accumulate
	return l.loader.Batches() / n * n
}

// position returns how far the run is, in epochs.
func (l *loop) position() float64 {
	return float64(l.state.Epoch) + float64(l.state.Batch)/float64(l.loader.Batches())
}

func (l *loop) eventStep() int64 { return int64(eventsAnEpoch * l.position()) }

// finished reports whether training.max_steps was reached.
func (l *loop) finished() bool {
	most := int64(l.config.Training.MaxSteps)
	return most > 0 && l.state.Step >= most
}

// train goes through the epochs that are left. When ctx is cancelled it writes checkpoints/last.
func (l *loop) train(ctx context.Context) error {
	for l.more() {
		err := l.epoch(ctx)
		if errors.Is(err, context.Canceled) {
			if err := l.checkpoints.save(l.state); err != nil {
				return fmt.Errorf("interrupted, but %w", err)
			}
			dir := filepath.Join(l.checkpoints.folder, runfiles.LastCheckpoint)
			return fmt.Errorf("%w in epoch %d: the checkpoint is %s (%s)", err, l.state.Epoch+1, dir, sizeOf(dir))
		}
		if err != nil {
			return err
		}
		saves, err := collective.Tell(l.group, func() (bool, error) { return l.savesEpoch(), nil })
		if err == nil && saves {
			err = l.checkpoints.save(l.state)
		}
		if err := errors.Join(err, l.writeHistory()); err != nil {
			return err
		}
		l.record(l.state.History[len(l.state.History)-1].Val)
		l.page.update()
	}
	if l.state.Epoch < l.config.Schedule.Epochs && l.stale() {
		slog.Info("training stops early", "after epoch", l.state.Epoch, "best", l.best()+1,
			"because", fmt.Sprintf("schedule.patience = %d", l.config.Schedule.Patience))
	}
	return l.writeHistory()
}

// more reports whether there is an epoch to train, or the rest of one.
func (l *loop) more() bool {
	between := l.state.Batch == 0
	return l.state.Epoch < l.config.Schedule.Epochs && !(between && (l.finished() || l.stale()))
}

// stale reports whether the last schedule.patience epochs were no better than one before them.
func (l *loop) stale() bool {
	patience := l.config.Schedule.Patience
	return patience > 0 && l.state.Epoch > 0 && l.state.Epoch-1-l.best() >= patience
}

// savesEpoch reports whether the epoch that has just ended leaves a checkpoint: each of fine-tuning does. An epoch of a
// linear probe takes far less time than writing the whole model, so there the best do, the last, and one a minute.
func (l *loop) savesEpoch() bool {
	return l.config.Model.Adaptation != "linear_probe" || l.best() == l.state.Epoch-1 || !l.more() ||
		time.Since(l.state.counted) >= time.Minute
}

// epoch trains the rest of the current epoch, validates and moves on.
func (l *loop) epoch(ctx context.Context) error {
	start := time.Now()
	if err := l.trainEpoch(ctx); err != nil {
		return err
	}
	if err := l.group.Agree(l.checkTaken()); err != nil {
		return err
	}
	task := fmt.Sprintf("validate %d/%d", l.state.Epoch+1, l.config.Schedule.Epochs)
	began, report := time.Now(), l.progress.Task(task)
	val, err := l.validator.validate(ctx, report)
	if err != nil {
		return err
	}
	l.pace.Evaluated(len(l.data.val.Samples), time.Since(began))
	n := float64(l.taken())
	done := epoch{TrainRate: l.state.RateSum / n, TrainLoss: l.state.LossSum / n, Skipped: l.state.Skipped, Val: val}
	l.state.History = append(l.state.History, done)
	l.state.endEpoch()
	slog.Info("epoch", "epoch", fmt.Sprintf("%d/%d", l.state.Epoch, l.config.Schedule.Epochs),
		"train_loss", round(done.TrainLoss), "val_loss", round(val.Loss), "accuracy", round(val.Accuracy),
		"roc_auc", round(val.ROCAUC), "kappa", round(val.Kappa), "score", round(val.Score),
		"best", l.best()+1, "seconds", math.Round(10*time.Since(start).Seconds())/10)
	return nil
}

func round(x float64) float64 { return math.Round(1e4*x) / 1e4 }

// record sends the validation metrics of the last epoch to TensorBoard under RETFound's names. A resumed run writes
// those again, in the place of what stood at the step or beside the same values.
func (l *loop) record(val evaluation.Metrics) {
	if l.events == nil {
		return
	}
	step := l.eventStep()
	if l.config.Evaluation.Axis == "epoch" {
		step = int64(len(l.state.History) - 1)
	}
	for name, x := range val.All() {
		tag := "perf/" + name
		if name == "val_loss" {
			tag = "loss/val"
		}
		l.event(tag, step, x)
	}
	l.warn(l.events.Flush())
}

// event writes a scalar. The events only show the run: a disk that has no room for them does not end it.
func (l *loop) event(tag string, step int64, x float64) {
	if l.events == nil { // in a process that only computes
		return
	}
	l.warn(l.events.Scalar(tag, step, x, time.Now()))
}

func (l *loop) warn(err error) {
	if err != nil && !l.warned {
		l.warned = true
		slog.Warn("tensorboard events are incomplete", "reason", err)
	}
}

// best returns the index of the best epoch so far.
func (l *loop) best() int { return l.state.best(l.checkpoints.selection) }

func (l *loop) writeHistory() error {
	return l.group.First(func() error {
		if err := l.checkpoints.home.check(); err != nil {
			return err
		}
		return writeHistory(l.checkpoints.folder, l.state.History, l.trained)
	})
}
