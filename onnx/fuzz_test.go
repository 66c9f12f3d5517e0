package onnx

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"fovea/onnx/pb"

	"google.golang.org/protobuf/proto"
)

// FuzzUnmarshal feeds bytes to everything that reads a model. Nothing may panic, decoding must agree with the protobuf
// package, and a decoded model must survive writing.
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
		for _, x := range allTensors(m) {
			readable := valid && !isExternal(x) && x.GetDataType() != int32(pb.TensorProto_STRING)
			if _, err := Data(x); err != nil && readable {
				t.Errorf("a tensor of a valid model has no data: %v", err)
			}
		}
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

// FuzzOpen opens a model beside a file of external data. It must cost memory in proportion to the two files, whatever
// size the model states, and no tensor may have bytes that are not theirs.
func FuzzOpen(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("testdata", "external.bin"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"external.onnx", "raw.onnx", filepath.Join("check", "valid_if_outer_scope.onnx")} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, data)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, model, data []byte) {
		path := filepath.Join(dir, "m.onnx")
		for name, content := range map[string][]byte{path: model, filepath.Join(dir, "external.bin"): data} {
			if err := os.WriteFile(name, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := Open(path)
		if err == nil {
			err = Check(m.Proto)
		}
		runtime.ReadMemStats(&after)
		// Two bytes of a file may be an empty node, which is some hundred in memory.
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20+1000*uint64(len(model)) {
			t.Errorf("%d bytes were allocated for a model of %d", used, len(model))
		}
		if m == nil {
			return
		}
		defer m.Close()
		if err != nil {
			return
		}
		for _, x := range allTensors(m.Proto) {
			sum := byte(0)
			for _, b := range x.GetRawData() { // all of it is there
				sum += b
			}
		}
	})
}
