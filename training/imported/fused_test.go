package imported

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/graphs/importer"
	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// fused is a model of one operator of ONNX Runtime's optimiser.
func fused(op string, opset int64, activation string, parameters ...float32) builder {
	b := newModel(opset, 8)
	b.OpsetImport = append(b.OpsetImport, &pb.OperatorSetIdProto{Domain: proto.String(graphs.Microsoft), Version: proto.Int64(1)})
	switch op {
	case "FusedConv":
		b.input("x", float, "batch", 2, 5, 5)
		b.floats("w", 4, 2, 3, 3)
		b.floats("z", 2, 4, 3, 3)
		b.floats("b", 4)
		b.node(op, "x, w, b, z -> y", graphs.Attributes{"strides": []int64{2, 2}, "pads": []int64{1, 1, 1, 1}})
		b.Graph.Node[0].Attribute = append(b.Graph.Node[0].Attribute,
			&pb.AttributeProto{Name: proto.String("activation_params"), Type: pb.AttributeProto_FLOATS.Enum(), Floats: parameters})
	case "FusedGemm":
		b.input("x", float, "batch", 6)
		b.floats("w", 4, 6)
		b.floats("b", 4)
		attributes := graphs.Attributes{"transB": 1, "alpha": float32(0.5)}
		for i, p := range parameters {
			attributes[[]string{"activation_alpha", "activation_beta"}[i]] = p
		}
		b.node(op, "x, w, b -> y", attributes)
	case "BiasGelu":
		b.input("x", float, "batch", 6)
		b.floats("b", 6)
		b.node(op, "x, b -> y", nil)
	}
	n := b.Graph.Node[0]
	n.Domain = proto.String(graphs.Microsoft)
	if activation != "" {
		n.Attribute = append(n.Attribute, &pb.AttributeProto{Name: proto.String("activation"), Type: pb.AttributeProto_STRING.Enum(), S: []byte(activation)})
	}
	b.outputs("y")
	return b
}

// TestFused compares what fused operators are written out as with what ONNX
// Runtime computes for them, and the gradients with finite differences.
func TestFused(t *testing.T) {
	for name, b := range map[string]builder{
		"Relu": fused("FusedConv", 17, "Relu"), "Tanh": fused("FusedConv", 17, "Tanh"), "Sigmoid": fused("FusedConv", 17, "Sigmoid"),
		"LeakyRelu": fused("FusedConv", 17, "LeakyRelu", 0.3), "HardSigmoid": fused("FusedConv", 17, "HardSigmoid", 0.3, 0.4),
		"Clip": fused("FusedConv", 17, "Clip", -0.4, 0.5), "Clip of opset 9": fused("FusedConv", 9, "Clip", -0.4, 0.5),
		"Gemm": fused("FusedGemm", 13, "LeakyRelu", 0.3), "BiasGelu": fused("BiasGelu", 17, ""),
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, b.file(t, onnx.SaveOptions{}))
			whole := proto.Clone(b.ModelProto).(*pb.ModelProto)
			whole.Graph.Input[0].GetType().GetTensorType().Shape.Dim[0] = info("", float, 2).GetType().GetTensorType().Shape.Dim[0]
			err := evaluate(whole, func(_ ort.Info, x *ort.Tensor) {
				copy(x.Float32(), traceInput(len(x.Float32())))
			}, func(_ ort.Info, want []byte) {
				if off := difference(float32s(f.trace["y"].GetRawData()), float32s(want)); !(off <= 1e-6) {
					t.Errorf("%.1e of the largest entry off", off)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			r, err := f.Check(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if !r.Agrees() {
				t.Errorf("%+v\nwrong: %v", r.Comparisons, r.Wrong)
			}
		})
	}
	if _, err := importer.Read(fused("FusedConv", 17, "Elu", 1).ModelProto, importer.Sizes{Batch: 2}); err == nil ||
		!strings.Contains(err.Error(), `its activation "Elu" is not one of Clip, HardSigmoid,`) {
		t.Errorf("another activation: %v", err)
	}
}
