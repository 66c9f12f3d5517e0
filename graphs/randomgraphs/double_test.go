package randomgraphs

import (
	"fmt"
	"regexp"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

const single, wide = int32(pb.TensorProto_FLOAT), int32(pb.TensorProto_DOUBLE)

// narrow are the operators, with their opsets, for which the runtime has no kernel in float64: found by trying.
var narrow sync.Map

// singleOnly are operators that are tried in vain, without telling the node, or give NaN (Attention where nothing may
// be looked at).
var singleOnly = []string{"RNN", "GRU", "LSTM", "Gelu", "HardSwish", "Mish", "MeanVarianceNormalization", "Attention"}

// inDouble opens the model in float64, but for nodes that only float32 has a kernel for: these stand between casts. The
// values called like those in wrt are inputs. Exact tells whether there are none.
func inDouble(model *pb.ModelProto, trace map[string]*pb.TensorProto, wrt []string) (
	s *session, exact bool, err error) {
	for range len(model.Graph.Node) + 1 {
		s, err = open(widened(model, trace, wrt), ort.Disable)
		if err == nil {
			break
		}
		found := nodeName.FindStringSubmatch(err.Error())
		if found == nil {
			return nil, false, err
		}
		at := slices.IndexFunc(model.Graph.Node, func(n *pb.NodeProto) bool { return n.GetName() == found[1] })
		if at < 0 {
			return nil, false, err
		}
		narrow.Store(key(model, model.Graph.Node[at]), true)
	}
	if err != nil {
		return nil, false, err
	}
	return s, !slices.ContainsFunc(model.Graph.Node, func(n *pb.NodeProto) bool { return isNarrow(model, n) }), nil
}

func isNarrow(m *pb.ModelProto, n *pb.NodeProto) bool {
	_, found := narrow.Load(key(m, n))
	return found || slices.Contains(singleOnly, n.GetOpType())
}

// nodeName finds the node in the runtime's messages, which name the nodes of an operator's definition after it.
var nodeName = regexp.MustCompile(`(?i)node[^\n]*?\b(?:_inlfunc_\w*?_)?(n\d+)\b`)

func key(m *pb.ModelProto, n *pb.NodeProto) string {
	return fmt.Sprint(n.GetDomain(), n.GetOpType(), m.OpsetImport[0].GetVersion(), len(n.Output))
}

// widened returns a model with float64 in place of float32.
func widened(model *pb.ModelProto, trace map[string]*pb.TensorProto, wrt []string) *pb.ModelProto {
	g := &pb.GraphProto{Name: model.Graph.Name}
	kinds := map[string]int32{} // in the model itself
	for name, t := range trace {
		kinds[name] = t.GetDataType()
	}
	for _, in := range model.Graph.Input {
		tensor := in.GetType().GetTensorType()
		kinds[in.GetName()] = tensor.GetElemType()
		in = proto.Clone(in).(*pb.ValueInfoProto)
		if tensor.GetElemType() == single {
			in.GetType().GetTensorType().ElemType = proto.Int32(wide)
		}
		g.Input = append(g.Input, in)
	}
	for _, t := range model.Graph.Initializer {
		kinds[t.GetName()] = t.GetDataType()
		if t.GetDataType() == single {
			if slices.Contains(wrt, t.GetName()) {
				g.Input = append(g.Input, info(t.GetName(), pb.TensorProto_DOUBLE, append([]int64{}, t.Dims...)))
				continue
			}
			t = &pb.TensorProto{Name: t.Name, DataType: proto.Int32(wide), Dims: t.Dims, DoubleData: floats(t)}
		}
		g.Initializer = append(g.Initializer, t)
	}
	for _, out := range model.Graph.Output {
		g.Output = append(g.Output, info(out.GetName(), pb.TensorProto_DOUBLE, nil))
	}
	cast := func(from, to string, kind int32) {
		g.Node = append(g.Node, &pb.NodeProto{OpType: proto.String("Cast"), Input: []string{from}, Output: []string{to},
			Attribute: []*pb.AttributeProto{attribute("to", int64(kind))}})
	}
	for _, n := range model.Graph.Node {
		n = proto.Clone(n).(*pb.NodeProto)
		g.Node = append(g.Node, n)
		if !isNarrow(model, n) {
			if n.GetOpType() == "Cast" && n.Attribute[0].GetI() == int64(single) {
				n.Attribute[0].I = proto.Int64(int64(wide))
			}
			continue
		}
		g.Node = g.Node[:len(g.Node)-1]
		for i, name := range n.Input {
			if kinds[name] == single {
				n.Input[i] = fmt.Sprintf("%s.%s.%d", name, n.GetName(), i)
				cast(name, n.Input[i], single)
			}
		}
		g.Node = append(g.Node, n)
		for i, name := range n.Output {
			if kinds[name] == single {
				n.Output[i] = name + ".single"
				cast(n.Output[i], name, wide)
			}
		}
	}
	return &pb.ModelProto{IrVersion: model.IrVersion, OpsetImport: model.OpsetImport, Graph: g}
}
