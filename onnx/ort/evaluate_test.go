package ort

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/internal/numbers"
	"fovea/onnx/pb"
)

// Outputs whose shapes are known only after the run come with their shapes.
func TestEvaluate(t *testing.T) {
	x := tensor(t, pb.TensorProto_FLOAT, 2, 3)
	copy(x.Float32(), []float32{0, 5, 0, 7, 0, 9})
	s := session(t, model(t, ports{info("x", pb.TensorProto_FLOAT, "n", 3)},
		ports{info("at", pb.TensorProto_INT64, 2, "found"), info("sum", pb.TensorProto_FLOAT)}, nil,
		op("NonZero", "x", "at"), op("ReduceSum", "x", "sum", number("keepdims", 0))), Options{})
	visit := func(Info, []byte) error { return nil }
	if err := s.Evaluate(visit); err == nil || !strings.Contains(err.Error(), `"x" is not bound`) {
		t.Errorf("error is %v", err)
	}
	if err := s.Bind("x", x); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err := s.Evaluate(func(info Info, data []byte) error {
		switch seen++; info.Name {
		case "at":
			if !slices.Equal(info.Shape, []int64{2, 3}) ||
				!slices.Equal(numbers.View[int64](data), []int64{0, 1, 1, 1, 0, 2}) {
				t.Errorf("at is %v %v", info.Shape, numbers.View[int64](data))
			}
		case "sum":
			if len(info.Shape) != 0 || info.Type != pb.TensorProto_FLOAT || numbers.View[float32](data)[0] != 21 {
				t.Errorf("sum is %v %v", info, numbers.View[float32](data))
			}
		}
		return nil
	})
	if err != nil || seen != 2 {
		t.Errorf("%d outputs, %v", seen, err)
	}
}

// Zeros around negative numbers are their maximum, however a session optimizes.
func TestPadBeforeMaxPool(t *testing.T) {
	pads := &pb.TensorProto{Name: proto.String("pads"), DataType: proto.Int32(int32(int64s)), Dims: []int64{8},
		Int64Data: []int64{0, 0, 1, 1, 0, 0, 1, 1}}
	kernel := &pb.AttributeProto{Name: proto.String("kernel_shape"), Type: pb.AttributeProto_INTS.Enum(),
		Ints: []int64{4, 4}}
	bytes := model(t, ports{info("x", float, 1, 1, 2, 2)}, ports{info("y", float, 1, 1, 1, 1)},
		[]*pb.TensorProto{pads}, op("Pad", "x pads", "p"), op("MaxPool", "p", "y", kernel))
	for _, o := range []Options{{}, {Optimization: Basic},
		{Config: map[string]string{disabledOptimizers: "MatMulAddFusion"}}} {
		s := session(t, bytes, o)
		x := tensor(t, pb.TensorProto_FLOAT, 1, 1, 2, 2)
		copy(x.Float32(), []float32{-1, -2, -3, -4})
		if err := s.Bind("x", x); err != nil {
			t.Fatal(err)
		}
		err := s.Evaluate(func(_ Info, data []byte) error {
			if y := numbers.View[float32](data); y[0] != 0 {
				t.Errorf("%+v: the maximum is %v", o, y)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
