package graphs

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/onnx"
	"fovea/onnx/pb"
)

const (
	irVersion    = 9 // the first version of the format with opset 20
	opsetVersion = 20
)

// Model returns the graph as an ONNX model. It leaves out nodes that no output depends on and writes every constant
// once.
func (g *Graph) Model() (*pb.ModelProto, error) {
	if g.err != nil {
		return nil, g.err
	}
	live := g.live()
	out := &pb.GraphProto{Name: proto.String(g.Name)}
	constants := map[*Value]bool{}
	write := func(v *Value) {
		if v != nil && v.data != nil && !constants[v] {
			constants[v] = true
			out.Initializer = append(out.Initializer, &pb.TensorProto{
				Name: proto.String(v.Name), DataType: proto.Int32(int32(v.Type)), Dims: v.Shape, RawData: v.data})
		}
	}
	importedNames := map[string]bool{}
	for _, n := range g.Nodes {
		importedNames[n.Name] = true
	}
	domains := map[string]bool{"": true}
	for _, n := range g.Nodes {
		if !live[n] {
			continue
		}
		node, err := n.proto()
		if err != nil {
			return nil, fmt.Errorf("graph %s: %s: %w", g.Name, n, err)
		}
		// The name of an imported node may equal the name of another node's output.
		for n.Name == "" && importedNames[*node.Name] {
			*node.Name += "_"
		}
		out.Node = append(out.Node, node)
		domains[n.Domain] = true
		for _, v := range n.Inputs {
			write(v)
		}
	}
	for _, v := range g.Inputs {
		out.Input = append(out.Input, v.proto())
	}
	for _, v := range g.Outputs {
		write(v)
		out.Output = append(out.Output, v.proto())
	}
	m := &pb.ModelProto{IrVersion: proto.Int64(max(irVersion, g.ir)), ProducerName: proto.String("fovea"), Graph: out}
	for _, domain := range slices.Sorted(maps.Keys(domains)) {
		m.OpsetImport = append(m.OpsetImport, &pb.OperatorSetIdProto{Domain: proto.String(domain),
			Version: proto.Int64(max(Opset(domain), g.opsets[domain]))})
	}
	return m, nil
}

// Marshal returns the model in ONNX's binary form.
func (g *Graph) Marshal() ([]byte, error) {
	m, err := g.Model()
	if err != nil {
		return nil, err
	}
	return onnx.Marshal(m)
}

func (n *Node) proto() (*pb.NodeProto, error) {
	out := &pb.NodeProto{OpType: proto.String(n.Op), Domain: proto.String(n.Domain), Name: proto.String(n.Name)}
	if n.Name == "" {
		out.Name = proto.String(nameOf(n.Outputs[0]))
	}
	for _, v := range n.Inputs {
		out.Input = append(out.Input, nameOf(v))
	}
	for _, v := range n.Outputs {
		out.Output = append(out.Output, nameOf(v))
	}
	for _, name := range slices.Sorted(maps.Keys(n.Attributes)) {
		a := &pb.AttributeProto{Name: proto.String(name)}
		switch v := n.Attributes[name].(type) {
		case int64:
			a.Type, a.I = pb.AttributeProto_INT.Enum(), proto.Int64(v)
		case float32:
			a.Type, a.F = pb.AttributeProto_FLOAT.Enum(), proto.Float32(v)
		case string:
			a.Type, a.S = pb.AttributeProto_STRING.Enum(), []byte(v)
		case []int64:
			a.Type, a.Ints = pb.AttributeProto_INTS.Enum(), v
		case []float32:
			a.Type, a.Floats = pb.AttributeProto_FLOATS.Enum(), v
		case []string:
			a.Type = pb.AttributeProto_STRINGS.Enum()
			for _, s := range v {
				a.Strings = append(a.Strings, []byte(s))
			}
		case *pb.TensorProto:
			a.Type, a.T = pb.AttributeProto_TENSOR.Enum(), v
		default:
			return nil, fmt.Errorf("attribute %s has type %T, which ONNX does not know", name, v)
		}
		out.Attribute = append(out.Attribute, a)
	}
	return out, nil
}

// nameOf returns a value's name, or an empty one for an absent value.
func nameOf(v *Value) string {
	if v == nil {
		return ""
	}
	return v.Name
}

func (v *Value) proto() *pb.ValueInfoProto { return onnx.NewValueInfo(v.Name, v.Type, v.Shape) }

// Opset returns the version of a domain's operators in which graphs are written.
func Opset(domain string) int64 {
	if domain == "" {
		return opsetVersion
	}
	return 1
}
