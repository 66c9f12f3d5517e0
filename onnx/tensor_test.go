package onnx

import (
	"bytes"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"fovea/onnx/pb"

	"google.golang.org/protobuf/proto"
)

func open(t *testing.T, path string) *Model {
	t.Helper()
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// The official library wrote the same values once into typed fields and once as raw bytes.
func TestDataOfTypedFields(t *testing.T) {
	typed := open(t, filepath.Join("testdata", "typed.onnx")).Proto.GetGraph().GetInitializer()
	raw := open(t, filepath.Join("testdata", "raw.onnx")).Proto.GetGraph().GetInitializer()
	if len(typed) != len(raw) || len(raw) < 27 {
		t.Fatalf("%d typed and %d raw tensors", len(typed), len(raw))
	}
	for i := range raw {
		name := raw[i].GetName()
		want, err := Data(raw[i])
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := Data(typed[i])
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: typed fields give % x, want % x", name, got, want)
		}
		if unsafe.SliceData(want) != unsafe.SliceData(raw[i].RawData) {
			t.Errorf("%s: raw data is copied", name)
		}
	}
}

func TestPack6(t *testing.T) { // the layout in onnx.proto's comment of raw_data
	got := pack6([]int32{0b000001, 0b100010, 0b110111, 0b111100, 0b101010})
	want := []byte{0b10_000001, 0b0111_1000, 0b111100_11, 0b101010}
	if !bytes.Equal(got, want) {
		t.Errorf("got %08b, want %08b", got, want)
	}
}

func TestDataSize(t *testing.T) {
	tests := []struct {
		dtype pb.TensorProto_DataType
		shape []int64
		want  int64
		err   string
	}{
		{pb.TensorProto_FLOAT, nil, 4, ""},
		{pb.TensorProto_DOUBLE, []int64{2, 3}, 48, ""},
		{pb.TensorProto_FLOAT, []int64{0, math.MaxInt64, math.MaxInt64}, 0, ""},
		{pb.TensorProto_INT4, []int64{3}, 2, ""},
		{pb.TensorProto_FLOAT6E2M3, []int64{5}, 4, ""},
		{pb.TensorProto_FLOAT, []int64{-1}, 0, "negative"},
		{pb.TensorProto_FLOAT, []int64{0, -1}, 0, "negative"},
		{pb.TensorProto_FLOAT, []int64{1 << 32, 1 << 32}, 0, "too many elements"},
		{pb.TensorProto_FLOAT, []int64{math.MaxInt64}, 0, "too many bytes"},
		{pb.TensorProto_STRING, []int64{1}, 0, "no fixed size"},
		{99, []int64{1}, 0, "type 99"},
	}
	for _, test := range tests {
		got, err := DataSize(test.dtype, test.shape)
		if test.err == "" && (err != nil || got != test.want) {
			t.Errorf("%s %v: %d, %v, want %d", TypeName(test.dtype), test.shape, got, err, test.want)
		}
		if test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s %v: error %v, want one with %q", TypeName(test.dtype), test.shape, err, test.err)
		}
	}
	if n, err := ElementSize(pb.TensorProto_BFLOAT16); n != 2 || err != nil {
		t.Errorf("ElementSize of bfloat16: %d, %v", n, err)
	}
	if _, err := ElementSize(pb.TensorProto_UINT4); err == nil {
		t.Error("ElementSize of uint4: no error")
	}
}

func TestSetData(t *testing.T) {
	data := make([]byte, 8)
	x := &pb.TensorProto{
		Name: proto.String("x"), DataType: proto.Int32(int32(pb.TensorProto_FLOAT)), Dims: []int64{2},
		FloatData: []float32{1, 2}, DataLocation: pb.TensorProto_EXTERNAL.Enum(),
	}
	if err := SetData(x, data); err != nil {
		t.Fatal(err)
	}
	if got, err := Data(x); err != nil || &got[0] != &data[0] {
		t.Errorf("Data after SetData: %v, %v, want the same memory", got, err)
	}
	err := SetData(x, data[:7])
	if want := `tensor "x": 7 bytes given, but float32 of shape [2] has 8`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestDataErrors(t *testing.T) {
	float := proto.Int32(int32(pb.TensorProto_FLOAT))
	tests := map[string]*pb.TensorProto{
		"strings have no raw bytes":       {DataType: proto.Int32(int32(pb.TensorProto_STRING))},
		"open the model by its path":      {DataType: float, DataLocation: pb.TensorProto_EXTERNAL.Enum()},
		"segmented":                       {DataType: float, Segment: &pb.TensorProto_Segment{}},
		"0 bytes of data, but float32 of": {DataType: float, Dims: []int64{1 << 40}},
		"too many elements":               {DataType: float, Dims: []int64{1 << 40, 1 << 40}},
	}
	for want, x := range tests {
		if _, err := Data(x); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
