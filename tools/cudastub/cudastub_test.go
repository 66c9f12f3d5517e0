package cudastub

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

func tensor(name string, kind pb.TensorProto_DataType, dims ...int64) *pb.ValueInfoProto {
	shape := &pb.TensorShapeProto{}
	for _, d := range dims {
		shape.Dim = append(shape.Dim, &pb.TensorShapeProto_Dimension{
			Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: d},
		})
	}
	return &pb.ValueInfoProto{Name: proto.String(name), Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{
		TensorType: &pb.TypeProto_Tensor{ElemType: proto.Int32(int32(kind)), Shape: shape},
	}}}
}

func model(t *testing.T, inputs []*pb.ValueInfoProto, output *pb.ValueInfoProto, nodes ...*pb.NodeProto) []byte {
	t.Helper()
	data, err := proto.Marshal(&pb.ModelProto{
		IrVersion:   proto.Int64(8),
		OpsetImport: []*pb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(17)}},
		Graph: &pb.GraphProto{
			Name: proto.String("placement"), Node: nodes, Input: inputs, Output: []*pb.ValueInfoProto{output},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func node(op, inputs, outputs string, attributes ...*pb.AttributeProto) *pb.NodeProto {
	return &pb.NodeProto{
		Name: proto.String("the_" + strings.ToLower(op)), OpType: proto.String(op),
		Input: strings.Fields(inputs), Output: strings.Fields(outputs), Attribute: attributes,
	}
}

// TestPlacement places an MLP with the operators of a transformer wholly on CUDA. The determinant, which only the CPU
// computes, is refused, and so are the copies around it.
func TestPlacement(t *testing.T) {
	Run(t, func(t *testing.T) {
		const float = pb.TensorProto_FLOAT
		inputs := []*pb.ValueInfoProto{tensor("x", float, 8, 16), tensor("w", float, 16, 16)}
		placed := model(t, inputs, tensor("y", float, 8, 16),
			node("MatMul", "x w", "a"), node("Erf", "a", "b"), node("Softmax", "b", "c"), node("Add", "c x", "y"))
		if err := ort.CheckPlacement(placed); err != nil {
			t.Errorf("a graph of CUDA operators: %v", err)
		}
		refused := model(t, inputs, tensor("y", float),
			node("MatMul", "w w", "a"), node("Det", "a", "b"), node("Neg", "b", "y"))
		err := ort.CheckPlacement(refused)
		if err == nil {
			t.Fatal("a graph with Det passes")
		}
		t.Log(err)
		for _, word := range []string{`Det "the_det" is on CPUExecutionProvider`, "MemcpyToHost", "MemcpyFromHost"} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("the error does not name %s: %v", word, err)
			}
		}
	})
}
