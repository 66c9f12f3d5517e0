package onnx

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fovea/onnx/pb"

	"google.golang.org/protobuf/proto"
)

// checkWithPython compares two model files with the official library, if FOVEA_PYTHON names a Python that has it.
func checkWithPython(t *testing.T, a, b string) {
	python := os.Getenv("FOVEA_PYTHON")
	if python == "" {
		return
	}
	script := filepath.Join("..", "tools", "oracle", "onnx_files.py")
	if out, err := exec.Command(python, script, "check", a, b).CombinedOutput(); err != nil {
		t.Errorf("onnx package: %v\n%s", err, out)
	}
}

func TestSave(t *testing.T) {
	for _, name := range []string{"inline", "external", "typed", "raw"} {
		source := filepath.Join("testdata", name+".onnx")
		m := open(t, source)
		for _, external := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "m.onnx")
			if err := Save(path, m.Proto, SaveOptions{External: external, Threshold: 8}); err != nil {
				t.Fatal(err)
			}
			again := open(t, path)
			for i, x := range m.Proto.Graph.Initializer {
				y := again.Proto.Graph.Initializer[i]
				if !proto.Equal(x, y) {
					t.Errorf("%s, external %v: tensor %s differs", name, external, x.GetName())
				}
			}
			if !proto.Equal(m.Proto, again.Proto) {
				t.Errorf("%s, external %v: the model differs", name, external)
			}
			if _, err := os.Stat(path + ".data"); (err == nil) != external && name != "typed" {
				t.Errorf("%s, external %v: data file: %v", name, external, err)
			}
			checkWithPython(t, source, path)
		}
	}
}

func TestMarshal(t *testing.T) {
	m := open(t, filepath.Join("testdata", "inline.onnx")).Proto
	SetMetadata(m, "classes", "a")
	SetMetadata(m, "classes", "a,b")
	SetMetadata(m, "size", "224")
	if v, ok := Metadata(m, "classes"); v != "a,b" || !ok || len(m.MetadataProps) != 2 {
		t.Errorf("metadata %v", m.MetadataProps)
	}
	if _, ok := Metadata(m, "none"); ok {
		t.Error("metadata under a key that was never set")
	}
	m.ProtoReflect().SetUnknown([]byte{0xf8, 0x7f, 1}) // field 2047: a later ONNX's
	b, err := Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got := &pb.ModelProto{}
	if err := proto.Unmarshal(b, got); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(got, m) {
		t.Error("the model differs after Marshal and proto.Unmarshal")
	}
	again, err := Marshal(got)
	if err != nil || !bytes.Equal(b, again) {
		t.Errorf("equal models give different bytes, %v", err)
	}
}

// weightModel returns a model of n tensors of size bytes that all share memory.
func weightModel(t testing.TB, n, size int) *pb.ModelProto {
	t.Helper()
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 7)
	}
	g := &pb.GraphProto{Name: proto.String("weights")}
	for i := range n {
		x, err := NewTensor(string(rune('a'+i)), pb.TensorProto_FLOAT, []int64{int64(size / 4)}, data)
		if err != nil {
			t.Fatal(err)
		}
		g.Initializer = append(g.Initializer, x)
	}
	return &pb.ModelProto{
		IrVersion:   proto.Int64(10),
		OpsetImport: []*pb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph:       g,
	}
}

func TestExternalAlignment(t *testing.T) {
	m := weightModel(t, 2, 3<<20+4)
	small, err := NewTensor("small", pb.TensorProto_UINT8, []int64{3000}, make([]byte, 3000))
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.Initializer = append(m.Graph.Initializer[:1], small, m.Graph.Initializer[1])
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := Save(path, m, SaveOptions{External: true}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p := &pb.ModelProto{}
	if err := proto.Unmarshal(b, p); err != nil {
		t.Fatal(err)
	}
	want := []string{"0", "3145792", "3211264"} // 3 MiB+4 up to 64; plus 3000 up to 64 KiB
	for i, x := range p.Graph.Initializer {
		if got := externalEntry(x, "offset"); got != want[i] {
			t.Errorf("%s is at %s, want %s", x.GetName(), got, want[i])
		}
		if got := externalEntry(x, "location"); got != "m.onnx.data" {
			t.Errorf("%s is in %q", x.GetName(), got)
		}
	}
}

// Files above 2 GiB, one with a data file and one that is a single protobuf beyond the standard. They are made with
// holes, which cost no disk.
func TestOpenAbove2GiB(t *testing.T) {
	const size = 256 << 20
	m := weightModel(t, 9, size)
	if _, err := Marshal(m); err == nil {
		t.Error("Marshal of more than 2 GiB gives no error")
	}
	parts, err := encode(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "big.onnx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at := int64(0)
	for _, p := range parts {
		if len(p) == size {
			p = p[:4096]
			at += size - 4096
		}
		if _, err := f.WriteAt(p, at); err != nil {
			t.Fatal(err)
		}
		at += int64(len(p))
	}
	last := open(t, path).Proto.Graph.Initializer[8]
	want := m.Graph.Initializer[8].RawData[:4096]
	if len(last.RawData) != size || !bytes.Equal(last.RawData[size-4096:], want) {
		t.Error("the last tensor of a single file differs")
	}

	entries := []string{"location", "data", "offset", "4294967296", "length", "16"}
	path = externalModel(t, t.TempDir(), entries...)
	data := filepath.Join(filepath.Dir(path), "data")
	if err := os.WriteFile(data, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(data, 1<<32+16); err != nil {
		t.Fatal(err)
	}
	if got := open(t, path).Proto.Graph.Initializer[0].RawData; len(got) != 16 {
		t.Errorf("%d bytes behind 4 GiB", len(got))
	}
}

// Saving a model above 2 GiB makes a data file without being asked.
func TestSaveAbove2GiB(t *testing.T) {
	if os.Getenv("FOVEA_LARGE") == "" {
		t.Skip("writes 2.25 GiB: set FOVEA_LARGE=1 to run it")
	}
	m := weightModel(t, 9, 256<<20)
	path := filepath.Join(t.TempDir(), "big.onnx")
	if err := Save(path, m, SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	for i, x := range open(t, path).Proto.Graph.Initializer {
		if !bytes.Equal(x.RawData, m.Graph.Initializer[i].RawData) {
			t.Errorf("tensor %s differs", x.GetName())
		}
	}
}

func BenchmarkSave(b *testing.B) {
	m := weightModel(b, 10, 10<<20)
	path := filepath.Join(b.TempDir(), "m.onnx")
	b.SetBytes(100 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if err := Save(path, m, SaveOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "m.onnx")
	if err := Save(path, weightModel(b, 10, 10<<20), SaveOptions{}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(100 << 20)
	b.ReportAllocs()
	for b.Loop() {
		m, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		m.Close()
	}
}
