package learner

import (
	"fmt"
	"math"
)

// A NotFinite error is an optimizer step that was not taken, because the loss of a batch or the gradient is infinite or
// NaN.
type NotFinite struct{ What string }

func (e *NotFinite) Error() string {
	return e.What + " is not finite: training has diverged; lower optimizer.lr, lengthen schedule.warmup or " +
		"set optimizer.clip"
}

// An Overflow error is an optimizer step that was not taken, because the scaled loss was too large for float16. The
// scale is lower now.
type Overflow struct{ Before, Now float64 }

func (e *Overflow) Error() string {
	return fmt.Sprintf("a gradient overflowed with the loss scaled by %v; it is scaled by %v now", e.Before, e.Now)
}

func isFinite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
