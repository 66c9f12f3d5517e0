package transfer_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/graphs/transfer"
	"fovea/onnx/pb"
)

// TestAdvice: an input that is no image, and a model without a head, are refused with what to do.
func TestAdvice(t *testing.T) {
	for want, kind := range map[string]pb.TensorProto_DataType{
		"is float16 of shape [0 3 32 32]: images are float32 [N,3,S,S]: export it in":    pb.TensorProto_FLOAT16,
		"is uint8 of shape [0 3 32 32]: images are float32 [N,3,S,S]: export it without": pb.TensorProto_UINT8,
	} {
		b := newModel(-1, 3, 32, 32)
		b.output(b.features(2, 6))
		b.m.Graph.Input[0].GetType().GetTensorType().ElemType = proto.Int32(int32(kind))
		if _, _, err := transfer.TakeImages(b.m, 32); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", kind, err, want)
		}
	}
	for want, shape := range map[string][]int64{
		"put a ReduceMean over the channels":                             {-1, 1, 32, 32},
		"export it for square images, or with symbolic height and width": {-1, 3, 32, 64},
	} {
		b := newModel(shape...)
		b.output(b.features(2, 6))
		if _, _, err := transfer.TakeImages(b.m, 32); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want one with %q", shape, err, want)
		}
	}
	b := newModel(-1, 3, 4, 4) // a linear layer, and behind it an operator that no head has
	y := b.node("Gemm", "scores", []int64{2, 10}, b.features(2, 6), b.weight("w", 6, 10))
	b.output(b.node("Erf", "e", []int64{2, 10}, y))
	want := `such as model.head = "e", or "node_scores" (6 features → 10 classes), or "f"`
	if _, err := transfer.FindHead(b.m, b.trace, 2, ""); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("without a head: error %v, want one with %q", err, want)
	}
}
