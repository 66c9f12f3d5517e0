package imported

import (
	"math"
	"slices"
)

// derivative is a function's derivative by finite differences.
type derivative struct {
	value float64
	error float64 // how far it may be off
}

// differences estimates f'(0) for a function that is computed in float32:
// central differences at halved steps, extrapolated pairwise (Richardson; their
// error is of fourth order). Large steps suffer from curvature and kinks, small
// ones from rounding: of five successive estimates those that lie closest
// together are taken, and their spread is the error. Fewer could lie together by
// chance where many elements pass a kink. Where the kink is at 0 itself, as for
// ReLU of exact zeros, f has no derivative but one from each side: half of what
// they differ by, at least, is error too.
func differences(f func(t float64) (float64, error)) (derivative, error) {
	const first, steps = 1.0 / 8, 10
	var central, estimates []float64
	here, err := f(0)
	if err != nil {
		return derivative{}, err
	}
	kink := math.Inf(1)
	for i := range steps {
		h := math.Ldexp(first, -i)
		up, err := f(h)
		if err != nil {
			return derivative{}, err
		}
		down, err := f(-h)
		if err != nil {
			return derivative{}, err
		}
		central = append(central, (up-down)/(2*h))
		kink = min(kink, math.Abs(up-2*here+down)/(2*h))
		if i > 0 {
			estimates = append(estimates, (4*central[i]-central[i-1])/3)
		}
	}
	best := derivative{math.NaN(), math.Inf(1)}
	for i := 4; i < len(estimates); i++ {
		five := slices.Sorted(slices.Values(estimates[i-4 : i+1]))
		if d := five[4] - five[0]; d < best.error {
			best = derivative{five[2], d}
		}
	}
	best.error = max(best.error, kink)
	return best, nil
}
