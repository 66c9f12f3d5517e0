package conformance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"fovea/onnx/ort"
)

// A subject is a case under test.
type subject struct {
	testCase
	backward, forward *runner
	steps             []step
	derived           derived // at the point of the last try
}

// A derived has the gradients of a case's inputs by name, and the inputs and cotangents that they belong to.
type derived struct{ given, gradients values }

// A step sets the size of finite differences. Those at the step and at half of it decide if they lie at most converged
// apart. A gradient may be off by the tolerance. Both are parts of the size of a derivative in a random direction,
// √Σ (gradient·direction)².
type step struct{ size, converged, tolerance float64 }

// Steps for functions that are computed in double and in single precision.
var small, middle, large = step{1e-4, 5e-5, 1e-4}, step{1. / 512, 5e-3, 2e-3}, step{1. / 64, 5e-3, 2e-3}

// widenForward replaces the case's own model by one in double precision, if the runtime has kernels for it that do the
// same.
func (s *subject) widenForward() error {
	s.steps = []step{large, middle}
	model, err := double(s.model)
	if err != nil {
		return err
	}
	wide, err := open(model, ort.Disable)
	if err != nil {
		return nil
	}
	at := nudged(s.testCase, 0)
	x, err1 := s.forward.run(at)
	y, err2 := wide.run(at)
	same := err1 == nil && err2 == nil
	for name := range x {
		same = same && distance(x[name], y[name]) <= 1e-3
	}
	if !same {
		wide.Close()
		return nil
	}
	s.forward.Close()
	s.forward = wide
	z, err := wide.run(moved(at, 1e-10)) // kernels that compute in float32 do not notice so small a part
	for name := range y {
		if !slices.Equal(y[name], z[name]) {
			s.steps = []step{small, large} // other nodes of the model may compute in float32 yet
		}
	}
	return err
}

// moved returns a point that is a small part away.
func moved(at values, part float64) values {
	out := values{}
	for name, list := range at {
		for _, x := range list {
			out[name] = append(out[name], x*(1+part))
		}
	}
	return out
}

// compare compares the derivative along random directions in each input, for random cotangents, with finite differences
// at a point.
func (s *subject) compare(at values) (status, string) {
	rng := rand.New(rand.NewPCG(s.seed(), 1))
	plain, err := s.forward.run(at)
	if err != nil {
		return broken, err.Error()
	}
	given := values{}
	for name := range at {
		given[name] = at[name]
	}
	for _, t := range s.backward.Inputs() {
		if at[t.Name] == nil {
			given[t.Name] = draw(rng, product(t.Shape))
		}
	}
	for name, y := range plain {
		for i, v := range y {
			if c := given[name+".cotangent"]; c != nil && v-v != 0 {
				c[i] = 0 // infinity and NaN have no derivative
			}
		}
	}
	got, err := s.backward.run(given)
	if err != nil {
		return broken, err.Error()
	}
	for name, y := range plain {
		if d := distance(got[name], y); d > 1e-3 {
			return wrong, fmt.Sprintf("output %s of the imported graph is %.1e off", name, d)
		}
	}
	s.derived = derived{given, values{}}
	result, reason := ok, ""
	for _, in := range s.model.Graph.Input {
		gradient := got[in.GetName()+".grad"]
		s.derived.gradients[in.GetName()] = gradient
		for range directions {
			status, why := s.along(in.GetName(), at, given, gradient, rng)
			if status > result {
				result, reason = status, why
			}
		}
	}
	return result, reason
}

// depends reports whether an input has a gradient other than 0.
func (d derived) depends() bool {
	for _, x := range d.gradients {
		if slices.ContainsFunc(x, func(v float64) bool { return v != 0 }) {
			return true
		}
	}
	return false
}

// agrees compares the gradients with those of a case that computes the same.
func (s *subject) agrees(with derived) (status, string) {
	given := values{}
	for _, t := range s.backward.Inputs() {
		if given[t.Name] = with.given[t.Name]; given[t.Name] == nil {
			given[t.Name] = make([]float64, product(t.Shape)) // the cotangent of a mean or deviation
		}
	}
	got, err := s.backward.run(given)
	if err != nil {
		return broken, err.Error()
	}
	for name, y := range with.gradients {
		x := got[name+".grad"]
		if x == nil {
			x = make([]float64, len(y))
		}
		if y == nil {
			y = make([]float64, len(x))
		}
		if d := distance(x, y); d > 1e-3 {
			return wrong, fmt.Sprintf("gradient of %s is %.1e off that of %s", name, d, s.key().direct().name)
		}
	}
	return ok, ""
}

// along compares the derivatives along a direction in one input.
func (s *subject) along(input string, at, given values, gradient []float64, rng *rand.Rand) (status, string) {
	direction := draw(rng, len(at[input]))
	analytic, size := 0.0, 0.0
	for i, x := range at[input] {
		if x-x != 0 { // infinite or NaN
			direction[i] = 0
		} else if gradient != nil {
			term := direction[i] * gradient[i]
			analytic += term
			size += term * term
		}
	}
	f := func(t float64) (sum float64) {
		point := values{}
		for name := range at {
			point[name] = at[name]
		}
		point[input] = make([]float64, len(direction))
		for i, x := range at[input] {
			point[input][i] = x + t*direction[i]
		}
		out, err := s.forward.run(point)
		if err != nil {
			return math.NaN()
		}
		for _, y := range s.model.Graph.Output {
			for i, c := range given[y.GetName()+".cotangent"] {
				if c != 0 {
					sum += c * out[y.GetName()][i]
				}
			}
		}
		return sum
	}
	central := func(h float64) float64 { return (f(h) - f(-h)) / (2 * h) }
	size = math.Sqrt(size)
	if math.IsNaN(size) {
		size = 0
	}
	for _, step := range s.steps {
		coarse, fine := central(step.size), central(step.size/2)
		numeric := (4*fine - coarse) / 3
		size := max(size, math.Abs(numeric), 1e-2)
		switch {
		case !(math.Abs(coarse-fine) <= step.converged*size):
		case math.Abs(analytic-numeric) <= step.tolerance*size+math.Abs(coarse-fine):
			return ok, ""
		default:
			return wrong, fmt.Sprintf("derivative along %s is %.6g, finite differences give %.6g", input, analytic, numeric)
		}
	}
	return unsure, "finite differences do not converge"
}
