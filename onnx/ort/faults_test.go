package ort

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

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
