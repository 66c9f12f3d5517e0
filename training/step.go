package training

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"fovea/data"
	"fovea/training/collective"
	"fovea/training/learner"
)

// trainEpoch takes the optimizer steps that are left of the current epoch. The state always describes the end of a
// whole step.
func (l *loop) trainEpoch(ctx context.Context) error {
	s, c, stop := l.state, l.config, ctx
	if l.group.Size() > 1 {
		ctx = context.WithoutCancel(ctx) // they stop together, between two steps
	}
	it := l.loader.Epoch(ctx, s.Epoch, s.Batch)
	defer it.Close()
	report := l.progress.Task(fmt.Sprintf("epoch %d/%d", s.Epoch+1, c.Schedule.Epochs))
	if s.Batch >= l.batches() || l.finished() {
		return nil
	}
	first, _ := l.share()
	err := l.stage(it, s.Batch+first)
	for {
		if err == nil && l.group.Size() > 1 {
			err = stop.Err()
		}
		if err = l.group.Agree(err); err != nil || s.Batch >= l.batches() || l.finished() {
			return err
		}
		if err = l.step(it); err != nil { // the others are in the middle of it
			return err
		}
		// A GPU is at work on the step: the next batch is brought meanwhile. An error there is for the next step; this
		// one has been taken.
		if next := s.Batch + c.Training.Accumulate; next < l.batches() {
			err = l.stage(it, next+first)
		}
		if failed := l.settle(); failed != nil {
			err = failed
			continue
		}
		report(s.Batch*c.Training.Batch, l.batches()*c.Training.Batch,
			fmt.Sprintf("loss %.4f", s.LossSum/float64(l.taken())))
	}
}

// step begins an optimizer step, whose first batch has been staged.
func (l *loop) step(it *data.Iterator) error {
	first, end := l.share()
	for micro := first; micro < end; micro++ {
		if micro > first {
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

// share returns the micro-batches of a step that this process computes, from start to end without end.
func (l *loop) share() (start, end int) {
	return collective.Share(l.config.Training.Accumulate, l.group.Rank(), l.group.Size())
}

// keeps returns which batches of an epoch this process loads, nil for all.
func (l *loop) keeps() func(batch int) bool {
	if l.group.Size() == 1 {
		return nil
	}
	start, end := l.share()
	return func(batch int) bool {
		micro := batch % l.config.Training.Accumulate
		return start <= micro && micro < end
	}
}

// rate returns the learning rate of the current step.
func (l *loop) rate() float64 { return l.schedule.Rate(l.position()) }

// settle waits for the step and writes down what came of it.
func (l *loop) settle() error {
	s, n := l.state, l.config.Training.Accumulate
	rate := l.rate()
	lossSum, err := l.learner.Settle()
	if err == nil {
		l.event("loss/train", l.eventStep(), lossSum/float64(n))
		l.event("lr", l.eventStep(), rate)
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
	if first, end := l.share(); first == end { // there are more processes than batches of a step
		return nil
	}
	b, err := it.Next()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("epoch %d ended early: %w", l.state.Epoch+1, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return err
	}
	defer b.Release()
	var scores []float32
	if l.teacher != nil {
		if scores, err = l.teacher.Scores(b.Images); err != nil {
			return err
		}
	}
	return l.learner.StageTaught(b.Images, b.Targets, scores, l.state.Epoch, index)
}

// skip passes over a step that was not taken, if training.nonfinite allows it or the loss scale was to blame: the
// parameters, the optimizer's state and its count of steps are as they were, as in PyTorch's GradScaler. Any other
// error is returned.
func (l *loop) skip(err error) error {
	var scaled *learner.Overflow
	var reason *learner.NotFinite
	where := []any{"epoch", l.state.Epoch + 1, "batch", l.state.Batch + 1}
	switch {
	case errors.As(err, &scaled):
		slog.Info("an optimizer step is skipped", append(where, "reason", scaled.Error())...)
	case !errors.As(err, &reason):
		return err
	case l.config.Training.Nonfinite != "skip":
		return fmt.Errorf("epoch %d, batch %d: %w", l.state.Epoch+1, l.state.Batch+1, err)
	default:
		slog.Warn("an optimizer step is skipped", append(where, "reason", reason.What+" is not finite")...)
	}
	l.state.Skipped++
	return nil
}

// taken returns the number of the epoch's batches whose step was taken.
func (l *loop) taken() int {
	return l.state.Batch - l.state.Skipped*l.config.Training.Accumulate
}

// checkTaken refuses to go on when not one step of an epoch could be taken.
func (l *loop) checkTaken() error {
	if l.taken() > 0 {
		return nil
	}
	return fmt.Errorf("every optimizer step was skipped: %w",
		&learner.NotFinite{What: fmt.Sprintf("the loss or gradient of each step of epoch %d", l.state.Epoch+1)})
}
