package ort

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// TestFaults: what an old version computes wrongly is named where the model has it, and nowhere else.
func TestFaults(t *testing.T) {
	integer := func(name string, i int64) *pb.AttributeProto {
		return &pb.AttributeProto{Name: proto.String(name), I: proto.Int64(i)}
	}
	pool := &pb.NodeProto{OpType: proto.String("AveragePool"),
		Attribute: []*pb.AttributeProto{integer("ceil_mode", 1), integer("count_include_pad", 1)}}
	attention := &pb.NodeProto{OpType: proto.String("Attention"),
		Attribute: []*pb.AttributeProto{integer("is_causal", 1)}}
	for _, c := range []struct {
		version string
		opset   int64
		node    *pb.NodeProto
		want    string
	}{
		{"1.27.0", 17, pool, "AveragePool"}, {"1.28.2", 17, pool, "AveragePool"}, {"1.32.0", 17, pool, ""},
		{"1.27.0", 19, pool, ""}, {"1.27.0", 24, attention, "Attention"}, {"1.28.2", 24, attention, ""},
		{"1.27.0", 24, &pb.NodeProto{OpType: proto.String("Attention")}, ""},
		{"1.27.0", 24, &pb.NodeProto{OpType: proto.String("Relu")}, ""},
	} {
		m := &pb.ModelProto{Graph: &pb.GraphProto{Node: []*pb.NodeProto{c.node}},
			OpsetImport: []*pb.OperatorSetIdProto{{Version: proto.Int64(c.opset)}}}
		got := strings.Join(Faults(c.version, m), "")
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s, opset %d, %s: %q, want %q", c.version, c.opset, c.node.GetOpType(), got, c.want)
		}
	}
}

// TestFaultsOfSessions: a session of somebody's model says what the runtime in use computes wrongly of it, in a branch
// too.
func TestFaultsOfSessions(t *testing.T) {
	kind := proto.Int32(int32(pb.TensorProto_FLOAT))
	pool := &pb.NodeProto{OpType: proto.String("AveragePool"), Input: []string{"x"}, Output: []string{"y"}}
	for _, a := range []struct {
		name string
		i    int64
		ints []int64
	}{{"ceil_mode", 1, nil}, {"count_include_pad", 1, nil}, {"kernel_shape", 0, []int64{2, 2}}} {
		p := &pb.AttributeProto{Name: &a.name, I: &a.i, Type: pb.AttributeProto_INT.Enum()}
		if a.ints != nil {
			p.I, p.Ints, p.Type = nil, a.ints, pb.AttributeProto_INTS.Enum()
		}
		pool.Attribute = append(pool.Attribute, p)
	}
	branch := &pb.GraphProto{Name: proto.String("b"), Node: []*pb.NodeProto{pool},
		Output: []*pb.ValueInfoProto{{Name: proto.String("y"), Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{
			TensorType: &pb.TypeProto_Tensor{ElemType: kind}}}}}}
	choice := &pb.NodeProto{OpType: proto.String("If"), Input: []string{"c"}, Output: []string{"z"}}
	for _, name := range []string{"then_branch", "else_branch"} {
		choice.Attribute = append(choice.Attribute,
			&pb.AttributeProto{Name: proto.String(name), G: branch, Type: pb.AttributeProto_GRAPH.Enum()})
	}
	m := &pb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*pb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &pb.GraphProto{Name: proto.String("g"), Node: []*pb.NodeProto{choice},
			Initializer: []*pb.TensorProto{{Name: proto.String("c"), DataType: proto.Int32(int32(pb.TensorProto_BOOL)),
				RawData: []byte{1}}},
			Input:  []*pb.ValueInfoProto{onnx.NewValueInfo("x", pb.TensorProto_FLOAT, []int64{1, 1, 3, 3})},
			Output: []*pb.ValueInfoProto{{Name: proto.String("z"), Type: branch.Output[0].Type}}}}
	if len(Faults("1.27.0", m)) != 1 {
		t.Error("the fault in a branch is not found")
	}
	if len(Faults(InUse().Version, m)) == 0 {
		t.Skip("this version of the runtime has no fault")
	}
	defer slog.SetDefault(slog.Default())
	var log bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	warned.Clear()
	for range 2 {
		s, err := NewSessionOf(m, Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	if n := strings.Count(log.String(), "AveragePool"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, &log)
	}
}
