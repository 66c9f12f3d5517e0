package main

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/graphs/importer"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// A status is what became of a case, the better the smaller.
type status int

const (
	ok      status = iota
	other          // the runtime does not give what ONNX expects, as older ones may: there is nothing to judge
	unsure         // finite differences at two steps disagree with each other: the function is not smooth
	refused        // by a typed refusal
	broken         // an error that is no refusal
	wrong          // the gradient disagrees with finite differences
)

var statuses = []string{"ok", "other", "unsure", "refused", "broken", "wrong"}

func (s status) String() string { return statuses[s] }

// reverse is the differentiation that is checked; a test puts a wrong one here.
var reverse = autodiff.Backward

// tries are the points near the case's own at which it is tried, one after the
// other; directions those in which each input is moved there.
const tries, directions = 6, 3

// check differentiates a case with respect to each of its inputs.
func check(c testCase) (status, string) {
	source, err := importer.Read(proto.Clone(c.model).(*pb.ModelProto), importer.Sizes{})
	if err != nil {
		return refused, err.Error()
	}
	observed, err := open(source.Observed(), ort.Disable)
	if err != nil {
		return broken, err.Error()
	}
	defer observed.close()
	if off, err := c.off(observed); err != nil {
		return broken, err.Error()
	} else if off > 1e-2 {
		return other, fmt.Sprintf("the runtime's result is %.1e off", off)
	}
	g, err := differentiated(source, observed, nudged(c, 0))
	if refusal := (*autodiff.Unsupported)(nil); errors.As(err, &refusal) {
		return refused, refusal.Reason
	} else if err != nil {
		return broken, err.Error()
	}
	s := &subject{testCase: c}
	model, err := g.Model()
	if err == nil {
		s.backward, err = open(model, ort.All) // as in training
	}
	if err != nil {
		return broken, err.Error()
	}
	defer s.backward.close()
	if err := s.openForward(); err != nil {
		return broken, err.Error()
	}
	defer s.forward.close()
	worst, reason := unsure, "finite differences do not converge"
	for try := range tries {
		result, why := s.compare(nudged(c, try))
		if result == ok || result == broken {
			return result, why
		}
		if result == wrong {
			worst, reason = result, why
		}
	}
	return worst, reason
}

// off is how far the results of a case are from those expected.
func (c testCase) off(r *runner) (worst float64, err error) {
	at := values{}
	for name, x := range c.values {
		at[name] = wide(x)
	}
	got, err := r.run(at)
	for name, y := range c.expected {
		worst = max(worst, distance(got[name], wide(y)))
	}
	return worst, err
}

