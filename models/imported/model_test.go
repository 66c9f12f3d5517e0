package imported

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/graphs/importer"
	"fovea/internal/graphtest"
	"fovea/onnx"
	"fovea/onnx/pb"
)

const float, integer, half = pb.TensorProto_FLOAT, pb.TensorProto_INT64, pb.TensorProto_FLOAT16

// A builder writes a model.
type builder struct{ *pb.ModelProto }

func newModel(opset, ir int64) builder {
	return builder{&pb.ModelProto{IrVersion: &ir, Graph: &pb.GraphProto{Name: proto.String("test")},
		OpsetImport: []*pb.OperatorSetIdProto{{Domain: proto.String(""), Version: &opset}}}}
}

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
	return &pb.ValueInfoProto{Name: &name, Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{
		TensorType: &pb.TypeProto_Tensor{ElemType: proto.Int32(int32(kind)), Shape: shape}}}}
}

// result returns an output whose shape is left open.
func result(name string, kind pb.TensorProto_DataType) *pb.ValueInfoProto {
	v := info(name, kind)
	v.GetType().GetTensorType().Shape = nil
	return v
}

func (b builder) input(name string, kind pb.TensorProto_DataType, dims ...any) {
	b.Graph.Input = append(b.Graph.Input, info(name, kind, dims...))
}

func (b builder) outputs(names ...string) {
	for _, name := range names {
		b.Graph.Output = append(b.Graph.Output, result(name, float))
	}
}

func (b builder) floats(name string, dims ...int64) {
	n := (&graphs.Value{Shape: dims}).Len()
	b.Graph.Initializer = append(b.Graph.Initializer, &pb.TensorProto{Name: &name, DataType: proto.Int32(int32(float)),
		Dims: dims, FloatData: graphtest.Fill(name, int(n), 0, 0.8)})
}

func integers(name string, values ...int64) *pb.TensorProto {
	return &pb.TensorProto{Name: &name, DataType: proto.Int32(int32(integer)), Dims: []int64{int64(len(values))},
		Int64Data: values}
}

func (b builder) ints(name string, values ...int64) {
	b.Graph.Initializer = append(b.Graph.Initializer, integers(name, values...))
}

// node reads "a,b -> c" as inputs and outputs.
func node(op, edges string, attributes graphs.Attributes) *pb.NodeProto {
	list := func(s string) []string {
		if s = strings.ReplaceAll(s, " ", ""); s == "" {
			return nil
		}
		return strings.Split(s, ",")
	}
	in, out, _ := strings.Cut(edges, "->")
	n := &pb.NodeProto{OpType: &op, Name: proto.String(op + " of " + strings.TrimSpace(out)), Input: list(in),
		Output: list(out)}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := &pb.AttributeProto{Name: proto.String(name)}
		switch v := attributes[name].(type) {
		case int:
			a.Type, a.I = pb.AttributeProto_INT.Enum(), proto.Int64(int64(v))
		case float32:
			a.Type, a.F = pb.AttributeProto_FLOAT.Enum(), proto.Float32(v)
		case []int64:
			a.Type, a.Ints = pb.AttributeProto_INTS.Enum(), v
		case []float32:
			a.Type, a.Floats = pb.AttributeProto_FLOATS.Enum(), v
		case *pb.TensorProto:
			a.Type, a.T = pb.AttributeProto_TENSOR.Enum(), v
		case string: // a reference to a function's attribute
			a.Type, a.RefAttrName = pb.AttributeProto_INT.Enum(), &v
		}
		n.Attribute = append(n.Attribute, a)
	}
	return n
}

func (b builder) node(op, edges string, attributes graphs.Attributes) {
	b.Graph.Node = append(b.Graph.Node, node(op, edges, attributes))
}

func branches(then, otherwise *pb.GraphProto) []*pb.AttributeProto {
	return []*pb.AttributeProto{
		{Name: proto.String("then_branch"), Type: pb.AttributeProto_GRAPH.Enum(), G: then},
		{Name: proto.String("else_branch"), Type: pb.AttributeProto_GRAPH.Enum(), G: otherwise}}
}

func (b builder) file(t *testing.T, o onnx.SaveOptions) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := onnx.Save(path, b.ModelProto, o); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(t.Context(), path, importer.Sizes{Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
