package onnx

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"fovea/onnx/pb"

	"google.golang.org/protobuf/proto"
)

// inside reports whether part is memory of whole.
func inside(part, whole []byte) bool {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(part))) - uintptr(unsafe.Pointer(unsafe.SliceData(whole)))
	return at < uintptr(len(whole))
}

func TestOpenEqualsUnmarshal(t *testing.T) {
	path := filepath.Join("testdata", "inline.onnx")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := &pb.ModelProto{}
	if err := proto.Unmarshal(b, want); err != nil {
		t.Fatal(err)
	}
	m := open(t, path)
	if !proto.Equal(m.Proto, want) {
		t.Error("Open differs from proto.Unmarshal")
	}
	for _, x := range m.Proto.GetGraph().GetInitializer() {
		if big := len(x.RawData) >= aliasSize; inside(x.RawData, m.files[0].Bytes()) != big {
			t.Errorf("%s of %d bytes: in the map is %v", x.GetName(), len(x.RawData), !big)
		}
	}
}

func TestOpenExternal(t *testing.T) {
	m := open(t, filepath.Join("testdata", "external.onnx"))
	want := open(t, filepath.Join("testdata", "inline.onnx"))
	if !proto.Equal(m.Proto, want.Proto) {
		t.Error("the model with external data differs from the one without")
	}
	if len(m.files) != 2 || !inside(Initializer(m.Proto.Graph, "w").RawData, m.files[1].Bytes()) {
		t.Errorf("%d files are mapped, want two, with w in the second", len(m.files))
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestDigest(t *testing.T) {
	dir := t.TempDir()
	path, data := externalModel(t, dir, "location", "data"), filepath.Join(dir, "data")
	digest := func(content string) string {
		if err := os.WriteFile(data, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		return m.Digest()
	}
	if a, b := digest("0123456789abcdef"), digest("0123456789abcdeF"); a == b || a != digest("0123456789abcdef") {
		t.Errorf("digests are %s and, with other data, %s", a, b)
	}
}

// externalModel writes a model with one tensor of 4 floats that refers to an external file by entries, key and value in
// turn.
func externalModel(t *testing.T, dir string, entries ...string) string {
	t.Helper()
	x := &pb.TensorProto{Name: proto.String("w"), DataType: proto.Int32(1), Dims: []int64{4},
		DataLocation: pb.TensorProto_EXTERNAL.Enum()}
	for i := 0; i < len(entries); i += 2 {
		x.ExternalData = append(x.ExternalData, &pb.StringStringEntryProto{Key: &entries[i], Value: &entries[i+1]})
	}
	b, err := proto.Marshal(&pb.ModelProto{Graph: &pb.GraphProto{Initializer: []*pb.TensorProto{x}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "model.onnx")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpenExternalRefusals(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "in")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(outer, "secret")
	for _, path := range []string{secret, filepath.Join(dir, "data")} {
		if err := os.WriteFile(path, make([]byte, 20), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(secret, filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		entries []string
		want    string // "" is success
	}{
		{"whole", []string{"location", "data"}, ""},
		{"section", []string{"location", "./data", "offset", "4", "length", "16"}, ""},
		{"no location", nil, "without a location"},
		{"parent", []string{"location", "../secret"}, "outside the model's folder"},
		{"parent inside", []string{"location", "folder/../../secret"}, "outside the model's folder"},
		{"absolute", []string{"location", secret}, "outside the model's folder"},
		{"symbolic link", []string{"location", "link"}, "escapes"},
		{"folder", []string{"location", "folder"}, "this is a folder, not a file"},
		{"missing", []string{"location", "nothing"}, "no such file"},
		{"behind the end", []string{"location", "data", "offset", "8"}, "truncated"},
		{"negative offset", []string{"location", "data", "offset", "-4"}, "truncated"},
		{"overflow", []string{"location", "data", "offset", strconv.Itoa(1<<63 - 1)}, "truncated"},
		{"long length", []string{"location", "data", "length", strconv.Itoa(1<<63 - 1)}, "truncated"},
		{"negative length", []string{"location", "data", "length", "-1"}, "truncated"},
		{"other length", []string{"location", "data", "length", "12"},
			"12 bytes given, but float32 of shape [4] has 16"},
		{"no number", []string{"location", "data", "offset", "0x10"}, "not a number"},
	}
	for _, test := range tests {
		m, err := Open(externalModel(t, dir, test.entries...))
		if err == nil {
			m.Close()
		}
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}

func TestOpenDamaged(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "inline.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(b)-1; n += 97 {
		if m, err := Unmarshal(b[:n]); err == nil && Check(m) == nil {
			t.Errorf("%d of %d bytes pass as a model", n, len(b))
		}
	}
	for _, content := range []string{"", "not a model", "\x00", "PK\x03\x04"} {
		path := filepath.Join(t.TempDir(), "bad.onnx")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		for _, want := range []string{path, "not an ONNX model"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: error %v, want one with %q", content, err, want)
			}
		}
	}
	if _, err := Open("testdata"); err == nil {
		t.Error("a folder opens as a model")
	}
}

// A weight file in the place of a model is said to be one.
func TestOpenWeightFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weights")
	for _, head := range []string{"PK\x03\x04.......", "\x80\x02}q\x00.", "\x02\x00\x00\x00\x00\x00\x00\x00{}"} {
		if err := os.WriteFile(path, []byte(head), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "this is a weight file, not an ONNX model") {
			t.Errorf("%q: %v", head, err)
		}
	}
}
