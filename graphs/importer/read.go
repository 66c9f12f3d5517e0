package importer

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"fovea/onnx"
	"fovea/onnx/limits"
	"fovea/onnx/pb"
)

// These are the oldest and newest opset that can be read. Before opset 7 broadcasting was an attribute.
const oldestOpset, newestOpset = 7, 28

// A Source is a model that is ready to be traced and imported.
type Source struct {
	model        *pb.ModelProto
	opsets       map[string]int64
	initializers map[string]*pb.TensorProto
	original     *pb.ModelProto
}

// Sizes bind the symbolic dimensions of a model's inputs.
type Sizes struct {
	Batch int64            // of a symbolic first dimension, and of others with the same symbol
	Named map[string]int64 // of a symbol, such as "height", or of an axis of an input, such as "x:1" for the second of x
}

// withBatch returns the sizes with the symbols of first dimensions among the named ones.
func (s Sizes) withBatch(inputs []*pb.ValueInfoProto) Sizes {
	named := map[string]int64{}
	for _, in := range inputs {
		dims := in.GetType().GetTensorType().GetShape().GetDim()
		if s.Batch > 0 && len(dims) > 0 && dims[0].GetDimParam() != "" {
			named[dims[0].GetDimParam()] = s.Batch
		}
	}
	maps.Copy(named, s.Named)
	return Sizes{Batch: s.Batch, Named: named}
}

// of returns the size of a symbolic dimension, or 0 if there is none.
func (s Sizes) of(symbol string, axis int) int64 {
	if size, ok := s.Named[symbol]; ok {
		return size
	}
	if axis == 0 {
		return s.Batch
	}
	return 0
}

// Read checks a model and rewrites it into inputs of known shapes, initializers that are read, and nodes without
// functions. It does not change m and shares its weights.
func Read(m *pb.ModelProto, sizes Sizes) (*Source, error) {
	if err := onnx.Check(m); err != nil {
		return nil, err
	}
	s := &Source{opsets: map[string]int64{}, initializers: map[string]*pb.TensorProto{}, original: m}
	for _, o := range m.GetOpsetImport() {
		s.opsets[onnx.CanonicalDomain(o.GetDomain())] = o.GetVersion()
	}
	if v := s.opsets[""]; v < oldestOpset || v > newestOpset {
		return nil, fmt.Errorf("import: opset %d of the model is not one of %d to %d: "+
			"convert the model, with onnx.version_converter for example", v, oldestOpset, newestOpset)
	}
	if sparse := m.GetGraph().GetSparseInitializer(); len(sparse) > 0 {
		return nil, fmt.Errorf("import: sparse initializer %q: sparse tensors are not supported",
			sparse[0].GetValues().GetName())
	}
	if len(m.GetGraph().GetOutput()) == 0 {
		return nil, errors.New("import: the model has no output")
	}
	nodes, err := expandFunctions(m, s.opsets)
	if err != nil {
		return nil, err
	}
	s.lowerOpset(nodes, m.GetGraph())
	graph := &pb.GraphProto{Name: m.GetGraph().Name}
	s.model = &pb.ModelProto{IrVersion: proto.Int64(max(m.GetIrVersion(), 4)), Graph: graph}
	for _, t := range m.GetGraph().GetInitializer() {
		s.addInitializer(t)
	}
	if graph.Node, err = s.addNodes(nodes); err != nil {
		return nil, err
	}
	// Before IR version 4 each initializer was listed as an input.
	inputs := slices.DeleteFunc(slices.Clone(m.GetGraph().GetInput()),
		func(in *pb.ValueInfoProto) bool { return s.initializers[in.GetName()] != nil })
	sizes = sizes.withBatch(inputs)
	for _, in := range inputs {
		bound, err := bind(in, sizes)
		if err != nil {
			return nil, err
		}
		graph.Input = append(graph.Input, bound)
	}
	if err := limits.Check(m, sizes.of); err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	for _, out := range m.GetGraph().GetOutput() {
		graph.Output = append(graph.Output, &pb.ValueInfoProto{Name: out.Name})
	}
	read := map[string]bool{}
	for _, out := range graph.Output {
		read[out.GetName()] = true
	}
	addRead(read, graph.Node)
	graph.Initializer = slices.DeleteFunc(graph.Initializer, func(t *pb.TensorProto) bool { return !read[t.GetName()] })
	for _, domain := range slices.Sorted(maps.Keys(s.opsets)) {
		s.model.OpsetImport = append(s.model.OpsetImport,
			&pb.OperatorSetIdProto{Domain: proto.String(domain), Version: proto.Int64(s.opsets[domain])})
	}
	return s, nil
}

// runnableOpset is the newest opset that all supported versions of the runtime have kernels for.
const runnableOpset = 25

