package onnx

import (
	"os"
	"path/filepath"
	"testing"

	"fovea/onnx/pb"

	"google.golang.org/protobuf/proto"
)

// FuzzUnmarshal feeds bytes to everything that reads a model. Nothing may
// panic, decoding must agree with the protobuf package, and what is decoded
// must survive writing.
func FuzzUnmarshal(f *testing.F) {
	seeds, err := filepath.Glob(filepath.Join("testdata", "check", "*.onnx"))
	if err != nil || len(seeds) == 0 {
		f.Fatal("no seeds", err)
	}
	seeds = append(seeds, filepath.Join("testdata", "typed.onnx"), filepath.Join("testdata", "inline.onnx"))
	for _, path := range seeds {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Unmarshal(b)
		plain := &pb.ModelProto{}
		if plainErr := proto.Unmarshal(b, plain); len(b) > 0 && (err == nil) != (plainErr == nil) {
			t.Fatalf("error %v, the protobuf package says %v", err, plainErr)
		}
		if err != nil {
			return
		}
		valid := Check(m) == nil
		eachTensor(m, func(x *pb.TensorProto) error {
			readable := valid && !isExternal(x) && x.GetDataType() != int32(pb.TensorProto_STRING)
			if _, err := Data(x); err != nil && readable {
				t.Errorf("a tensor of a valid model has no data: %v", err)
			}
			return nil
		})
		out, err := Marshal(m)
		if err != nil {
			return // external data
		}
		again, err := Unmarshal(out)
		if len(out) > 0 && (err != nil || Check(again) == nil != valid) {
			t.Errorf("the model changed by writing: %v", err)
		}
	})
}
