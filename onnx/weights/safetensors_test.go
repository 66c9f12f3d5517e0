package weights

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/onnx/pb"
)

func openTest(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// The official library's file comes back byte for byte, whatever the order of the tensors that are written.
func TestRoundTripEqualsOfficialFile(t *testing.T) {
	golden := filepath.Join("testdata", "types.safetensors")
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	f := openTest(t, golden)
	if len(f.Tensors) != 23 || f.Metadata["format"] != "pt" {
		t.Errorf("%d tensors, metadata %v", len(f.Tensors), f.Metadata)
	}
	reversed := slices.Clone(f.Tensors)
	slices.Reverse(reversed)
	for _, tensors := range [][]Tensor{f.Tensors, reversed} {
		path := filepath.Join(t.TempDir(), "again.safetensors")
		if err := Write(path, tensors, f.Metadata); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Error("the file differs from the official library's")
		}
		if python := os.Getenv("FOVEA_PYTHON"); python != "" {
			script := filepath.Join("..", "..", "tools", "oracle", "safetensors_files.py")
			if out, err := exec.Command(python, script, "check", path).CombinedOutput(); err != nil {
				t.Errorf("safetensors package: %v\n%s", err, out)
			}
		}
	}
}

func TestLookup(t *testing.T) {
	f := openTest(t, filepath.Join("testdata", "types.safetensors"))
	x, ok := f.Lookup("scalar")
	if !ok || x.Type != pb.TensorProto_FLOAT || len(x.Shape) != 0 || !bytes.Equal(x.Data, []byte{0, 0, 0x20, 0x40}) {
		t.Errorf("scalar: %v, %v", x, ok)
	}
	x, ok = f.Lookup("blocks.0.attn.qkv.weight")
	if !ok || !slices.Equal(x.Shape, []int64{6, 2}) || len(x.Data) != 48 {
		t.Errorf("qkv.weight: %v, %v", x, ok)
	}
	if _, ok := f.Lookup("nothing"); ok {
		t.Error("a tensor that is not there is found")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// Damaged files are refused exactly where the official library refuses them.
func TestParseAgreesWithOfficialLibrary(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "hostile.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		b, err := hex.DecodeString(row[2])
		if err != nil {
			t.Fatal(err)
		}
		tensors, _, err := Parse(b)
		if (err == nil) != (row[1] == "") {
			t.Errorf("%s: error %v, the official library: %q", row[0], err, row[1])
		}
		sorted := len(tensors) == 2 && tensors[0].Name == "b" && string(tensors[1].Data) == "cd"
		if row[0] == "valid unsorted" && !sorted {
			t.Errorf("%s: %v", row[0], tensors)
		}
	}
}

// The format's text forbids names that appear twice; the official library takes the last.
func TestParseRefusesNamesTwice(t *testing.T) {
	tensor := `"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`
	header := "{" + tensor + "," + tensor + "}"
	b := append([]byte{byte(len(header)), 0, 0, 0, 0, 0, 0, 0}, header...)
	if _, _, err := Parse(b); err == nil || !strings.Contains(err.Error(), `"a" appears twice`) {
		t.Errorf("error %v", err)
	}
}

func TestEncodeErrors(t *testing.T) {
	ok := Tensor{Name: "a", Type: pb.TensorProto_UINT8, Shape: []int64{2}, Data: []byte("ab")}
	edit := func(f func(*Tensor)) []Tensor {
		x := ok
		f(&x)
		return []Tensor{x}
	}
	tests := []struct {
		tensors  []Tensor
		metadata map[string]string
		want     string
	}{
		{[]Tensor{ok, ok}, nil, `tensor "a": the name appears twice`},
		{edit(func(x *Tensor) { x.Name = "__metadata__" }), nil, "reserves this name"},
		{edit(func(x *Tensor) { x.Name = "\xff" }), nil, "not valid UTF-8"},
		{edit(func(x *Tensor) { x.Data = nil }), nil, "0 bytes of data, but uint8 of shape [2] has 2"},
		{edit(func(x *Tensor) { x.Type = pb.TensorProto_STRING }), nil, "no type for string"},
		{edit(func(x *Tensor) { x.Type = pb.TensorProto_COMPLEX128 }), nil, "no type for complex128"},
		{edit(func(x *Tensor) { x.Type, x.Shape = pb.TensorProto_FLOAT4E2M1, []int64{3} }), nil, "last byte"},
		{edit(func(x *Tensor) { x.Shape = []int64{-2} }), nil, "negative"},
		{[]Tensor{ok}, map[string]string{"k": "\xff"}, "not valid UTF-8"},
	}
	for _, test := range tests {
		err := Encode(&bytes.Buffer{}, test.tensors, test.metadata)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want one with %q", err, test.want)
		}
	}
}

// FuzzParse feeds bytes to the reader. Every file that it accepts must survive writing.
func FuzzParse(f *testing.F) {
	file, err := os.Open(filepath.Join("testdata", "hostile.csv"))
	if err != nil {
		f.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		f.Fatal(err)
	}
	for _, row := range rows[1:] {
		b, err := hex.DecodeString(row[2])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tensors, metadata, err := Parse(b)
		if err != nil {
			return
		}
		var first, second bytes.Buffer
		if err := Encode(&first, tensors, metadata); err != nil {
			t.Fatalf("a file that was read cannot be written: %v", err)
		}
		again, metadata, err := Parse(first.Bytes())
		if err != nil || len(again) != len(tensors) {
			t.Fatalf("a file that was written cannot be read: %v", err)
		}
		if err := Encode(&second, again, metadata); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("equal tensors give different files: %v", err)
		}
	})
}
