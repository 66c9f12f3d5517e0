package graphs

import (
	"fmt"
	"slices"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// Element types under short names.
const (
	Float32 = pb.TensorProto_FLOAT
	Float64 = pb.TensorProto_DOUBLE
	Int64   = pb.TensorProto_INT64
	Bool    = pb.TensorProto_BOOL
)

// Dynamic is the size of a dimension that is known only when the model runs.
const Dynamic int64 = -1

// Microsoft is the domain of ONNX Runtime's own operators.
const Microsoft = "com.microsoft"

// A Value is an input, a constant or a result of a node.
type Value struct {
	Name  string
	Type  pb.TensorProto_DataType
	Shape []int64

	node *Node  // the node that makes it; nil for inputs and constants
	data []byte // little-endian elements of a constant; nil otherwise
}

// Producer returns the node that makes v, or nil if v is an input or a constant, or absent.
func (v *Value) Producer() *Node {
	if v == nil {
		return nil
	}
	return v.node
}

// Rank returns the number of dimensions.
func (v *Value) Rank() int { return len(v.Shape) }

// Len returns the number of elements, or Dynamic if a dimension is Dynamic.
func (v *Value) Len() int64 { return product(v.Shape) }

// Bytes returns the memory that v needs, or 0 if v is absent, a dimension is Dynamic or the elements have no fixed size.
func (v *Value) Bytes() int64 {
	if v == nil {
		return 0
	}
	n, err := onnx.DataSize(v.Type, v.Shape)
	if err != nil {
		return 0
	}
	return n
}

// views lists the operators whose result shares the memory of their input.
var views = map[string]bool{"Reshape": true, "Squeeze": true, "Unsqueeze": true, "Flatten": true, "Identity": true}

// Stored returns the value whose memory v shares.
func (v *Value) Stored() *Value {
	for v != nil && v.node != nil && v.node.Domain == "" && views[v.node.Op] {
		v = v.node.Inputs[0]
	}
	return v
}

// String returns the name with type and shape, such as "x float32[8,16]".
func (v *Value) String() string {
	if v == nil {
		return "(absent)"
	}
	return v.Name + " " + typeName(v.Type) + shapeString(v.Shape)
}

// A Node applies an operator. An absent optional input or output is nil.
type Node struct {
	Op, Domain string
	Name       string // in the imported model, or empty
	Version    int64  // of the domain's operators in the imported model; 0 stands for Opset of the domain
	Inputs     []*Value
	Outputs    []*Value
	Attributes Attributes

	FullPrecision bool // the node and its gradient stay in float32 when the graph changes to mixed precision
}

// Attributes holds the attributes of a node by name: int64, float32, string, []int64, []float32, []string or
// *pb.TensorProto.
type Attributes map[string]any

// Int returns an integer attribute, or otherwise if the node has none of that name.
func (a Attributes) Int(name string, otherwise int64) int64 {
	if v, ok := a[name].(int64); ok {
		return v
	}
	return otherwise
}

// Float returns a float attribute, or otherwise if the node has none of that name.
func (a Attributes) Float(name string, otherwise float32) float32 {
	if v, ok := a[name].(float32); ok {
		return v
	}
	return otherwise
}

// Ints returns an attribute that lists integers, or nil if the node has none of that name.
func (a Attributes) Ints(name string) []int64 {
	v, _ := a[name].([]int64)
	return v
}

// A Graph holds nodes in an order in which they can run.
type Graph struct {
	Name    string
	Inputs  []*Value
	Outputs []*Value
	Nodes   []*Node

	names     map[string]bool
	constants map[string]*Value // by type, shape and elements
	prefix    string            // of the names that the graph makes
	ir        int64             // lowest IR version of the model, see Imported
	opsets    map[string]int64  // lowest operator versions by domain
	err       error
}

// New starts an empty graph.
func New(name string) *Graph {
	return &Graph{Name: name, names: map[string]bool{}, constants: map[string]*Value{}}
}

// Err returns the first mistake made while building, or nil.
func (g *Graph) Err() error { return g.err }

func (g *Graph) fail(format string, args ...any) {
	if g.err == nil {
		g.err = fmt.Errorf("graph %s: %w", g.Name, fmt.Errorf(format, args...))
	}
}

// Input adds a graph input.
func (g *Graph) Input(name string, t pb.TensorProto_DataType, shape ...int64) *Value {
	if g.names[name] {
		g.fail("input %q: the name is taken", name)
	}
	g.names[name] = true
	v := &Value{Name: name, Type: t, Shape: slices.Clone(shape)}
	g.Inputs = append(g.Inputs, v)
	return v
}

// Output names v and makes it a graph output. If v already has another name from outside (an input, a constant, another
// output), an Identity passes it on.
func (g *Graph) Output(name string, v *Value) *Value {
	known := slices.Contains(g.Outputs, v)
	if g.names[name] && (v.Name != name || known) {
		g.fail("output %q: the name is taken", name)
		return v
	}
	if v.node == nil && v.Name != name || known {
		v = g.Apply("Identity", nil, v)
	}
	g.rename(v, name)
	g.Outputs = append(g.Outputs, v)
	return v
}

func (g *Graph) rename(v *Value, name string) {
	delete(g.names, v.Name)
	v.Name = name
	g.names[name] = true
}

// Apply adds a node of the ai.onnx domain with one output.
func (g *Graph) Apply(op string, attributes Attributes, inputs ...*Value) *Value {
	return g.ApplyN(1, "", op, attributes, inputs...)[0]
}

// ApplyN adds a node with n outputs and infers their types and shapes. After a mistake it returns scalars, so that
// building can go on until Err is asked.
func (g *Graph) ApplyN(n int, domain, op string, attributes Attributes, inputs ...*Value) []*Value {
	node := &Node{Op: op, Domain: domain, Inputs: slices.Clone(inputs), Attributes: attributes}
	var results []Value
	if g.err == nil {
		var err error
		if results, err = infer(node, n); err != nil {
			g.fail("%s: %w", node, err)
		}
	}
	if g.err != nil {
		results = make([]Value, n)
		for i := range results {
			results[i].Type = Float32
		}
	}
	for i := range results {
		v := &Value{Name: g.fresh(op), Type: results[i].Type, Shape: results[i].Shape, node: node}
		node.Outputs = append(node.Outputs, v)
	}
	g.Nodes = append(g.Nodes, node)
	return node.Outputs
}

// fresh returns an unused name for a result of op.
func (g *Graph) fresh(op string) string {
	for i := len(g.names); ; i++ {
		name := fmt.Sprintf("%s%s_%d", g.prefix, op, i)
		if !g.names[name] {
			g.names[name] = true
			return name
		}
	}
}

// Input returns input i of a node, or nil if it is absent.
func (n *Node) Input(i int) *Value {
	if i >= len(n.Inputs) {
		return nil
	}
	return n.Inputs[i]
}

// Opset returns the version of the domain's operators that the node is written in.
func (n *Node) Opset() int64 {
	if n.Version != 0 {
		return n.Version
	}
	return Opset(n.Domain)
}

// String returns the operator with its inputs, for error messages.
func (n *Node) String() string {
	s := n.Op + "("
	if n.Name != "" {
		s = fmt.Sprintf("node %q: ", n.Name) + s
	}
	for i, v := range n.Inputs {
		if i > 0 {
			s += ", "
		}
		s += v.String()
	}
	return s + ")"
}
