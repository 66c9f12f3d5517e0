package inspect

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// A body is the nodes of a graph or a function, with those of the graphs inside of
// it, and the tensors that they store.
type body struct {
	nodes  []*pb.NodeProto
	stored []*pb.TensorProto // by name: those of Constant nodes have their results'
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
				b.stored = append(b.stored, &pb.TensorProto{Name: proto.String(n.GetOutput()[0]), DataType: t.DataType, Dims: t.Dims})
			}
			if a.GetG() != nil {
				b.walk(a.GetG())
			}
			for _, inner := range a.GetGraphs() {
				b.walk(inner)
			}
		}
	}
}

// readers tells which values are statistics of a BatchNormalization, and which only
// decide the shape of a Resize.
func (b *body) readers() (statistics, formal map[string]bool) {
	statistics, formal = map[string]bool{}, map[string]bool{}
	for _, n := range b.nodes {
		resize := n.GetOpType() == "Resize" || n.GetOpType() == "Upsample"
		for i, name := range n.GetInput() {
			if before, ok := formal[name]; !ok || before {
				formal[name] = resize && i > 0
			}
			if n.GetOpType() == "BatchNormalization" && i > 2 {
				statistics[name] = true
			}
		}
	}
	return statistics, formal
}

// A Node of a file, or of the graph that was imported from it.
type Node struct {
	Name         string   `json:"name"`
	Op           string   `json:"op"`
	Domain       string   `json:"domain"`
	Inputs       []string `json:"inputs"`
	Outputs      []Value  `json:"outputs"`
	Parameters   int64    `json:"parameters"` // that it reads first
	MultiplyAdds int64    `json:"multiply_adds"`

	scope []string
}

// listNodes makes nodes of which neither types nor shapes are known.
func listNodes(nodes []*pb.NodeProto, parameters map[string]int64, scopes map[string][]string) []Node {
	var out []Node
	for _, n := range nodes {
		is := Node{Name: n.GetName(), Op: n.GetOpType(), Domain: onnx.CanonicalDomain(n.GetDomain()), Inputs: n.GetInput()}
		for _, name := range n.GetOutput() {
			is.Outputs = append(is.Outputs, Value{Name: name})
		}
		out = append(out, is)
	}
	shareOut(out, parameters, scopes)
	return out
}

// listGraph makes nodes of an imported graph.
func listGraph(g *graphs.Graph, parameters map[string]int64, scopes map[string][]string) []Node {
	var out []Node
	for _, n := range g.Nodes {
		is := Node{Name: n.Name, Op: n.Op, Domain: n.Domain}
		for _, v := range n.Inputs {
			name := ""
			if v != nil {
				name = v.Name
			}
			is.Inputs = append(is.Inputs, name)
		}
		for _, v := range n.Outputs {
			if v == nil {
				is.Outputs = append(is.Outputs, Value{})
			} else {
				is.Outputs = append(is.Outputs, valueOf(v))
			}
		}
		out = append(out, is)
	}
	shareOut(out, parameters, scopes)
	return out
}

// moving operators hand a parameter on to the node that works with it.
var moving = []string{"Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast", "DequantizeLinear"}

// shareOut gives each parameter to the node that reads it first, and each node its
// scope.
func shareOut(nodes []Node, parameters map[string]int64, scopes map[string][]string) {
	source := map[string]string{} // parameter, by the name that it has been handed on under
	for name := range parameters {
		source[name] = name
	}
	given := map[string]bool{}
	first := make([]string, len(nodes))
	for i := range nodes {
		n := &nodes[i]
		for k, name := range n.Inputs {
			parameter, ok := source[name]
			switch {
			case !ok:
			case k == 0 && len(n.Outputs) == 1 && slices.Contains(moving, n.Op):
				source[n.Outputs[0].Name] = parameter
			case !given[parameter]:
				given[parameter] = true
				n.Parameters += parameters[parameter]
				fallthrough
			default:
				if first[i] == "" {
					first[i] = parameter
				}
			}
		}
	}
	setScopes(nodes, scopes, first)
}