// lowerOpset declares runnableOpset for a model of a newer one whose operators are all those of that opset. Since then
// operators got more types, and a few a new meaning.
func (s *Source) lowerOpset(nodes []*pb.NodeProto, g *pb.GraphProto) {
	if s.opsets[""] > runnableOpset && !slices.ContainsFunc(nodes, func(n *pb.NodeProto) bool { return isNew(n, g) }) {
		s.opsets[""] = runnableOpset
	}
}

// isNew reports whether a node of a graph, or one inside of it, means something in opset 26 to 28 that it does not in
// runnableOpset.
func isNew(n *pb.NodeProto, g *pb.GraphProto) bool {
	attribute := func(name string) *pb.AttributeProto {
		i := slices.IndexFunc(n.GetAttribute(), func(a *pb.AttributeProto) bool { return a.GetName() == name })
		if i < 0 {
			return nil
		}
		return n.Attribute[i]
	}
	if onnx.CanonicalDomain(n.GetDomain()) == "" {
		switch n.GetOpType() {
		case "BitCast", "CumProd", "CausalConvWithState", "LinearAttention", "SwiGLU":
			return true
		case "Mod": // of floats, where it is not C's
			divisor := onnx.Initializer(g, inputName(n, 1))
			return attribute("fmod").GetI() == 0 && (divisor == nil || isFloat(pb.TensorProto_DataType(divisor.GetDataType())))
		case "SpaceToDepth":
			return attribute("mode") != nil
		case "Range":
			return attribute("stash_type") != nil
		}
	}
	return slices.ContainsFunc(n.GetAttribute(), func(a *pb.AttributeProto) bool {
		return slices.ContainsFunc(a.GetG().GetNode(), func(n *pb.NodeProto) bool { return isNew(n, a.GetG()) })
	})
}

// addRead adds the names of the values that nodes read, also inside of branches.
func addRead(names map[string]bool, nodes []*pb.NodeProto) {
	for _, n := range nodes {
		for _, name := range n.GetInput() {
			names[name] = true
		}
		for _, a := range n.GetAttribute() {
			addRead(names, a.GetG().GetNode())
			for _, out := range a.GetG().GetOutput() {
				names[out.GetName()] = true
			}
		}
	}
}

func (s *Source) addInitializer(t *pb.TensorProto) {
	s.initializers[t.GetName()] = t
	s.model.Graph.Initializer = append(s.model.Graph.Initializer, t)
}

// addNodes refuses nodes that cannot be imported, turns Constant nodes into initializers and returns the other nodes.
func (s *Source) addNodes(nodes []*pb.NodeProto) (kept []*pb.NodeProto, err error) {
	for i, n := range nodes {
		if err := refuse(i, n); err != nil {
			return nil, err
		}
		if n.GetOpType() != "Constant" || onnx.CanonicalDomain(n.GetDomain()) != "" {
			kept = append(kept, n)
			continue
		}
		t, err := constantTensor(n)
		if err != nil {
			return nil, fmt.Errorf("import: %s: %w", onnx.NodeLabel(i, n), err)
		}
		s.addInitializer(t)
	}
	for i, n := range nodes {
		if err := errors.Join(limits.CheckAttributes(n), limits.CheckConstants(n, s.initializer)); err != nil {
			return nil, fmt.Errorf("import: %s: %w", onnx.NodeLabel(i, n), err)
		}
	}
	for i, n := range kept {
		if len(n.GetInput()) > 1 {
			kept[i] = limits.WithKernel(n, s.initializer(n.GetInput()[1]).GetDims())
		}
	}
	return kept, nil
}

func (s *Source) initializer(name string) *pb.TensorProto { return s.initializers[name] }

// Model returns the model as it was read: functions are expanded, constants are initializers, and an If that was
// decided is the branch taken. Symbolic dimensions stay open.
func (s *Source) Model() *pb.ModelProto {
	graph := s.original.GetGraph()
	isInitializer := func(v *pb.ValueInfoProto) bool { return s.initializers[v.GetName()] != nil }
	return &pb.ModelProto{IrVersion: s.model.IrVersion, OpsetImport: s.model.OpsetImport, Graph: &pb.GraphProto{
		Name: graph.Name, Node: s.model.Graph.Node, Initializer: s.model.Graph.Initializer,
		Input: slices.DeleteFunc(slices.Clone(graph.GetInput()), isInitializer), Output: graph.GetOutput()}}
}

