package inspect

import (
	"fmt"
	"maps"
	"slices"

	"fovea/graphs/autodiff"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// A Model holds the structure of an ONNX model.
type Model struct {
	Producer   string            `json:"producer"`
	IR         int64             `json:"ir_version"`
	Opsets     map[string]int64  `json:"opsets"`   // by domain, the standard's is ""
	External   map[string]int64  `json:"external"` // bytes of data files, by location
	Metadata   map[string]string `json:"metadata"`
	Inputs     []Value           `json:"inputs"` // without initializers that are listed as inputs
	Outputs    []Value           `json:"outputs"`
	Nodes      int               `json:"nodes"`       // of the graph itself
	InnerNodes int               `json:"inner_nodes"` // of functions, branches and loops
	Operators  []Operator        `json:"operators"`   // the most frequent first
	Parameters Tally             `json:"parameters"`
	Statistics Tally             `json:"statistics"` // of the parameters, means and variances of BatchNormalization
	Constants  Tally             `json:"constants"`  // other stored tensors
	Measured   *Measured         `json:"measured,omitempty"`
	Unmeasured string            `json:"unmeasured,omitempty"` // reason why it is not measured
	Tensors    []Value           `json:"tensors,omitempty"`    // initializers of the graph itself
	List       []Node            `json:"list,omitempty"`       // of the file, or of the imported graph if measured
}

// An Operator sums up the nodes of one operator.
type Operator struct {
	Op           string   `json:"op"`
	Domain       string   `json:"domain"`
	Count        int      `json:"count"`
	Gradient     Gradient `json:"gradient"`
	Parameters   int64    `json:"parameters"`    // elements of those that it reads first
	MultiplyAdds int64    `json:"multiply_adds"` // 0 if the model is not measured
}

// A Gradient says whether a gradient passes an operator.
type Gradient string

const (
	HasRule   Gradient = "rule"
	NotNeeded Gradient = "not needed" // its results are constant or no floating-point numbers
	NoRule    Gradient = "no rule"
)

// needsNoRule lists operators without a rule that need none: no gradient passes them, or package importer replaces
// them.
var needsNoRule = []string{"Constant", "ConstantOfShape", "Shape", "Size", "Range", "EyeLike", "ArgMax", "ArgMin",
	"NonZero",
	"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Not", "Xor", "IsNaN", "IsInf",
	"Dropout", "Flatten", "Unsqueeze", "Upsample", "Scatter"}

func gradientOf(domain, op string) Gradient {
	switch {
	case autodiff.HasRule(domain, op):
		return HasRule
	case domain == "" && slices.Contains(needsNoRule, op):
		return NotNeeded
	}
	return NoRule
}

// readModel sets r.Model and the scopes of its nodes.
func (r *Report) readModel() error {
	file, err := onnx.Open(r.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	p := file.Proto
	m := &Model{Producer: p.GetProducerName(), IR: p.GetIrVersion(), Opsets: map[string]int64{},
		External: file.External, Metadata: map[string]string{}}
	r.Model = m
	if v := p.GetProducerVersion(); v != "" {
		m.Producer += " " + v
	}
	for _, o := range p.GetOpsetImport() {
		m.Opsets[onnx.CanonicalDomain(o.GetDomain())] = o.GetVersion()
	}
	for _, e := range p.GetMetadataProps() {
		m.Metadata[e.GetKey()] = e.GetValue()
	}
	stored := map[string]bool{}
	for _, t := range p.GetGraph().GetInitializer() {
		stored[t.GetName()] = true
		kind := onnx.TypeName(pb.TensorProto_DataType(t.GetDataType()))
		m.Tensors = append(m.Tensors, Value{t.GetName(), kind, sizes(t.GetDims())})
	}
	for _, v := range p.GetGraph().GetInput() {
		if !stored[v.GetName()] {
			m.Inputs = append(m.Inputs, declared(v))
		}
	}
	for _, v := range p.GetGraph().GetOutput() {
		m.Outputs = append(m.Outputs, declared(v))
	}
	m.Nodes = len(p.GetGraph().GetNode())
	m.InnerNodes = -m.Nodes
	parts := []*pb.GraphProto{p.GetGraph()}
	for _, f := range p.GetFunctions() {
		parts = append(parts, &pb.GraphProto{Node: f.GetNode()})
	}
	parameters := map[string]int64{} // elements by name
	for _, g := range parts {
		var b body
		b.walk(g)
		m.InnerNodes += len(b.nodes)
		maps.Copy(parameters, m.count(&b))
	}
	slices.SortStableFunc(m.Operators, func(a, b Operator) int { return b.Count - a.Count })
	r.scopes = scopesOf(p.GetGraph().GetNode())
	m.List = listNodes(p.GetGraph().GetNode(), parameters, r.scopes)
	return nil
}

// count adds a body's stored tensors and nodes to the model's tallies. It returns the number of elements of each
// parameter.
func (m *Model) count(b *body) map[string]int64 {
	statistics, shapeOnly := b.readers()
	parameters := map[string]int64{}
	for _, t := range b.stored {
		name, kind := t.GetName(), pb.TensorProto_DataType(t.GetDataType())
		n, _ := onnx.NumElements(t.GetDims())
		bytes, _ := onnx.DataSize(kind, t.GetDims()) // of strings 0
		switch {
		case !isFloat(kind) || n < 2 || shapeOnly[name]:
			m.Constants.add(n, bytes)
			continue
		case statistics[name]:
			m.Statistics.add(n, bytes)
		}
		m.Parameters.add(n, bytes)
		parameters[name] = n
	}
	for _, n := range listNodes(b.nodes, parameters, nil) {
		i := m.operator(n.Domain, n.Op)
		if i < 0 {
			i = len(m.Operators)
			m.Operators = append(m.Operators, Operator{Op: n.Op, Domain: n.Domain,
				Gradient: gradientOf(n.Domain, n.Op)})
		}
		m.Operators[i].Count++
		m.Operators[i].Parameters += n.Parameters
	}
	return parameters
}

// operator returns the index of an operator in m.Operators, or -1.
func (m *Model) operator(domain, op string) int {
	return slices.IndexFunc(m.Operators, func(o Operator) bool { return o.Op == op && o.Domain == domain })
}

// declared returns an input or output as the file declares it.
func declared(v *pb.ValueInfoProto) Value {
	tensor := v.GetType().GetTensorType()
	if tensor == nil {
		return Value{Name: v.GetName(), Type: "no tensor"}
	}
	out := Value{Name: v.GetName(), Type: onnx.TypeName(pb.TensorProto_DataType(tensor.GetElemType()))}
	if tensor.GetShape() == nil {
		return out
	}
	out.Shape = []any{}
	for _, d := range tensor.GetShape().GetDim() {
		switch d.GetValue().(type) {
		case *pb.TensorShapeProto_Dimension_DimValue:
			out.Shape = append(out.Shape, d.GetDimValue())
		case *pb.TensorShapeProto_Dimension_DimParam:
			out.Shape = append(out.Shape, d.GetDimParam())
		default:
			out.Shape = append(out.Shape, "?")
		}
	}
	return out
}

func isFloat(t pb.TensorProto_DataType) bool {
	return slices.Contains([]pb.TensorProto_DataType{pb.TensorProto_FLOAT, pb.TensorProto_DOUBLE,
		pb.TensorProto_FLOAT16, pb.TensorProto_BFLOAT16}, t)
}

// title returns an operator's name, with its domain if it is not the standard's.
func (o Operator) title() string {
	if o.Domain == "" {
		return o.Op
	}
	return fmt.Sprintf("%s (%s)", o.Op, o.Domain)
}
