package importer

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/onnx/pb"
)

// model has an input x [batch, 3], an initializer w and the given nodes.
func model(opset int64, nodes ...*pb.NodeProto) *pb.ModelProto {
	shape := &pb.TensorShapeProto{Dim: []*pb.TensorShapeProto_Dimension{
		{Value: &pb.TensorShapeProto_Dimension_DimParam{DimParam: "batch"}},
		{Value: &pb.TensorShapeProto_Dimension_DimParam{DimParam: "width"}}}}
	return &pb.ModelProto{IrVersion: proto.Int64(8),
		OpsetImport: []*pb.OperatorSetIdProto{{Domain: proto.String(""), Version: &opset},
			{Domain: proto.String("local"), Version: proto.Int64(1)}},
		Graph: &pb.GraphProto{Name: proto.String("g"), Node: nodes,
			Output: []*pb.ValueInfoProto{{Name: proto.String("y")}},
			Initializer: []*pb.TensorProto{{Name: proto.String("w"), DataType: proto.Int32(1), Dims: []int64{2},
				FloatData: []float32{1, 2}}},
			Input: []*pb.ValueInfoProto{{Name: proto.String("x"), Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{
				TensorType: &pb.TypeProto_Tensor{ElemType: proto.Int32(1), Shape: shape}}}}}}}
}

func op(kind, domain string, inputs ...string) *pb.NodeProto {
	return &pb.NodeProto{Name: proto.String("n"), OpType: &kind, Domain: &domain, Input: inputs, Output: []string{"y"}}
}

var all = Sizes{Batch: 2, Named: map[string]int64{"width": 3}}

// TestRefused: what has no gradient is named with the reason.
func TestRefused(t *testing.T) {
	loop := op("Custom", "local", "x")
	loop.Attribute = []*pb.AttributeProto{{Name: proto.String("body"), Type: pb.AttributeProto_GRAPH.Enum(),
		G: &pb.GraphProto{}}}
	for want, n := range map[string]*pb.NodeProto{
		"quantised": op("QLinearMatMul", "", "x"), "rounding has no gradient": op("QuantizeLinear", "", "x"),
		"loops and branches": loop, "random": op("RandomNormalLike", "", "x"),
		"sequences": op("SequenceConstruct", "", "x"),
	} {
		_, err := Read(model(17, n), all)
		var refusal *Refusal
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), want) || !strings.Contains(refusal.Node, `"n"`) {
			t.Errorf("%s: error is %v, want %q", n.GetOpType(), err, want)
		}
	}
}

