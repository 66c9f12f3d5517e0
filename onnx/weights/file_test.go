package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/onnx/pb"
)

func TestOpenONNX(t *testing.T) {
	inline := openTest(t, filepath.Join("..", "testdata", "inline.onnx"))
	external := openTest(t, filepath.Join("..", "testdata", "external.onnx"))
	if len(inline.Tensors) != 3 || len(external.Tensors) != 3 {
		t.Fatalf("%d and %d tensors, want 3", len(inline.Tensors), len(external.Tensors))
	}
	for _, x := range inline.Tensors {
		y, ok := external.Lookup(x.Name)
		if !ok || y.Type != x.Type || !bytes.Equal(x.Data, y.Data) {
			t.Errorf("%s differs between the model with external data and the one without", x.Name)
		}
	}
	if w, ok := inline.Lookup("w"); !ok || w.Type != pb.TensorProto_FLOAT || len(w.Data) != 20*30*4 {
		t.Errorf("w: %v, %v", w.Shape, ok)
	}
}

// headerOf returns a file without tensors whose header has n bytes.
func headerOf(n int) []byte {
	header := fmt.Appendf(nil, "{%*s", n-1, "}")
	return append(binary.LittleEndian.AppendUint64(nil, uint64(n)), header...)
}

// The content decides, not the extension.
func TestOpenDetects(t *testing.T) {
	golden, err := os.ReadFile(filepath.Join("testdata", "types.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		content []byte
		want    string // "" is success
	}{
		{"weights", golden, ""},
		{"weights.bin", golden, ""},
		{"pickle_like_length", headerOf(0x280), ""},
		{"m.pth", []byte("PK\x03\x04 and so on"), "not a valid zip file"},
		{"m.safetensors", []byte("PK\x03\x04 and so on"), "zip archive"},
		{"m.pdparams", []byte("\x80\x02}q\x00 and so on"), "pickle: byte 5: operation 0x20"},
		{"m.h5", []byte("\x89HDF\r\n\x1a\n"), "HDF5"},
		{"empty.safetensors", nil, "the file is empty"},
		{"short.safetensors", []byte("abc"), "3 bytes are too few"},
		{"notes.txt", []byte("just some notes"), "none of safetensors, ONNX"},
		{"m.onnx", []byte("just some notes"), "not an ONNX model"},
	}
	for _, test := range tests {
		path := filepath.Join(t.TempDir(), test.name)
		if err := os.WriteFile(path, test.content, 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err == nil {
			f.Close()
		}
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want != "" && err == nil:
			t.Errorf("%s: no error", test.name)
		case test.want != "" && !(strings.Contains(err.Error(), test.want) && strings.Contains(err.Error(), path)):
			t.Errorf("%s: error %v, want one with %q and the path", test.name, err, test.want)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

// hundredMB returns tensors as in a ViT-B/16, all on the same memory.
func hundredMB() []Tensor {
	data := make([]byte, 768*768*4)
	tensors := make([]Tensor, 42)
	for i := range tensors {
		name := "blocks." + string(rune('A'+i)) + ".attn.proj.weight"
		tensors[i] = Tensor{Name: name, Type: pb.TensorProto_FLOAT, Shape: []int64{768, 768}, Data: data}
	}
	return tensors
}

func BenchmarkWrite(b *testing.B) {
	path := filepath.Join(b.TempDir(), "w.safetensors")
	tensors := hundredMB()
	b.SetBytes(int64(len(tensors) * len(tensors[0].Data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Write(path, tensors, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead copies every tensor to memory of the program's own, as loading parameters does.
func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "w.safetensors")
	tensors := hundredMB()
	if err := Write(path, tensors, nil); err != nil {
		b.Fatal(err)
	}
	into := make([]byte, len(tensors)*len(tensors[0].Data))
	b.SetBytes(int64(len(into)))
	b.ReportAllocs()
	for b.Loop() {
		f, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		at := 0
		for _, x := range f.Tensors {
			at += copy(into[at:], x.Data)
		}
		f.Close()
	}
}
