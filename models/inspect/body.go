package inspect

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// A body holds the nodes of a graph or a function, with those of the graphs inside of it, and the tensors that they
// store.
type body struct {
	nodes  []*pb.NodeProto
	stored []*pb.TensorProto // those of Constant nodes have the name of the result
}

func (b *body) walk(g *pb.GraphProto) {
	b.stored = append(b.stored, g.GetInitializer()...)
	for _, s := range g.GetSparseInitializer() {
		b.stored = append(b.stored, s.GetValues())
	}
	for _, n := range g.GetNode() {
		b.nodes = append(b.nodes, n)
		for _, a := range n.GetAttribute() {
			if t := a.GetT(); t != nil && n.GetOpType() == "Constant" && len(n.GetOutput()) == 1 {
				b.stored = append(b.stored, &pb.TensorProto{Name: proto.String(n.GetOutput()[0]), DataType: t.DataType,
					Dims: t.Dims})
			}
			for _, inner := range onnx.Subgraphs(a) {
				b.walk(inner)
			}
		}
	}
}

// readers marks the values that are statistics of a BatchNormalization, and those that only decide the shape of a
// Resize.
func (b *body) readers() (statistics, shapeOnly map[string]bool) {
	statistics, shapeOnly = map[string]bool{}, map[string]bool{}
	for _, n := range b.nodes {
		resize := n.GetOpType() == "Resize" || n.GetOpType() == "Upsample"
		for i, name := range n.GetInput() {
			if before, ok := shapeOnly[name]; !ok || before {
				shapeOnly[name] = resize && i > 0
			}
			if n.GetOpType() == "BatchNormalization" && i > 2 {
				statistics[name] = true
			}
		}
	}
	return statistics, shapeOnly
}

// A Node of a file, or of the graph that was imported from it.
type Node struct {
	Name         string   `json:"name"`
	Op           string   `json:"op"`
	Domain       string   `json:"domain"`
	Inputs       []string `json:"inputs"`
	Outputs      []Value  `json:"outputs"`
	Parameters   int64    `json:"parameters"` // elements of those that it reads first
	MultiplyAdds int64    `json:"multiply_adds"`

	scope []string
}

// listNodes lists nodes without types and shapes of their results.
func listNodes(nodes []*pb.NodeProto, parameters map[string]int64, scopes map[string][]string) []Node {
	var out []Node
	for _, n := range nodes {
		node := Node{Name: n.GetName(), Op: n.GetOpType(), Domain: onnx.CanonicalDomain(n.GetDomain()),
			Inputs: n.GetInput()}
		for _, name := range n.GetOutput() {
			node.Outputs = append(node.Outputs, Value{Name: name})
		}
		out = append(out, node)
	}
	shareParameters(out, parameters, scopes)
	return out
}

// listGraph lists the nodes of an imported graph.
func listGraph(g *graphs.Graph, parameters map[string]int64, scopes map[string][]string) []Node {
	var out []Node
	for _, n := range g.Nodes {
		node := Node{Name: n.Name, Op: n.Op, Domain: n.Domain}
		for _, v := range n.Inputs {
			node.Inputs = append(node.Inputs, valueOf(v).Name)
		}
		for _, v := range n.Outputs {
			node.Outputs = append(node.Outputs, valueOf(v))
		}
		out = append(out, node)
	}
	shareParameters(out, parameters, scopes)
	return out
}

// passOn lists the operators that pass a parameter on to the node that computes with it.
var passOn = []string{"Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast", "DequantizeLinear"}

// shareParameters gives each parameter to the node that reads it first, and each node its scope.
func shareParameters(nodes []Node, parameters map[string]int64, scopes map[string][]string) {
	source := map[string]string{} // parameter that a value holds, perhaps transposed or reshaped
	for name := range parameters {
		source[name] = name
	}
	counted := map[string]bool{}
	first := make([]string, len(nodes))
	for i := range nodes {
		n := &nodes[i]
		for k, name := range n.Inputs {
			parameter, ok := source[name]
			switch {
			case !ok:
			case k == 0 && len(n.Outputs) == 1 && slices.Contains(passOn, n.Op):
				source[n.Outputs[0].Name] = parameter
			case !counted[parameter]:
				counted[parameter] = true
				n.Parameters += parameters[parameter]
				fallthrough
			default:
				first[i] = cmp.Or(first[i], parameter)
			}
		}
	}
	setScopes(nodes, scopes, first)
}