// Observed returns the model with every value that a node makes as an output. One run of it gives the trace. The types
// and shapes of the outputs are left open.
func (s *Source) Observed() *pb.ModelProto {
	graph := &pb.GraphProto{Name: s.model.Graph.Name, Node: s.model.Graph.Node, Input: s.model.Graph.Input,
		Initializer: s.model.Graph.Initializer}
	for _, n := range graph.Node {
		for _, name := range n.GetOutput() {
			if name != "" {
				graph.Output = append(graph.Output, &pb.ValueInfoProto{Name: proto.String(name)})
			}
		}
	}
	return &pb.ModelProto{IrVersion: s.model.IrVersion, OpsetImport: s.model.OpsetImport, Graph: graph}
}

// bind replaces the symbolic dimensions of an input by their sizes.
func bind(in *pb.ValueInfoProto, sizes Sizes) (*pb.ValueInfoProto, error) {
	tensor := in.GetType().GetTensorType()
	if tensor == nil || tensor.GetShape() == nil {
		return nil, fmt.Errorf("import: input %q is no tensor of known rank: "+
			"export the model with the shapes of its inputs", in.GetName())
	}
	dims := []int64{}
	for i, d := range tensor.GetShape().GetDim() {
		size, symbol := d.GetDimValue(), d.GetDimParam()
		if _, fixed := d.GetValue().(*pb.TensorShapeProto_Dimension_DimValue); !fixed || size < 0 {
			axis := fmt.Sprintf("%s:%d", in.GetName(), i)
			var ok bool
			if size, ok = sizes.Named[axis]; !ok && symbol != "" {
				size, ok = sizes.Named[symbol]
			}
			if !ok && i == 0 {
				size, ok = sizes.Batch, sizes.Batch > 0
			}
			if !ok {
				kind := fmt.Sprintf("is symbolic (%q) and has", symbol)
				if symbol == "" {
					kind = "has no name and"
				}
				return nil, fmt.Errorf("import: input %q: dimension %d %s no size: give it one with -dim %s=N%s",
					in.GetName(), i, kind, cmp.Or(symbol, axis), sizes.known())
			}
		}
		dims = append(dims, size)
	}
	if n, err := onnx.NumElements(dims); err != nil || n > limits.MostElements {
		return nil, fmt.Errorf("import: input %q: shape %v has more than %d elements", in.GetName(), dims,
			limits.MostElements)
	}
	return onnx.NewValueInfo(in.GetName(), pb.TensorProto_DataType(tensor.GetElemType()), dims), nil
}

// known lists, for an error, what has a size.
func (s Sizes) known() string {
	if len(s.Named) == 0 {
		return ""
	}
	return "; sizes are given for: " + strings.Join(slices.Sorted(maps.Keys(s.Named)), ", ")
}

// constantTensor returns the tensor of a Constant node under the name of its output.
func constantTensor(n *pb.NodeProto) (*pb.TensorProto, error) {
	if len(n.GetOutput()) != 1 || len(n.GetAttribute()) != 1 {
		return nil, fmt.Errorf("a constant has one output and one attribute")
	}
	a, name := n.GetAttribute()[0], n.GetOutput()[0]
	tensor := func(t pb.TensorProto_DataType, dims []int64) *pb.TensorProto {
		return &pb.TensorProto{Name: &name, DataType: proto.Int32(int32(t)), Dims: dims}
	}
	var t *pb.TensorProto
	switch a.GetName() {
	case "value":
		if a.GetT() == nil {
			return nil, fmt.Errorf("attribute value is no tensor")
		}
		t = tensor(pb.TensorProto_DataType(a.GetT().GetDataType()), a.GetT().GetDims())
		data, err := onnx.Data(a.GetT())
		if err != nil {
			return nil, err
		}
		return t, onnx.SetData(t, data)
	case "value_int":
		t = tensor(pb.TensorProto_INT64, nil)
		t.Int64Data = []int64{a.GetI()}
	case "value_ints":
		t = tensor(pb.TensorProto_INT64, []int64{int64(len(a.GetInts()))})
		t.Int64Data = a.GetInts()
	case "value_float":
		t = tensor(pb.TensorProto_FLOAT, nil)
		t.FloatData = []float32{a.GetF()}
	case "value_floats":
		t = tensor(pb.TensorProto_FLOAT, []int64{int64(len(a.GetFloats()))})
		t.FloatData = a.GetFloats()
	default:
		return nil, fmt.Errorf("a constant in the form %s is not supported", a.GetName())
	}
	return t, nil
}

// Initializer returns the data of an initializer or of a Constant node, by name.
func (s *Source) Initializer(name string) (data []byte, ok bool) {
	if t := s.initializers[name]; t != nil {
		data, err := onnx.Data(t)
		return data, err == nil
	}
	return nil, false
}

// inputName returns the name of input i of a node, empty if it is absent.
func inputName(n *pb.NodeProto, i int) string {
	if i >= len(n.GetInput()) {
		return ""
	}
	return n.Input[i]
}