func TestBadModels(t *testing.T) {
	if testing.Short() {
		t.Skip("imports damaged models by the hundred")
	}
	good := op("Tanh", "", "x")
	sparse := model(17, good)
	sparse.Graph.SparseInitializer = []*pb.SparseTensorProto{{Dims: []int64{4},
		Values: &pb.TensorProto{Name: proto.String("s"),
			DataType: proto.Int32(1), Dims: []int64{1}, FloatData: []float32{1}},
		Indices: &pb.TensorProto{DataType: proto.Int32(7), Dims: []int64{1}, Int64Data: []int64{0}}}}
	recursive := model(17, op("F", "local", "x"))
	recursive.Functions = []*pb.FunctionProto{{Name: proto.String("F"), Domain: proto.String("local"),
		Input:  []string{"a"},
		Output: []string{"y"}, Node: []*pb.NodeProto{op("F", "local", "a")}}}
	explosive := model(17, op("F0", "local", "x"))
	for i := range 30 { // 4^30 nodes
		f := &pb.FunctionProto{Name: proto.String("F" + string(rune('0'+i))), Domain: proto.String("local"),
			Input: []string{"a"}, Output: []string{"d"}}
		for _, edge := range []string{"ab", "bc", "ce", "ed"} {
			n := op("F"+string(rune('1'+i)), "local", edge[:1])
			if i == 29 {
				n = op("Tanh", "", edge[:1])
			}
			n.Output = []string{edge[1:]}
			f.Node = append(f.Node, n)
		}
		f.OpsetImport = explosive.OpsetImport
		explosive.Functions = append(explosive.Functions, f)
	}
	hollow := proto.Clone(explosive).(*pb.ModelProto) // 4^29 calls of a function that does nothing
	last := hollow.Functions[29]
	last.Node, last.Output = nil, []string{"a"}
	endless := proto.Clone(recursive).(*pb.ModelProto)
	endless.Functions[0].Name = proto.String(strings.Repeat("F", 1<<20)) // in the name of each value
	endless.Functions[0].Node = nil
	for i := range 1000 {
		n := op("Tanh", "", "a")
		n.Output = []string{strings.Repeat("y", i+1)}
		endless.Functions[0].Node = append(endless.Functions[0].Node, n)
	}
	endless.Graph.Node = nil
	for i := range 1000 {
		n := op(endless.Functions[0].GetName(), "local", "x")
		if n.Name = nil; i > 0 {
			n.Output = []string{"y" + string(rune('a'+i))}
		}
		endless.Graph.Node = append(endless.Graph.Node, n)
	}
	silent := model(17, good)
	silent.Graph.Output = nil
	other := model(17, op("F", "local", "x"))
	other.Functions = []*pb.FunctionProto{{Name: proto.String("F"), Domain: proto.String("local"), Input: []string{"a"},
		Output: []string{"y"}, Node: []*pb.NodeProto{op("Tanh", "", "a")},
		OpsetImport: []*pb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(13)}}}}
	for want, c := range map[string]struct {
		m     *pb.ModelProto
		sizes Sizes
	}{
		"opset 6":                     {model(6, good), all},
		"opset 29":                    {model(29, good), all},
		"sparse":                      {sparse, all},
		`dimension 1 is symbolic`:     {model(17, good), Sizes{Batch: 2}},
		`dimension 0 is symbolic`:     {model(17, good), Sizes{Named: map[string]int64{"width": 3}}},
		"more than 32 deep":           {recursive, all},
		"nodes":                       {explosive, all},
		"131072 nodes, calls":         {hollow, all},
		"bytes of names":              {endless, all},
		"no output":                   {silent, all},
		"uses opset 13":               {other, all},
		"cycle":                       {model(17, op("Tanh", "", "y")), all},
		"made by no node":             {model(17, op("Tanh", "", "z")), all},
		`"elsewhere" is not in opset`: {model(17, op("Tanh", "elsewhere", "x")), all},
	} {
		if _, err := Read(c.m, c.sizes); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}

// TestUnread: an initializer that nothing reads is dropped, one that a branch reads is not.
func TestUnread(t *testing.T) {
	choice := op("If", "", "condition")
	choice.Attribute = []*pb.AttributeProto{{Name: proto.String("then_branch"), Type: pb.AttributeProto_GRAPH.Enum(),
		G: &pb.GraphProto{
			Node: []*pb.NodeProto{{OpType: proto.String("Tanh"), Input: []string{"w"}, Output: []string{"z"}}}}}}
	constant := op("Constant", "")
	constant.Output = []string{"condition"}
	constant.Attribute = []*pb.AttributeProto{{Name: proto.String("value_int"), Type: pb.AttributeProto_INT.Enum(),
		I: proto.Int64(1)}}
	for n, want := range map[*pb.NodeProto]int{op("Tanh", "", "x"): 0, choice: 2} {
		s, err := Read(model(17, constant, n), all)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(s.Model().GetGraph().GetInitializer()); got != want {
			t.Errorf("%s: %d initializers, want %d", n.GetOpType(), got, want)
		}
	}
}

// TestEveryValueNeedsTheTrace: a trace of another model is an error.
func TestEveryValueNeedsTheTrace(t *testing.T) {
	s, err := Read(model(17, op("Tanh", "", "x")), all)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(Trace{}, Options{}); err == nil || !strings.Contains(err.Error(), `"y" is not in the trace`) {
		t.Errorf("error is %v", err)
	}
}
