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

// A Trace holds, by name, the type and shape that each value had in one run of a model. For small values at least it
// also holds the data.
type Trace map[string]*pb.TensorProto

// Options decide about the parameters: the float initializers of more than one element, except those that only decide
// shapes, such as the scales of a Resize.
type Options struct {
	// Inputs makes parameters inputs of the graph instead of constants.
	Inputs bool
	// Keep names initializers of one element that count as parameters too.
	Keep []string
}

// A Model is an imported model.
type Model struct {
	Graph  *graphs.Graph            // its outputs are the model's
	Values map[string]*graphs.Value // by name in the model; a value may have several names
}

// Import makes the graph. It refuses a model if one of its nodes cannot be imported, even if no gradient passes that
// node.
func (s *Source) Import(trace Trace, o Options) (*Model, error) {
	b := s.newBuilder(trace)
	for _, in := range s.model.Graph.Input {
		b.addInput(in, dimensions(in))
	}
	if err := b.addInitializers(o); err != nil {
		return nil, err
	}
	return b.build(b.add)
}

type builder struct {
	*Source
	*Model
	trace  Trace
	static map[*graphs.Value]bool // values that depend on shapes and constants alone
}

func (s *Source) newBuilder(trace Trace) *builder {
	g := graphs.Imported(s.model.Graph.GetName(), s.freePrefix(), s.model.GetIrVersion(), s.opsets)
	return &builder{Source: s, Model: &Model{Graph: g, Values: map[string]*graphs.Value{"": nil}}, trace: trace,
		static: map[*graphs.Value]bool{}}
}

func (b *builder) addInput(in *pb.ValueInfoProto, shape []int64) {
	kind := pb.TensorProto_DataType(in.GetType().GetTensorType().GetElemType())
	b.Values[in.GetName()] = b.Graph.Input(in.GetName(), kind, shape...)
}

// build adds each node of the model and names the outputs.
func (b *builder) build(add func(n *pb.NodeProto) error) (*Model, error) {
	for i, n := range b.model.Graph.Node {
		if condition := branching[n.GetOpType()]; condition != "" {
			return nil, &Refusal{onnx.NodeLabel(i, n),
				fmt.Sprintf("its %s depends on what the model's inputs contain; %s", condition, controlFlow)}
		}
		if err := add(n); err != nil {
			return nil, fmt.Errorf("import: %s: %w", onnx.NodeLabel(i, n), err)
		}
	}
	for _, out := range b.model.Graph.Output {
		v := b.Values[out.GetName()]
		if v == nil {
			return nil, fmt.Errorf("import: output %q is no tensor of numbers", out.GetName())
		}
		b.Graph.Output(out.GetName(), v)
	}
	delete(b.Values, "")
	return b.Model, b.Graph.Err()
}

func (b *builder) addInitializers(o Options) error {
	decideShapes := b.shapeDeciding()
	for _, t := range b.model.Graph.Initializer {
		name, kind := t.GetName(), pb.TensorProto_DataType(t.GetDataType())
		if kind == pb.TensorProto_STRING {
			continue // a node that reads strings is refused later
		}
		data, err := onnx.Data(t)
		if err != nil {
			return fmt.Errorf("import: %w", err)
		}
		elements, err := onnx.NumElements(t.GetDims())
		if err != nil {
			return fmt.Errorf("import: initializer %q: %w", name, err)
		}
		parameter := isFloat(kind) && elements > 1 && !decideShapes[name] || slices.Contains(o.Keep, name)
		if parameter && o.Inputs {
			b.Values[name] = b.Graph.Input(name, kind, t.GetDims()...)
		} else {
			b.Values[name] = b.Graph.Initializer(name, kind, t.GetDims(), data)
		}
		b.static[b.Values[name]] = !parameter
	}
	return nil
}

// shapeDeciding marks the values that only decide shapes, directly or through other values: Paddle2ONNX takes maxima of
// shapes in floating point.
func (b *builder) shapeDeciding() map[string]bool {
	out := map[string]bool{}
	for _, v := range b.model.Graph.Output {
		out[v.GetName()] = false
	}
	for _, n := range slices.Backward(b.model.Graph.Node) {
		onlyDecides := !slices.ContainsFunc(n.GetOutput(), func(name string) bool { return !out[name] })
		for i, name := range n.GetInput() {
			decides := onlyDecides || slices.Contains(shapeInputs[n.GetOpType()], i)
			if known, ok := out[name]; !ok || known {
				out[name] = decides
			}
		}
	}
	return out
}

// add imports a node.
func (b *builder) add(n *pb.NodeProto) error {
	node, err := b.newNode(n)
	if err != nil {
		return err
	}
	static := !slices.ContainsFunc(node.Inputs, func(v *graphs.Value) bool { return v != nil && !b.static[v] })
	if node.Domain == "" &&
		(node.Op == "Shape" || node.Op == "Size" || node.Op == "CastLike" && b.static[node.Input(0)]) {
		static = true
	}
	results, err := b.results(n, static)
	if err != nil {
		return err
	}
	if node.Domain == "" {
		if rewritten(node.Op) && (node.Input(0) == nil || len(results) == 0 || results[0] == nil) {
			return errors.New("its first input or output is missing")
		}
		if input, err := unchangedInput(node); input != nil || err != nil {
			b.Values[n.GetOutput()[0]] = input
			b.fillMask(results[1:])
			return err
		}
		if !static && dataShapes[node.Op] {
			return fmt.Errorf("the shape of its result depends on what its input contains")
		}
		for _, i := range shapeInputs[node.Op] {
			if i < len(node.Inputs) && node.Inputs[i] != nil && !b.static[node.Inputs[i]] {
				return fmt.Errorf("input %d, which decides the shape of the result, "+
					"depends on what the model's inputs contain", i)
			}
		}
	}
	if !static {
		if err := checkOperands(node); err != nil {
			return err
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

// newNode returns a node with its attributes and inputs, but without results.
func (b *builder) newNode(n *pb.NodeProto) (*graphs.Node, error) {
	node := &graphs.Node{Op: n.GetOpType(), Domain: onnx.CanonicalDomain(n.GetDomain()), Name: n.GetName()}
	node.Version = b.opsets[node.Domain]
	var err error
	if node.Attributes, err = attributes(n); err != nil {
		return nil, err
	}
	for _, name := range n.GetInput() {
		v, ok := b.Values[name]
		if !ok {
			return nil, fmt.Errorf("input %q is no tensor of numbers", name)
		}
		node.Inputs = append(node.Inputs, v)
	}
	return node, nil
}

// results returns the results of a node with the types and shapes of the trace.
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
		v := &graphs.Value{Name: name, Type: pb.TensorProto_DataType(t.GetDataType()), Shape: slices.Clone(t.GetDims())}
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

// fold replaces results that depend on shapes and constants alone by constants, if the trace has their data.
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

// freePrefix returns a prefix that no name of the model begins with.
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

// dimensions returns the shape of an input whose dimensions are all known.
func dimensions(in *pb.ValueInfoProto) (dims []int64) {
	for _, d := range in.GetType().GetTensorType().GetShape().GetDim() {
		dims = append(dims, d.GetDimValue())
	}
	return dims
}

func isFloat(t pb.TensorProto_DataType) bool {
	return t == graphs.Float32 || t == graphs.Float64
}

func isHalf(t pb.TensorProto_DataType) bool {
	return t == pb.TensorProto_FLOAT16 || t == pb.TensorProto_BFLOAT16
}
