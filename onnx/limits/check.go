package limits

import (
	"fmt"
	"math"
	"slices"
	"time"

	"fovea/onnx"
	"fovea/onnx/pb"
)

const (
	// MostNodes is the largest number of nodes that functions may expand to, or that a loop may be unrolled to.
	MostNodes = 1 << 17
	// MostDepth is the greatest depth of functions that call each other.
	MostDepth = 32

	mostExecutions = 1 << 20         // of nodes inside of loops, in one run
	mostNested     = 1 << 17         // nodes below two levels of bodies, doubled with each level: the runtime reads them so often
	baseTime       = 5 * time.Second // that a run of a model with loops may take
	bytesPerSecond = 1 << 30         // of the budget, which add to that time
	baseBytes      = 512 << 20       // that the results of every model may take together
	growth         = 512             // further bytes for each byte of the file's tensors and of the inputs
)

// Sizes returns the size of a symbolic dimension of an input, or 0 if it is not known.
type Sizes func(symbol string, axis int) int64

// Check returns an error that names the node if the runtime would not survive a model, or if the model asks for memory
// or time out of proportion to its size. It looks into functions, branches and loops. The model must have passed
// [onnx.Check]. sizes may be nil.
func Check(m *pb.ModelProto, sizes Sizes) error {
	w, s := newWalker(m, sizes)
	return w.check(m, s)
}

func (w *walker) check(m *pb.ModelProto, s *scope) error {
	for name, v := range s.values {
		if v.elements() > MostElements {
			return fmt.Errorf("input %s: shape %s has more than %d elements", quoted(name), shapeText(v.dims), MostElements)
		}
	}
	return w.graph(m.GetGraph(), s)
}

// newWalker returns a walker and a scope with the model's inputs.
func newWalker(m *pb.ModelProto, sizes Sizes) (*walker, *scope) {
	w := &walker{functions: map[functionKey]*pb.FunctionProto{}, replaced: map[*pb.NodeProto][]*pb.NodeProto{},
		prefix: "fovea.limits/"}
	g := m.GetGraph()
	w.stored = storedBytes(g)
	for _, f := range m.GetFunctions() {
		w.functions[functionKey{onnx.CanonicalDomain(f.GetDomain()), f.GetName(), f.GetOverload()}] = f
		w.stored += storedBytes(&pb.GraphProto{Node: f.GetNode()})
	}
	w.budget = baseBytes + growth*w.stored
	s := &scope{values: map[string]*value{}, steps: 1}
	stored := map[string]bool{}
	for _, t := range g.GetInitializer() {
		stored[t.GetName()] = true
	}
	for _, in := range g.GetInput() {
		if stored[in.GetName()] {
			continue // before IR version 4 each initializer was listed as an input
		}
		v := inputValue(in, sizes)
		s.values[in.GetName()] = v
		w.budget += growth * v.bytes()
	}
	return w, s
}

// Longest returns the time that one run of a model may take, or 0 for no limit: models without loops end by themselves.
func Longest(m *pb.ModelProto) time.Duration {
	hasLoop := hasLoops(m.GetGraph().GetNode())
	for _, f := range m.GetFunctions() {
		hasLoop = hasLoop || hasLoops(f.GetNode())
	}
	if !hasLoop {
		return 0
	}
	w, _ := newWalker(m, nil)
	return baseTime + time.Duration(w.budget/bytesPerSecond*float64(time.Second))
}

// hasLoops reports whether there is a loop among nodes or the graphs inside of them.
func hasLoops(nodes []*pb.NodeProto) bool {
	return slices.ContainsFunc(nodes, func(n *pb.NodeProto) bool {
		if n.GetOpType() == "Loop" || n.GetOpType() == "Scan" {
			return true
		}
		return slices.ContainsFunc(n.GetAttribute(), func(a *pb.AttributeProto) bool {
			return slices.ContainsFunc(onnx.Subgraphs(a), func(g *pb.GraphProto) bool { return hasLoops(g.GetNode()) })
		})
	})
}

type functionKey struct{ domain, name, overload string }

// A walker adds up what a model asks for.
type walker struct {
	functions map[functionKey]*pb.FunctionProto
	stored    float64 // bytes of the tensors in the file
	budget    float64 // bytes that all results together may have
	results   float64
	expanded  int     // nodes of functions
	nested    float64 // see mostNested
	executed  float64 // nodes inside of loops

	replaced map[*pb.NodeProto][]*pb.NodeProto // see Prepare
	prefix   string
	fresh    int
}

// A scope has the values that nodes may use.
type scope struct {
	outer  *scope
	values map[string]*value
	depth  int     // of bodies
	calls  int     // depth of functions
	steps  float64 // number of times that the nodes run
}

func (s *scope) inner(steps float64) *scope {
	return &scope{outer: s, values: map[string]*value{}, depth: s.depth + 1, calls: s.calls, steps: s.steps * steps}
}

