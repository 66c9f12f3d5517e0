package ort

import (
	"strings"
	"testing"

	"fovea/onnx/ort/internal/orttest"
	"fovea/onnx/pb"
)

func TestRuntimeLogGoesToSlog(t *testing.T) {
	unused := constant("unused_constant", []int64{1}, 7)
	data := model(t, ports{info("x", float, 1)}, ports{info("y", float, 1)}, []*pb.TensorProto{unused},
		op("Neg", "x", "y"))
	out, failed := orttest.InChild(t, "log", "FOVEA_ORT_TEST_MODEL="+orttest.File(t, "m.onnx", data),
		"FOVEA_ORT="+InUse().Path)
	if failed || !strings.Contains(out, "level=WARN") || !strings.Contains(out, "unused_constant") ||
		!strings.Contains(out, "from=onnxruntime") {
		t.Errorf("no warning about the unused constant: %s", out)
	}
}
