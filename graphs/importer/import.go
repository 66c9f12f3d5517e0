package importer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"fovea/graphs"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// A Trace holds, by name, what one run of a model saw of each value: type,
// shape and, for small values at least, the content.
type Trace map[string]*pb.TensorProto

// Options say what becomes of the parameters: the float initializers of more
// than one element, but for those that only decide shapes, such as the scales of
// a Resize.
type Options struct {
	// Inputs makes parameters inputs of the graph instead of constants.
	Inputs bool
	// Keep names initializers of one element that count as parameters too.
	Keep []string
}

// A Model is an imported model.
type Model struct {
	Graph  *graphs.Graph            // its outputs are the model's
	Values map[string]*graphs.Value // by their names in the model, of which a value may have several
}

// Import makes the graph. It must be possible for every node of the source,
// whether a gradient passes it or not.
func (s *Source) Import(trace Trace, o Options) (*Model, error) {
	graph := s.model.Graph
	g := graphs.Imported(graph.GetName(), s.freePrefix(), s.model.GetIrVersion(), s.opsets)
	b := &builder{Source: s, Model: &Model{Graph: g, Values: map[string]*graphs.Value{"": nil}}, trace: trace,
		static: map[*graphs.Value]bool{}}
	for _, in := range graph.Input {
		tensor := in.GetType().GetTensorType()
		var shape []int64
		for _, d := range tensor.GetShape().GetDim() {
			shape = append(shape, d.GetDimValue())
		}
		b.Values[in.GetName()] = g.Input(in.GetName(), pb.TensorProto_DataType(tensor.GetElemType()), shape...)
	}
	if err := b.addInitializers(o); err != nil {
		return nil, err
	}
	for i, n := range graph.Node {
		if what := branching[n.GetOpType()]; what != "" {
			return nil, &Refusal{label(i, n), fmt.Sprintf("its %s depends on what the model's inputs contain; %s", what, controlFlow)}
		}
		if err := b.add(n); err != nil {
			return nil, fmt.Errorf("import: %s: %w", label(i, n), err)
		}
	}
	for _, out := range graph.Output {
		v := b.Values[out.GetName()]
		if v == nil {
			return nil, fmt.Errorf("import: output %q is no tensor of numbers", out.GetName())
		}
		g.Output(out.GetName(), v)
	}
	delete(b.Values, "")
	return b.Model, g.Err()
}

type builder struct {
	*Source
	*Model
	trace  Trace
	static map[*graphs.Value]bool // values that depend on shapes and constants alone
}

func (b *builder) addInitializers(o Options) error {
	numbers := b.formal()
	for _, t := range b.model.Graph.Initializer {
		name, kind := t.GetName(), pb.TensorProto_DataType(t.GetDataType())
		if kind == pb.TensorProto_STRING {
			continue // nothing with a gradient reads strings; a node that does is refused
		}
		data, err := onnx.Data(t)
		if err != nil {
			return fmt.Errorf("import: %w", err)
		}
		elements, err := onnx.NumElements(t.GetDims())
		if err != nil {
			return fmt.Errorf("import: initializer %q: %w", name, err)
		}
		parameter := isFloat(kind) && elements > 1 && !numbers[name] || slices.Contains(o.Keep, name)
		if parameter && o.Inputs {
			b.Values[name] = b.Graph.Input(name, kind, t.GetDims()...)
		} else {
			b.Values[name] = b.Graph.Initializer(name, kind, t.GetDims(), data)
		}
		b.static[b.Values[name]] = !parameter
	}
	return nil
}

// formal lists the values that only decide shapes, by themselves or by what is
// computed of them: Paddle2ONNX takes maxima of shapes in floating point.
func (b *builder) formal() map[string]bool {
	out := map[string]bool{}
	for _, v := range b.model.Graph.Output {
		out[v.GetName()] = false
	}
	for _, n := range slices.Backward(b.model.Graph.Node) {
		through := !slices.ContainsFunc(n.GetOutput(), func(name string) bool { return !out[name] })
		for i, name := range n.GetInput() {
			decides := through || slices.Contains(shapeInputs[n.GetOpType()], i)
			if known, ok := out[name]; !ok || known {
				out[name] = decides
			}
		}
	}
	return out
}

