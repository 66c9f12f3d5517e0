package randomgraphs

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/graphs/importer"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// reverse is the differentiation that is checked; a test puts a wrong one here.
var reverse = autodiff.Backward

// unsure is the kind of what is no fault: finite differences do not tell.
const unsure = "unsure"

// A failure is what does not hold of a model. The kind stays the same while the model is made smaller.
type failure struct{ kind, text string }

func fail(kind, format string, args ...any) *failure {
	return &failure{kind, fmt.Sprintf(format, args...)}
}

// What a difference of derivatives is measured by: the length √Σ (gradient·direction)² of the gradient, which a
// derivative along a random direction has. The gradient is computed in float32, over 40 nodes at most that do not make
// an error more than some ten times larger. Along a single input it is at least a small part of that along all, since a
// gradient may be 0 but for what rounding leaves.
const (
	tolerance  = 1e-3
	smallest   = 1e-2
	sureEnough = 1e-2 // the uncertainty of finite differences up to which they decide
)

// check tests the properties of a model at the values of its inputs.
func check(model *pb.ModelProto, inputs map[string]*pb.TensorProto) (*subject, *failure) {
	source, err := importer.Read(model, importer.Sizes{})
	if err != nil {
		return nil, fail("read", "%v", err)
	}
	trace, err := once(source.Observed(), ort.Disable, nil, inputs)
	if err != nil {
		return nil, fail("trace", "%v", err)
	}
	for name, t := range trace {
		if x := floats(t); !(largest(x) <= 1e4) {
			return nil, fail("range", "%s reaches %g", name, largest(x))
		}
	}
	imported, err := source.Import(trace, importer.Options{Inputs: true})
	if err != nil {
		return nil, fail("import", "%v", err)
	}
	s := &subject{model: model, graph: imported.Graph, trace: trace, inputs: inputs, at: values{}}
	return s, s.check()
}

// A subject is a model under test.
type subject struct {
	model     *pb.ModelProto
	graph     *graphs.Graph
	inputs    map[string]*pb.TensorProto
	trace     importer.Trace
	at        values // inputs and parameters that have a gradient
	given     values // cotangents by output
	wrt       []string
	gradients values
	off       float64 // the largest difference of derivatives, as a part of their size
}

func (s *subject) check() *failure {
	g := s.graph
	for _, v := range g.Inputs {
		if v.Type != graphs.Float32 {
			continue
		}
		t := s.inputs[v.Name]
		if t == nil {
			at := slices.IndexFunc(s.model.Graph.Initializer,
				func(t *pb.TensorProto) bool { return t.GetName() == v.Name })
			t = s.model.Graph.Initializer[at]
		}
		s.wrt, s.at[v.Name] = append(s.wrt, v.Name), floats(t)
	}
	if f := s.checkImport(); f != nil {
		return f
	}
	if f := s.differentiate(); f != nil {
		return f
	}
	return s.compare()
}

// checkImport compares the imported graph's outputs with the model's.
func (s *subject) checkImport() *failure {
	m, err := s.graph.Model()
	if err != nil {
		return fail("import", "%v", err)
	}
	got, err := once(m, ort.Disable, s.at, s.inputs)
	if err != nil {
		return fail("import", "%v", err)
	}
	s.given = values{}
	for _, out := range s.model.Graph.Output {
		name := out.GetName()
		want := s.outputs()[name]
		if d := distance(floats(got[name]), want); d > 1e-5*max(largest(want), 1e-3) {
			return fail("import", "output %s of the imported graph is %.1e off, of %g", name, d, largest(want))
		}
		s.given[name] = draw("cotangent of "+name, len(want), 1/max(largest(want), 0.1))
	}
	return nil
}

// outputs returns the outputs of the model itself, in float32.
func (s *subject) outputs() values {
	out := values{}
	for _, o := range s.model.Graph.Output {
		if t := s.trace[o.GetName()]; t != nil {
			out[o.GetName()] = floats(t)
		} else {
			out[o.GetName()] = s.at[o.GetName()]
		}
	}
	return out
}

// draw draws n numbers that only depend on the name.
func draw(name string, n int, size float64) []float64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	rng := rand.New(rand.NewPCG(h.Sum64(), 0))
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(float32(size * (2*rng.Float64() - 1)))
	}
	return out
}

func distance(x, y []float64) (off float64) {
	if len(x) != len(y) {
		return math.Inf(1)
	}
	for i := range x {
		if d := math.Abs(x[i] - y[i]); !(d <= off) {
			off = d
		}
	}
	return off
}

// differentiate computes the gradients, as the runtime does without rewriting the graph and with all that it knows of.
func (s *subject) differentiate() *failure {
	g := s.graph
	var wrt []*graphs.Value
	for _, v := range g.Inputs {
		if slices.Contains(s.wrt, v.Name) {
			wrt = append(wrt, v)
		}
	}
	cotangents, at := map[*graphs.Value]*graphs.Value{}, values{}
	for name, x := range s.at {
		at[name] = x
	}
	for _, y := range g.Outputs {
		cotangents[y] = g.Input(y.Name+".cotangent", y.Type, y.Shape...)
		at[y.Name+".cotangent"] = s.given[y.Name]
	}
	gradients, err := reverse(g, cotangents, wrt)
	if err != nil {
		return fail("backward", "%v", err)
	}
	g.Outputs = nil
	for i, v := range gradients {
		if v != nil {
			g.Output(wrt[i].Name+".grad", v)
		}
	}
	g.RemoveDead()
	g.Fold()
	if s.gradients = (values{}); len(g.Outputs) == 0 {
		return nil
	}
	m, err := g.Model()
	if err != nil {
		return fail("backward", "%v", err)
	}
	plain, err := once(m, ort.Disable, at, s.inputs)
	if err != nil {
		return fail("run", "%v\n%s", err, g)
	}
	optimised, err := once(m, ort.All, at, s.inputs)
	if err != nil {
		return fail("optimised", "%v\n%s", err, g)
	}
	all := 0.0
	for _, t := range plain {
		all = max(all, largest(floats(t)))
	}
	for name, t := range plain {
		x, y := floats(t), floats(optimised[name])
		if d := distance(x, y); !(d <= 1e-4*max(largest(x), smallest*all)) {
			return fail("optimised", "%s is %.1e off with the runtime's optimisations, of %g\n%s", name, d, largest(x),
				g)
		}
		s.gradients[name[:len(name)-len(".grad")]] = x
	}
	return nil
}
