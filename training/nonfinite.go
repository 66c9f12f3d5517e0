package training

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
)

// notFinite is an optimizer step that cannot be taken: the loss of a batch, or
// the gradient, is infinite or NaN.
type notFinite struct{ what string }

func (e *notFinite) Error() string {
	return e.what + " is not finite: training has diverged; lower optimizer.lr, lengthen schedule.warmup or " +
		"set optimizer.clip"
}

func isFinite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// skip passes over a step that cannot be taken, if training.nonfinite allows
// it: the parameters, the optimizer's state and its count of steps stay as they
// are, as in PyTorch's GradScaler. Any other error is returned.
func (l *loop) skip(err error) error {
	var reason *notFinite
	if !errors.As(err, &reason) || l.plan.config.Training.Nonfinite != "skip" {
		return err
	}
	l.state.Skipped++
	slog.Warn("an optimizer step is skipped", "epoch", l.state.Epoch+1, "batch", l.state.Batch+1,
		"reason", reason.what+" is not finite")
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