// add imports a node.
func (b *builder) add(n *pb.NodeProto) error {
	node := &graphs.Node{Op: n.GetOpType(), Domain: onnx.CanonicalDomain(n.GetDomain()), Name: n.GetName()}
	node.Version = b.opsets[node.Domain]
	var err error
	if node.Attributes, err = attributes(n); err != nil {
		return err
	}
	static := true
	for _, name := range n.GetInput() {
		v, ok := b.Values[name]
		if !ok {
			return fmt.Errorf("input %q is not a tensor with a gradient or a shape", name)
		}
		node.Inputs = append(node.Inputs, v)
		static = static && (v == nil || b.static[v])
	}
	if node.Domain == "" && (node.Op == "Shape" || node.Op == "Size" || node.Op == "CastLike" && b.static[inputOf(node, 0)]) {
		static = true
	}
	results, err := b.results(n, static)
	if err != nil {
		return err
	}
	if node.Domain == "" {
		if rewritten(node.Op) && (len(node.Inputs) == 0 || node.Inputs[0] == nil || len(results) == 0 || results[0] == nil) {
			return errors.New("its first input or output is missing")
		}
		if passed, err := passedOn(node); passed != nil || err != nil {
			b.Values[n.GetOutput()[0]] = passed
			b.keepAll(results[1:])
			return err
		}
		if !static && dataShapes[node.Op] {
			return fmt.Errorf("the shape of its result depends on what its input contains")
		}
		for _, i := range shapeInputs[node.Op] {
			if i < len(node.Inputs) && node.Inputs[i] != nil && !b.static[node.Inputs[i]] {
				return fmt.Errorf("input %d, which decides the shape of the result, depends on what the model's inputs contain", i)
			}
		}
	}
	if static && b.fold(results) {
		return nil
	}
	if node.Domain == "" {
		if results, err = b.modernise(node, results); err != nil {
			return err
		}
	}
	for _, v := range b.Graph.Append(node, results...) {
		if v != nil {
			b.Values[v.Name], b.static[v] = v, static
		}
	}
	return nil
}

// results declares what a node makes as the trace saw it.
func (b *builder) results(n *pb.NodeProto, static bool) ([]*graphs.Value, error) {
	var out []*graphs.Value
	for _, name := range n.GetOutput() {
		if name == "" {
			out = append(out, nil)
			continue
		}
		t := b.trace[name]
		if t == nil {
			return nil, fmt.Errorf("result %q is not in the trace", name)
		}
		v := &graphs.Value{Name: name, Type: pb.TensorProto_DataType(t.GetDataType()), Shape: t.GetDims()}
		switch {
		case v.Type == pb.TensorProto_UNDEFINED || v.Type == pb.TensorProto_STRING:
			return nil, fmt.Errorf("result %q: %s", name, sequences)
		case !static && isHalf(v.Type):
			return nil, fmt.Errorf("result %q is %s: models in half precision are not supported, export it in float32",
				name, onnx.TypeName(v.Type))
		}
		out = append(out, v)
	}
	return out, nil
}

// fold replaces results that depend on shapes and constants alone by what the
// trace saw, if it kept that.
func (b *builder) fold(results []*graphs.Value) bool {
	for _, v := range results {
		if v != nil && b.trace[v.Name].GetRawData() == nil {
			return false
		}
	}
	for _, v := range results {
		if v != nil {
			c := b.Graph.Constant(v.Type, v.Shape, b.trace[v.Name].GetRawData())
			b.Values[v.Name], b.static[c] = c, true
		}
	}
	return true
}

func attributes(n *pb.NodeProto) (graphs.Attributes, error) {
	out := graphs.Attributes{}
	for _, a := range n.GetAttribute() {
		switch a.GetType() {
		case pb.AttributeProto_INT:
			out[a.GetName()] = a.GetI()
		case pb.AttributeProto_FLOAT:
			out[a.GetName()] = a.GetF()
		case pb.AttributeProto_STRING:
			out[a.GetName()] = string(a.GetS())
		case pb.AttributeProto_INTS:
			out[a.GetName()] = a.GetInts()
		case pb.AttributeProto_FLOATS:
			out[a.GetName()] = a.GetFloats()
		case pb.AttributeProto_TENSOR:
			out[a.GetName()] = a.GetT()
		case pb.AttributeProto_STRINGS:
			var list []string
			for _, s := range a.GetStrings() {
				list = append(list, string(s))
			}
			out[a.GetName()] = list
		default:
			return nil, fmt.Errorf("attribute %q of type %s is not supported", a.GetName(), a.GetType())
		}
	}
	return out, nil
}

// freePrefix is what no name of the model begins with.
func (s *Source) freePrefix() string {
	prefix := "fovea/"
	taken := func() bool {
		for _, n := range s.model.Graph.Node {
			if slices.ContainsFunc(n.GetOutput(), func(name string) bool { return strings.HasPrefix(name, prefix) }) {
				return true
			}
		}
		for _, v := range slices.Concat(s.model.Graph.Input, s.model.Graph.Output) {
			if strings.HasPrefix(v.GetName(), prefix) {
				return true
			}
		}
		for name := range s.initializers {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		}
		return false
	}
	for taken() {
		prefix = "_" + prefix
	}
	return prefix
}

func isFloat(t pb.TensorProto_DataType) bool {
	return t == graphs.Float32 || t == graphs.Float64
}

func isHalf(t pb.TensorProto_DataType) bool {
	return t == pb.TensorProto_FLOAT16 || t == pb.TensorProto_BFLOAT16
}