func (s *scope) value(name string) *value {
	for ; s != nil; s = s.outer {
		if v, ok := s.values[name]; ok {
			return v
		}
	}
	return &value{}
}

// storedBytes returns the bytes of the tensors of a graph and of the graphs inside of it.
func storedBytes(g *pb.GraphProto) (sum float64) {
	add := func(t *pb.TensorProto) {
		if n, err := onnx.DataSize(pb.TensorProto_DataType(t.GetDataType()), t.GetDims()); t != nil && err == nil {
			sum += float64(n)
		}
	}
	for _, t := range g.GetInitializer() {
		add(t)
	}
	for _, n := range g.GetNode() {
		for _, a := range n.GetAttribute() {
			add(a.GetT())
			for _, inner := range onnx.Subgraphs(a) {
				sum += storedBytes(inner)
			}
		}
	}
	return sum
}

func (w *walker) graph(g *pb.GraphProto, s *scope) error {
	for _, t := range g.GetInitializer() {
		s.values[t.GetName()] = tensorValue(t)
	}
	return w.nodes(g.GetNode(), s)
}

func (w *walker) nodes(nodes []*pb.NodeProto, s *scope) error {
	for i, n := range nodes {
		if err := w.node(n, s); err != nil {
			if _, inside := err.(*nodeError); inside {
				return err
			}
			return &nodeError{onnx.NodeLabel(i, n), err}
		}
	}
	return nil
}

// A nodeError says at which node of the file something is wrong.
type nodeError struct {
	node string
	err  error
}

func (e *nodeError) Error() string { return e.node + ": " + e.err.Error() }
func (e *nodeError) Unwrap() error { return e.err }

func (w *walker) node(n *pb.NodeProto, s *scope) error {
	if s.depth > 2 {
		if w.nested += math.Ldexp(1, s.depth); w.nested > mostNested {
			return fmt.Errorf("branches and loops are nested too deep, %d levels: export the model without them", s.depth)
		}
	}
	if s.steps > 1 {
		if w.executed += s.steps; w.executed > mostExecutions {
			return fmt.Errorf("a loop around it has too many steps: it would run %.3g times, all nodes of loops "+
				"together at most %d times", s.steps, mostExecutions)
		}
	}
	if err := CheckAttributes(n); err != nil {
		return err
	}
	constant := func(name string) *pb.TensorProto { return s.value(name).tensor }
	if err := CheckConstants(n, constant); err != nil {
		return err
	}
	key := functionKey{onnx.CanonicalDomain(n.GetDomain()), n.GetOpType(), n.GetOverload()}
	if f := w.functions[key]; f != nil {
		return w.call(f, n, s)
	}
	inputs := make([]*value, len(n.GetInput()))
	for i, name := range n.GetInput() {
		inputs[i] = s.value(name)
	}
	if err := w.protect(n, inputs); err != nil {
		return err
	}
	if err := checkRecurrent(n, inputs); err != nil {
		return err
	}
	var results []*value
	var err error
	if slices.ContainsFunc(n.GetAttribute(), func(a *pb.AttributeProto) bool { return len(onnx.Subgraphs(a)) > 0 }) {
		results, err = w.control(n, inputs, s)
	} else {
		results = infer(n, inputs)
	}
	if err != nil {
		return err
	}
	for i, name := range n.GetOutput() {
		v := &value{}
		if i < len(results) && results[i] != nil {
			v = results[i]
		}
		s.values[name] = v
		bytes := v.bytes()
		if w.results += bytes; w.results > w.budget {
			return fmt.Errorf("its result has %v elements, and all results up to it take %.3g GB: "+
				"a model with %.3g MB of weights may have %.3g GB of results",
				shapeText(v.dims), w.results/1e9, w.stored/1e6, w.budget/1e9)
		}
	}
	return nil
}

// call walks a function's body with the values of a call.
func (w *walker) call(f *pb.FunctionProto, n *pb.NodeProto, s *scope) error {
	if s.calls == MostDepth {
		return fmt.Errorf("functions call each other more than %d deep", MostDepth)
	}
	if w.expanded += len(f.GetNode()) + 1; w.expanded > MostNodes {
		return fmt.Errorf("with its functions expanded the model has more than %d nodes and calls", MostNodes)
	}
	body := &scope{values: map[string]*value{}, depth: s.depth, calls: s.calls + 1, steps: s.steps}
	for i, name := range f.GetInput() {
		if i < len(n.GetInput()) {
			body.values[name] = s.value(n.GetInput()[i])
		}
	}
	if err := w.nodes(f.GetNode(), body); err != nil {
		return err
	}
	for i, name := range n.GetOutput() {
		if i < len(f.GetOutput()) {
			s.values[name] = body.value(f.GetOutput()[i])
		}
	}
	return nil
}

