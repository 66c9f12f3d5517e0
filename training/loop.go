package training

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"time"

	"fovea/data"
	"fovea/evaluation"
	"fovea/training/tensorboard"
)

// loop trains epoch after epoch and validates after each.
type loop struct {
	*run
	loader    *data.Loader
	validator *validator
	events    *tensorboard.Writer
	weights   []float32 // of classes in the loss; nil: none
	warned    bool      // about events
}

// eventsAnEpoch is the distance of two epochs on TensorBoard's axis, RETFound's
// 1000. Training and validation share the axis, so that a resumed run can
// replace both from one point on.
const eventsAnEpoch = 1000

func newLoop(r *run, v *validator) (*loop, error) {
	c := r.plan.config
	settings := data.LoaderConfig{Samples: r.plan.train.Samples, Batch: c.Training.Batch,
		Workers: c.Data.Workers, Seed: uint64(c.Seed), Shuffle: true, Order: r.plan.order(), DropLast: true}
	if r.plan.probes() {
		settings.Workers, settings.Tensors = 1, r.features.train
	} else {
		settings.Transform, settings.Cache = r.plan.trainTransform(), r.plan.cache
	}
	loader, err := data.NewLoader(settings)
	if err != nil {
		return nil, err
	}
	l := &loop{run: r, loader: loader, validator: v}
	if c.Loss.ClassWeights == "balanced" {
		l.weights = balancedWeights(r.plan.train.Samples, len(r.plan.classes))
	}
	l.events, err = tensorboard.Create(filepath.Join(r.folder, "tensorboard"), l.eventStep())
	if err != nil {
		return nil, err
	}
	if n := len(l.state.History); n > 0 && l.state.Batch == 0 {
		l.record(l.state.History[n-1].Val) // TensorBoard drops what stood here before
	}
	return l, nil
}

func (l *loop) close() { l.warn(l.events.Close()) }

// batches of an epoch that fill whole optimizer steps; what is left over is
// not used, as in RETFound.
func (l *loop) batches() int {
	n := l.plan.config.Training.Accumulate
	return l.loader.Batches() / n * n
}

// position is where the run is, in epochs.
func (l *loop) position() float64 {
	return float64(l.state.Epoch) + float64(l.state.Batch)/float64(l.loader.Batches())
}

func (l *loop) eventStep() int64 { return int64(eventsAnEpoch * l.position()) }

// finished tells whether training.max_steps was reached.
func (l *loop) finished() bool {
	most := int64(l.plan.config.Training.MaxSteps)
	return most > 0 && l.state.Step >= most
}

// train goes through the epochs that are left. When ctx is cancelled it writes checkpoints/last.
func (l *loop) train(ctx context.Context) error {
	for l.more() {
		err := l.epoch(ctx)
		if errors.Is(err, context.Canceled) {
			if err := l.save(); err != nil {
				return fmt.Errorf("interrupted, but %w", err)
			}
			return fmt.Errorf("%w in epoch %d: the checkpoint is %s", err, l.state.Epoch+1,
				filepath.Join(l.folder, lastCheckpoint))
		}
		if err != nil {
			return err
		}
		if l.savesEpoch() {
			err = l.save()
		}
		if err := errors.Join(err, l.writeHistory()); err != nil {
			return err
		}
		l.record(l.state.History[len(l.state.History)-1].Val)
		l.showProgress()
	}
	return l.writeHistory()
}

// more tells whether there is an epoch to train, or the rest of one.
func (l *loop) more() bool {
	return l.state.Epoch < l.plan.config.Schedule.Epochs && !(l.finished() && l.state.Batch == 0)
}

// savesEpoch tells whether the epoch that has just ended leaves a checkpoint:
// each of fine-tuning does. An epoch of a linear probe takes far less time than
// writing the whole model, so there the best do, the last, and one a minute.
func (l *loop) savesEpoch() bool {
	return !l.plan.probes() || l.best() == l.state.Epoch-1 || !l.more() || time.Since(l.counted) >= time.Minute
}

