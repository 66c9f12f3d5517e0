package randomgraphs

import (
	"math"
	"slices"
)

// compare compares the derivative along a random direction in all inputs, and in each by itself, with finite
// differences of the model.
func (s *subject) compare() *failure {
	forward, exact, err := inDouble(s.model, s.trace, s.wrt)
	if err != nil {
		return fail("double", "%v", err)
	}
	defer forward.Close()
	if err := forward.fill(s.at, s.inputs); err != nil {
		return fail("double", "%v", err)
	}
	got, err := forward.run()
	if err != nil {
		return fail("double", "%v", err)
	}
	for name, want := range s.outputs() {
		if d := distance(floats(got[name]), want); !(d <= 1e-4*max(largest(want), 1e-2)) {
			return fail("double", "output %s is %.1e off in float64, of %g", name, d, largest(want))
		}
	}
	directions := values{}
	for _, name := range s.wrt {
		directions[name] = draw("direction of "+name, len(s.at[name]), 0.4)
	}
	whole := s.along(directions)
	if f := s.agrees(forward, exact, "all inputs", directions, whole.size); f != nil {
		return f
	}
	for _, name := range s.wrt {
		f := s.agrees(forward, exact, name, values{name: directions[name]}, smallest*whole.size)
		if f != nil && f.kind != unsure {
			return f
		}
	}
	return nil
}

// A slope is a derivative along a direction, by the gradients, and its size.
type slope struct{ value, size float64 }

func (s *subject) along(direction values) (out slope) {
	square := 0.0
	for name, d := range direction {
		for i, g := range s.gradients[name] {
			out.value += g * d[i]
			square += g * d[i] * g * d[i]
		}
	}
	out.size = math.Sqrt(square)
	return out
}

// agrees compares the derivative along a direction with finite differences.
func (s *subject) agrees(forward *session, exact bool, what string, direction values, least float64) *failure {
	d := differences(exact, func(t float64) float64 { return s.moved(forward, direction, t) })
	byGradient := s.along(direction)
	size := max(byGradient.size, least, 1e-3)
	switch off := math.Abs(byGradient.value - d.value); {
	case !(d.error <= sureEnough*max(size, math.Abs(d.value))):
		return fail(unsure, "finite differences along %s are %.6g ± %.1g", what, d.value, d.error)
	case off > tolerance*size+3*d.error:
		return fail("gradient", "derivative along %s is %.6g, finite differences give %.6g ± %.1g, of size %.3g\n%s",
			what, byGradient.value, d.value, d.error, size, s.graph)
	default:
		s.off = max(s.off, off/size)
		return nil
	}
}

// moved returns Σ output·cotangent a way along a direction.
func (s *subject) moved(forward *session, direction values, t float64) (sum float64) {
	at := values{}
	for name, x := range s.at {
		at[name] = x
		if d := direction[name]; d != nil {
			at[name] = slices.Clone(x)
			for i := range d {
				at[name][i] += t * d[i]
			}
		}
	}
	if err := forward.fill(at, s.inputs); err != nil {
		return math.NaN()
	}
	out, err := forward.run()
	if err != nil {
		return math.NaN()
	}
	for name, c := range s.given {
		for i, y := range floats(out[name]) {
			sum += c[i] * y
		}
	}
	return sum
}

// A derivative by finite differences, and how far it may be off.
type derivative struct{ value, error float64 }

// differences returns central differences at smaller and smaller steps, extrapolated pairwise (Richardson). Of
// successive estimates that lie closest together the middle one is taken, and their spread is the error: three if the
// function is computed in float64, where they end the search if they agree well; five if not, since three may agree by
// chance where rounding counts.
func differences(exact bool, f func(t float64) float64) derivative {
	const first, steps, ratio, enough = 1.0 / 4, 14, 1.5, 1e-6
	many := 5
	if exact {
		many = 3
	}
	var central, estimates []float64
	best := derivative{math.NaN(), math.Inf(1)}
	for i := range steps {
		h := first * math.Pow(ratio, -float64(i))
		central = append(central, (f(h)-f(-h))/(2*h))
		if i > 0 {
			estimates = append(estimates, (ratio*ratio*central[i]-central[i-1])/(ratio*ratio-1))
		}
		if i < many {
			continue
		}
		last := slices.Sorted(slices.Values(estimates[i-many:]))
		if spread := last[many-1] - last[0]; spread < best.error {
			best = derivative{last[many/2], spread}
		}
		if exact && best.error <= enough*math.Abs(best.value) {
			break
		}
	}
	return best
}