// control walks the bodies of an If, Loop or Scan and returns the results as far as they are known.
func (w *walker) control(n *pb.NodeProto, inputs []*value, s *scope) ([]*value, error) {
	steps, err := stepsOf(n, inputs)
	if err != nil {
		return nil, err
	}
	var results []*value
	for _, a := range n.GetAttribute() {
		for _, g := range onnx.Subgraphs(a) {
			inner := s.inner(steps)
			first, carried := 0, math.MaxInt // among the body's outputs
			var given []*value
			switch n.GetOpType() {
			case "Loop":
				given = append([]*value{scalar(pb.TensorProto_INT64), scalar(pb.TensorProto_BOOL)},
					inputs[min(2, len(inputs)):]...)
				first, carried = 1, len(given)-2
			case "Scan":
				given = scanInputs(n, inputs)
				carried = len(given)
			}
			for i, in := range g.GetInput() {
				v := inputValue(in, nil)
				if i < len(given) && given[i].dims != nil {
					v = &value{kind: given[i].kind, dims: given[i].dims}
				}
				inner.values[in.GetName()] = v
			}
			if err := w.graph(g, inner); err != nil {
				return nil, err
			}
			for i, out := range g.GetOutput()[min(first, len(g.GetOutput())):] {
				v := inner.value(out.GetName())
				if v.dims != nil {
					v = &value{kind: v.kind, dims: v.dims} // not the content, which another step or branch may change
					if i >= carried {
						v.dims = append([]float64{steps}, v.dims...)
					}
				}
				if i == len(results) {
					results = append(results, v)
				} else if v.bytes() > results[i].bytes() {
					results[i] = v
				}
			}
		}
	}
	return results, nil
}

// stepsOf returns how often the bodies of a node run at least. It refuses a loop that never ends.
func stepsOf(n *pb.NodeProto, inputs []*value) (float64, error) {
	if n.GetOpType() == "Scan" {
		if l := scanLength(n, inputs); l > 0 {
			return l, nil
		}
	}
	if n.GetOpType() != "Loop" || len(inputs) < 2 {
		return 1, nil
	}
	var body *pb.GraphProto
	for _, a := range n.GetAttribute() {
		if a.GetName() == "body" {
			body = a.GetG()
		}
	}
	if !StaysTrue(body) {
		return 1, nil // as often as the data says
	}
	if limit := inputs[0].ints; len(limit) == 1 {
		return max(float64(limit[0]), 1), nil
	}
	if n.GetInput()[0] == "" {
		return 0, fmt.Errorf("the loop never ends: it has no number of steps, and its condition stays true")
	}
	return 1, nil
}

// StaysTrue reports whether a Loop's condition, its body's first output, is the condition that the step got or a
// constant true.
func StaysTrue(body *pb.GraphProto) bool {
	if len(body.GetInput()) < 2 || len(body.GetOutput()) == 0 {
		return false
	}
	name := body.GetOutput()[0].GetName()
	for range len(body.GetNode()) + 1 {
		if name == body.GetInput()[1].GetName() {
			return true
		}
		if t := onnx.Initializer(body, name); t != nil {
			return isTrue(t)
		}
		i := slices.IndexFunc(body.GetNode(),
			func(n *pb.NodeProto) bool { return slices.Contains(n.GetOutput(), name) })
		if i < 0 {
			return false
		}
		switch n := body.GetNode()[i]; {
		case n.GetOpType() == "Constant":
			return slices.ContainsFunc(n.GetAttribute(), func(a *pb.AttributeProto) bool {
				return a.GetName() == "value" && isTrue(a.GetT()) || a.GetName() == "value_int" && a.GetI() != 0
			})
		case len(n.GetInput()) != 1 || n.GetOpType() != "Identity" && n.GetOpType() != "Cast":
			return false
		default:
			name = n.GetInput()[0]
		}
	}
	return false
}

// isTrue reports whether a tensor has one element, which is not 0.
func isTrue(t *pb.TensorProto) bool {
	n, err := onnx.NumElements(t.GetDims())
	data, err2 := onnx.Data(t)
	return err == nil && err2 == nil && n == 1 && slices.ContainsFunc(data, func(b byte) bool { return b != 0 })
}

// scanLength returns the length of a Scan's sequences, or 0 if it is not known.
func scanLength(n *pb.NodeProto, inputs []*value) float64 {
	a := attributes(n)
	count := int(a.int("num_scan_inputs", 0))
	if count < 1 || count > len(inputs) {
		return 0
	}
	axis := 0
	if axes := a.ints("scan_input_axes"); len(axes) > 0 {
		axis = int(axes[0])
	}
	dims := inputs[len(inputs)-count].dims
	if axis < 0 {
		axis += len(dims)
	}
	if axis < 0 || axis >= len(dims) {
		return 0
	}
	return dims[axis]
}

// scanInputs returns the values that a step of a Scan gets, as far as they are known.
func scanInputs(n *pb.NodeProto, inputs []*value) []*value {
	states := len(inputs) - int(attributes(n).int("num_scan_inputs", 0))
	if states < 0 || states > len(inputs) {
		return nil
	}
	return inputs[:states]
}