// epoch trains the rest of the current epoch, validates and moves on.
func (l *loop) epoch(ctx context.Context) error {
	start := time.Now()
	if err := l.trainEpoch(ctx); err != nil {
		return err
	}
	if err := l.checkTaken(); err != nil {
		return err
	}
	task := fmt.Sprintf("validate %d/%d", l.state.Epoch+1, l.plan.config.Schedule.Epochs)
	val, err := l.validator.validate(ctx, l.options.Progress.Task(task))
	if err != nil {
		return err
	}
	n := float64(l.taken())
	done := epoch{TrainRate: l.state.RateSum / n, TrainLoss: l.state.LossSum / n, Skipped: l.state.Skipped, Val: val}
	l.state.History = append(l.state.History, done)
	l.state.Epoch++
	l.state.Batch, l.state.Skipped, l.state.LossSum, l.state.RateSum = 0, 0, 0, 0
	slog.Info("epoch", "epoch", fmt.Sprintf("%d/%d", l.state.Epoch, l.plan.config.Schedule.Epochs),
		"train_loss", round(done.TrainLoss), "val_loss", round(val.Loss), "accuracy", round(val.Accuracy),
		"roc_auc", round(val.ROCAUC), "kappa", round(val.Kappa), "score", round(val.Score),
		"best", l.best()+1, "seconds", math.Round(10*time.Since(start).Seconds())/10)
	return nil
}

func round(x float64) float64 { return math.Round(1e4*x) / 1e4 }

// record sends the validation metrics to TensorBoard under RETFound's names.
func (l *loop) record(val evaluation.Metrics) {
	for name, x := range val.All() {
		tag := "perf/" + name
		if name == "val_loss" {
			tag = "loss/val"
		}
		l.event(tag, x)
	}
	l.warn(l.events.Flush())
}

// event writes a scalar. The events only show the run: a disk that has no room
// for them does not end it.
func (l *loop) event(tag string, x float64) {
	l.warn(l.events.Scalar(tag, l.eventStep(), x, time.Now()))
}

func (l *loop) warn(err error) {
	if err != nil && !l.warned {
		l.warned = true
		slog.Warn("tensorboard events are incomplete", "reason", err)
	}
}

// trainEpoch takes the optimizer steps that are left of the current epoch. The
// state always describes the end of a whole step.
func (l *loop) trainEpoch(ctx context.Context) error {
	s, c := &l.state, l.plan.config
	it := l.loader.Epoch(ctx, s.Epoch, s.Batch)
	defer it.Close()
	report := l.options.Progress.Task(fmt.Sprintf("epoch %d/%d", s.Epoch+1, c.Schedule.Epochs))
	if s.Batch >= l.batches() || l.finished() {
		return nil
	}
	err := l.stage(it, s.Batch)
	for err == nil && s.Batch < l.batches() && !l.finished() {
		if err = l.step(it); err != nil {
			return err
		}
		// A GPU is at work on the step: the next batch is brought meanwhile. An
		// error there is for the next step; this one has been taken.
		if next := s.Batch + c.Training.Accumulate; next < l.batches() {
			err = l.stage(it, next)
		}
		if failed := l.settle(); failed != nil {
			return failed
		}
		report(s.Batch*c.Training.Batch, l.batches()*c.Training.Batch, fmt.Sprintf("loss %.4f", s.LossSum/float64(l.taken())))
	}
	return err
}

// step begins an optimizer step, whose first batch has been staged.
func (l *loop) step(it *data.Iterator) error {
	for micro := range l.plan.config.Training.Accumulate {
		if micro > 0 {
			if err := l.stage(it, l.state.Batch+micro); err != nil {
				return err
			}
		}
		if err := l.learner.ForwardBackward(); err != nil {
			return err
		}
	}
	return l.learner.Update(l.state.Step+1, l.rate())
}

// rate is the learning rate of the current step.
func (l *loop) rate() float64 { return l.plan.schedule.Rate(l.position()) }

// settle waits for the step and writes down what came of it.
func (l *loop) settle() error {
	s, n := &l.state, l.plan.config.Training.Accumulate
	rate := l.rate()
	lossSum, err := l.learner.Settle()
	if err == nil {
		l.event("loss/train", lossSum/float64(n))
		l.event("lr", rate)
		s.Step++
		s.LossSum += lossSum
		s.RateSum += rate * float64(n)
	} else if err := l.skip(err); err != nil {
		return err
	}
	s.Batch += n
	return nil
}

// stage brings the epoch's batch of an index to the learner.
func (l *loop) stage(it *data.Iterator, index int) error {
	b, err := it.Next()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("epoch %d ended early: %w", l.state.Epoch+1, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return err
	}
	defer b.Release()
	targets, err := l.plan.targets(b, l.state.Epoch, index)
	if err != nil {
		return err
	}
	weigh(targets, l.weights)
	return l.learner.Stage(b.Images, targets, l.state.Epoch, index)
}
