package imported

import (
	"math"
	"slices"
)

// A derivative is a function's derivative by finite differences.
type derivative struct {
	value float64
	error float64 // largest error to expect
}

// firstStep is the largest step of differences.
const firstStep = 1.0 / 8

// differences estimates f'(0) for a function that is computed in float32. It takes central differences at halved steps
// and extrapolates them pairwise (Richardson, with an error of fourth order).
//
// Large steps suffer from curvature and kinks, small ones from rounding. So it takes the five successive estimates that
// lie closest together, and their spread is the error. Fewer could lie together by chance where many elements pass a
// kink. If the kink is at 0 itself, as for ReLU of exact zeros, f only has a derivative from each side. The error is at
// least half of their difference.
//
// A step may leave the domain of the function, as that of a square root. Smaller ones follow until five are finite.
func differences(f func(t float64) (float64, error)) (derivative, error) {
	const steps, most = 10, 24
	var central, estimates []float64
	center, err := f(0)
	if err != nil {
		return derivative{}, err
	}
	kink := math.Inf(1)
	for i, finite := 0, 0; i < steps || finite < 5 && i < most; i++ {
		h := math.Ldexp(firstStep, -i)
		up, err := f(h)
		if err != nil {
			return derivative{}, err
		}
		down, err := f(-h)
		if err != nil {
			return derivative{}, err
		}
		central = append(central, (up-down)/(2*h))
		if bend := math.Abs(up-2*center+down) / (2 * h); bend < kink {
			kink = bend
		}
		if i > 0 {
			estimates = append(estimates, (4*central[i]-central[i-1])/3)
			if e := estimates[i-1]; e-e == 0 {
				finite++
			}
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
