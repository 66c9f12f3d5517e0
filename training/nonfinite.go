package training

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
)

// notFinite is an optimizer step that was not taken: the loss of a batch, or
// the gradient, is infinite or NaN.
type notFinite struct{ what string }

func (e *notFinite) Error() string {
	return e.what + " is not finite: training has diverged; lower optimizer.lr, lengthen schedule.warmup or " +
		"set optimizer.clip"
}

// overflow is an optimizer step that was not taken because the scaled loss was
// too large for float16. The scale is lower now.
type overflow struct{ before, now float64 }

func (e *overflow) Error() string {
	return fmt.Sprintf("a gradient overflowed with the loss scaled by %v; it is scaled by %v now", e.before, e.now)
}

func isFinite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// skip passes over a step that was not taken, if training.nonfinite allows it
// or the loss scale was to blame: the parameters, the optimizer's state and its
// count of steps are as they were, as in PyTorch's GradScaler. Any other error
// is returned.
func (l *loop) skip(err error) error {
	var scaled *overflow
	var reason *notFinite
	where := []any{"epoch", l.state.Epoch + 1, "batch", l.state.Batch + 1}
	switch {
	case errors.As(err, &scaled):
		slog.Info("an optimizer step is skipped", append(where, "reason", scaled.Error())...)
	case !errors.As(err, &reason):
		return err
	case l.plan.config.Training.Nonfinite != "skip":
		return fmt.Errorf("epoch %d, batch %d: %w", l.state.Epoch+1, l.state.Batch+1, err)
	default:
		slog.Warn("an optimizer step is skipped", append(where, "reason", reason.what+" is not finite")...)
	}
	l.state.Skipped++
	return nil
}

// taken is the number of the epoch's batches whose step was taken.
func (l *loop) taken() int {
	return l.state.Batch - l.state.Skipped*l.plan.config.Training.Accumulate
}

// checkTaken refuses to go on when not one step of an epoch could be taken.
func (l *loop) checkTaken() error {
	if l.taken() > 0 {
		return nil
	}
	return fmt.Errorf("every optimizer step was skipped: %w",
		&notFinite{fmt.Sprintf("the loss or gradient of each step of epoch %d", l.state.Epoch+1)})
}
