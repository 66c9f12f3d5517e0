package ort

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/onnx/pb"
)

// model writes a model of one opset, 17.
func model(t testing.TB, inputs, outputs ports, constants []*pb.TensorProto, nodes ...*pb.NodeProto) []byte {
	t.Helper()
	data, err := proto.Marshal(&pb.ModelProto{
		IrVersion:   proto.Int64(8),
		OpsetImport: []*pb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(17)}},
		Graph: &pb.GraphProto{
			Name: proto.String("test"), Node: nodes, Input: inputs, Output: outputs, Initializer: constants,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func op(kind string, inputs, outputs string, attributes ...*pb.AttributeProto) *pb.NodeProto {
	return &pb.NodeProto{
		Name: proto.String(kind + "_" + outputs), OpType: proto.String(kind),
		Input: strings.Fields(inputs), Output: strings.Fields(outputs), Attribute: attributes,
	}
}

func number(name string, n int64) *pb.AttributeProto {
	return &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_INT.Enum(), I: proto.Int64(n)}
}

// info describes an input or output; a dimension is a number or a symbol.
func info(name string, kind pb.TensorProto_DataType, dims ...any) *pb.ValueInfoProto {
	shape := &pb.TensorShapeProto{}
	for _, d := range dims {
		dim := &pb.TensorShapeProto_Dimension{}
		switch d := d.(type) {
		case int:
			dim.Value = &pb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}
		case string:
			dim.Value = &pb.TensorShapeProto_Dimension_DimParam{DimParam: d}
		}
		shape.Dim = append(shape.Dim, dim)
	}
	return &pb.ValueInfoProto{Name: proto.String(name), Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{
		TensorType: &pb.TypeProto_Tensor{ElemType: proto.Int32(int32(kind)), Shape: shape},
	}}}
}

type ports = []*pb.ValueInfoProto

func session(t testing.TB, model []byte, o Options) *Session {
	t.Helper()
	s, err := NewSession(model, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func tensor(t testing.TB, kind pb.TensorProto_DataType, shape ...int64) *Tensor {
	t.Helper()
	x, err := NewTensor(kind, shape...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

func bind(t testing.TB, s *Session, name string, x *Tensor) {
	t.Helper()
	if err := s.Bind(name, x); err != nil {
		t.Fatal(err)
	}
}

func run(t testing.TB, s *Session) {
	t.Helper()
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, got []float32, want ...float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func addModel(t testing.TB) []byte {
	return model(t, ports{info("a", float, 2, 3), info("b", float, 2, 3)}, ports{info("sum", float, 2, 3)}, nil,
		op("Add", "a b", "sum"))
}
