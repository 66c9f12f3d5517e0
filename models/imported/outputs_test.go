package imported

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/graphs/importer"
	"fovea/onnx"
	"fovea/onnx/pb"
)

func text(name, value string) *pb.AttributeProto {
	return &pb.AttributeProto{Name: &name, Type: pb.AttributeProto_STRING.Enum(), S: []byte(value)}
}

// TestOutputsStay: an imported graph computes what the model does, whatever the import rewrote, also where no rule
// could differentiate it.
func TestOutputsStay(t *testing.T) {
	for name, c := range map[string]struct {
		opset int64
		build func(b builder)
	}{
		"Clip with limits as attributes": {9, func(b builder) {
			b.node("Clip", "x -> y", graphs.Attributes{"min": float32(-0.5)})
		}},
		"TopK with its number as an attribute": {9, func(b builder) {
			b.node("TopK", "x -> y,at", graphs.Attributes{"k": 2, "axis": -1})
		}},
		"Upsample": {9, func(b builder) {
			b.Graph.Initializer = append(b.Graph.Initializer, &pb.TensorProto{Name: proto.String("scales"),
				DataType: proto.Int32(int32(float)), Dims: []int64{4}, FloatData: []float32{1, 1, 2, 1.5}})
			b.node("Upsample", "x,scales -> y", nil)
		}},
		"Resize of opset 10": {10, func(b builder) {
			b.Graph.Initializer = append(b.Graph.Initializer, &pb.TensorProto{Name: proto.String("scales"),
				DataType: proto.Int32(int32(float)), Dims: []int64{4}, FloatData: []float32{1, 1, 1.5, 2}})
			b.node("Resize", "x,scales -> y", nil)
			b.Graph.Node[0].Attribute = append(b.Graph.Node[0].Attribute, text("mode", "linear"))
		}},
		"Scatter": {9, func(b builder) {
			b.Graph.Initializer = append(b.Graph.Initializer, &pb.TensorProto{Name: proto.String("at"),
				DataType: proto.Int32(int32(integer)), Dims: []int64{1, 1, 1, 2}, Int64Data: []int64{1, 0}})
			b.floats("updates", 1, 1, 1, 2)
			b.node("Scatter", "x,at,updates -> y", graphs.Attributes{"axis": 2})
		}},
		"GridSample of opset 16": {16, func(b builder) {
			b.floats("grid", 2, 3, 3, 2)
			b.node("GridSample", "x,grid -> y", nil)
			b.Graph.Node[0].Attribute = append(b.Graph.Node[0].Attribute, text("mode", "bicubic"))
		}},
		"Pad with axes": {18, func(b builder) {
			b.ints("pads", 1, 0, 0, 2)
			b.ints("axes", -1, 1)
			b.node("Pad", "x,pads,,axes -> y", nil)
		}},
		"BatchNormalization of opset 9": {9, func(b builder) {
			for _, name := range []string{"scale", "bias", "mean"} {
				b.floats(name, 3)
			}
			b.Graph.Initializer = append(b.Graph.Initializer, &pb.TensorProto{Name: proto.String("variance"),
				DataType: proto.Int32(int32(float)), Dims: []int64{3}, FloatData: []float32{1, 0.5, 2}})
			b.node("BatchNormalization", "x,scale,bias,mean,variance -> y", nil)
		}},
		"Slice backwards": {13, func(b builder) {
			b.ints("starts", -1, 0)
			b.ints("ends", -100, 100)
			b.ints("axes", -1, 2)
			b.ints("steps", -2, 3)
			b.node("Slice", "x,starts,ends,axes,steps -> y", nil)
		}},
		"Slice with negative bounds": {13, func(b builder) {
			b.ints("starts", -2, 1)
			b.ints("ends", -1, 100)
			b.node("Slice", "x,starts,ends -> y", nil)
		}},
		"Hardmax over the rest": {11, func(b builder) { b.node("Hardmax", "x -> y", graphs.Attributes{"axis": 2}) }},
		"LogSoftmax over all":   {11, func(b builder) { b.node("LogSoftmax", "x -> y", graphs.Attributes{"axis": 0}) }},
		"ReduceL2 of opset 11": {11,
			func(b builder) { b.node("ReduceL2", "x -> y", graphs.Attributes{"axes": []int64{-2, 1}}) }},
		"Split in halves": {11, func(b builder) { b.node("Split", "x -> y,z", graphs.Attributes{"axis": -1}) }},
		"a mask that shapes decide": {14, func(b builder) {
			b.node("Shape", "x -> s", nil)
			b.node("ConstantOfShape", "s -> ones", graphs.Attributes{"value": &pb.TensorProto{
				DataType: proto.Int32(int32(float)), Dims: []int64{1}, FloatData: []float32{1}}})
			b.node("Trilu", "ones -> mask", graphs.Attributes{"upper": 0})
			b.node("Mul", "x,mask -> y", nil)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newModel(c.opset, 7)
			b.input("x", float, "batch", 3, 4, 4)
			c.build(b)
			b.outputs("y")
			f := open(t, b.file(t, onnx.SaveOptions{}))
			m, err := f.Import(importer.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := f.verify(t.Context(), m.Graph); err != nil {
				t.Errorf("%v\n%s", err, m.Graph)
			}
		})
	}
}