func wide(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// differentiated is the imported graph with the gradients, called
// NAME.grad, of Σ output·NAME.cotangent.
func differentiated(source *importer.Source, observed *runner, at values) (*graphs.Graph, error) {
	trace := importer.Trace{}
	err := observed.evaluate(at, func(info ort.Info, data []byte) {
		trace[info.Name] = &pb.TensorProto{Name: proto.String(info.Name), DataType: proto.Int32(int32(info.Type)),
			Dims: info.Shape, RawData: slices.Clone(data)}
	})
	if err != nil {
		return nil, err
	}
	m, err := source.Import(trace, importer.Options{})
	if err != nil {
		// The importer's errors say why a model is not supported.
		return nil, &autodiff.Unsupported{Node: &graphs.Node{}, Reason: err.Error()}
	}
	g := m.Graph
	wrt, cotangents := slices.Clone(g.Inputs), map[*graphs.Value]*graphs.Value{}
	for _, y := range g.Outputs {
		if y.Type == graphs.Float32 && !isStatistic(y) {
			cotangents[y] = g.Input(y.Name+".cotangent", y.Type, y.Shape...)
		}
	}
	gradients, err := reverse(g, cotangents, wrt)
	if err != nil {
		return nil, err
	}
	for i, v := range gradients {
		if v != nil {
			g.Output(wrt[i].Name+".grad", v)
		}
	}
	return g, g.Err()
}

// isStatistic tells whether v is a mean or deviation beside the result of a
// normalisation, which training never differentiates.
func isStatistic(v *graphs.Value) bool {
	n := v.Producer()
	return n != nil && n.Op == "LayerNormalization" && v != n.Outputs[0]
}

// A subject is a case under test.
type subject struct {
	testCase
	backward, forward *runner
	steps             []step
}

// A step of the differences; how far those at the step and at half of it may lie
// apart where they decide; and how far a gradient may be off. Both are parts of the
// size that a derivative in a random direction has, √Σ (gradient·direction)².
type step struct{ size, apart, tolerance float64 }

// Steps for functions that are computed in double and in single precision.
var small, middle, large = step{1e-4, 5e-5, 1e-4}, step{1. / 512, 5e-3, 2e-3}, step{1. / 64, 5e-3, 2e-3}

// openForward opens the case's own model: in double precision, if the runtime has
// a kernel for that which does the same.
func (s *subject) openForward() error {
	s.steps = []step{large, middle}
	single, err := open(s.model, ort.Disable)
	s.forward = single
	if err != nil {
		return err
	}
	model, err := double(s.model)
	if err != nil {
		return err
	}
	wide, err := open(model, ort.Disable)
	if err != nil {
		return nil
	}
	at := nudged(s.testCase, 0)
	x, err1 := single.run(at)
	y, err2 := wide.run(at)
	same := err1 == nil && err2 == nil
	for name := range x {
		same = same && distance(x[name], y[name]) <= 1e-3
	}
	if !same {
		wide.close()
		return nil
	}
	single.close()
	s.forward, s.steps = wide, []step{small, large} // some kernels for float64 compute in float32
	return nil
}

// compare compares, at a point and for random directions and cotangents, the
// derivative along a direction in each input with finite differences.
func (s *subject) compare(at values) (status, string) {
	rng := rand.New(rand.NewPCG(seed(s.name), 1))
	plain, err := s.forward.run(at)
	if err != nil {
		return broken, err.Error()
	}
	given := values{}
	for name := range at {
		given[name] = at[name]
	}
	for _, t := range s.backward.session.Inputs() {
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
	result, reason := ok, ""
	for _, in := range s.model.Graph.Input {
		for range directions {
			status, why := s.along(in.GetName(), at, given, got[in.GetName()+".grad"], rng)
			if status > result {
				result, reason = status, why
			}
		}
	}
	return result, reason
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
		case !(math.Abs(coarse-fine) <= step.apart*size):
		case math.Abs(analytic-numeric) <= step.tolerance*size+math.Abs(coarse-fine):
			return ok, ""
		default:
			return wrong, fmt.Sprintf("derivative along %s is %.6g, finite differences give %.6g", input, analytic, numeric)
		}
	}
	return unsure, "finite differences do not converge"
}

// nudged is the case's point moved a little, so that elements are not equal or
// exactly where a function has a kink: towards 0 in even tries, away from it in
// odd ones, because functions end at ±1.
func nudged(c testCase, try int) values {
	rng := rand.New(rand.NewPCG(seed(c.name), uint64(try)))
	out := values{}
	for _, in := range c.model.Graph.Input {
		for _, x := range c.values[in.GetName()] {
			by := 0.02 + 0.06*rng.Float64()
			switch v := float64(x); {
			case v == 0 && rng.IntN(2) == 0:
				by = -by
			case v != 0 && try%2 == 0:
				by *= -v
			case v != 0:
				by *= v
			}
			if x-x == 0 {
				x = float32(float64(x) + by) // as float32, in which the gradient is computed
			}
			out[in.GetName()] = append(out[in.GetName()], float64(x))
		}
	}
	return out
}

func seed(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

func draw(rng *rand.Rand, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(float32(2*rng.Float64() - 1))
	}
	return out
}

func product(shape []int64) int {
	n := 1
	for _, d := range shape {
		n *= int(d)
	}
	return n
}

// distance is the largest difference of two lists, as a part of the largest
// magnitude. Elements that are no finite number are left out.
func distance(x, y []float64) float64 {
	if len(x) != len(y) {
		return math.Inf(1)
	}
	off, largest := 0.0, 1e-3
	for i := range y {
		if d := math.Abs(x[i] - y[i]); !math.IsNaN(d) && !math.IsInf(d, 0) {
			off, largest = max(off, d), max(largest, math.Abs(y[i]))
		}
	}
	return off / largest
}
