package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fovea/onnx/pb"
)

// Both formats of torch.save give the values that PyTorch has: views of every kind, all element types, parameters,
// beside values that are no tensors.
func TestOpenPTH(t *testing.T) {
	golden := openTest(t, filepath.Join("testdata", "odd.safetensors"))
	for _, name := range []string{"odd_zip.pth", "odd_legacy.pth"} {
		f := openTest(t, filepath.Join("testdata", name))
		sameTensors(t, name, f.Tensors, golden.Tensors)

		// Written again, they are the same.
		path := filepath.Join(t.TempDir(), "again.safetensors")
		if err := Write(path, f.Tensors, nil); err != nil {
			t.Fatal(err)
		}
		sameTensors(t, name+", written", openTest(t, path).Tensors, golden.Tensors)

		for name, want := range map[string]string{"args.device": "cpu", "args.epochs": "800", "epoch": "3",
			"scaler.scale": "65536", "args.lr": ""} {
			if got := f.Values[name]; got != want {
				t.Errorf("%s: value %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

// TestModule: torch.save of a whole module gives the tensors of its state_dict, and nothing of it is executed.
func TestModule(t *testing.T) {
	var got []string
	for _, x := range openTest(t, filepath.Join("testdata", "module.pth")).Tensors {
		data, err := x.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if x.Type == pb.TensorProto_FLOAT {
			got = append(got, fmt.Sprint(x.Name, x.Shape, math.Float32frombits(binary.LittleEndian.Uint32(data))))
		}
	}
	slices.Sort(got)
	want := []string{"0.bias[1] 1", "0.weight[1 2] 0", "1.0.bias[1] 3", "1.0.running_mean[1] 4",
		"1.0.running_var[1] 5", "1.0.weight[1] 2"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func sameTensors(t *testing.T, what string, got, want []Tensor) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d tensors, want %d", what, len(got), len(want))
	}
	byName := map[string]Tensor{}
	for _, x := range want {
		byName[x.Name] = x
	}
	for _, x := range got {
		data, err := x.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if w := byName[x.Name]; x.Type != w.Type || !slices.Equal(x.Shape, w.Shape) || !bytes.Equal(data, w.Data) {
			t.Errorf("%s: %s is %v %v %x, want %v %v %x", what, x.Name, x.Type, x.Shape, data, w.Type, w.Shape, w.Data)
		}
	}
}

// A contiguous view is the file's memory. Another view is not read before its bytes are asked for.
func TestViewsAreLazy(t *testing.T) {
	f := openTest(t, filepath.Join("testdata", "odd_zip.pth"))
	for name, inPlace := range map[string]bool{"views.base": true, "views.rows": true, "views.one": true,
		"views.element": true, "views.transposed": false, "views.steps": false, "views.expanded": false} {
		x, _ := f.Lookup(name)
		if (x.Data != nil) != inPlace {
			t.Errorf("%s: in place is %v", name, x.Data != nil)
		}
	}
}

// A file of paddle.save gives the values that PaddlePaddle has.
func TestOpenPDParams(t *testing.T) {
	csvFile, err := os.Open(filepath.Join("testdata", "paddle.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer csvFile.Close()
	rows, err := csv.NewReader(csvFile).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	tensors := map[string]int{}
	for _, row := range rows[1:] {
		f := openTest(t, filepath.Join("testdata", "paddle_"+row[0]+".pdparams"))
		tensors[row[0]]++
		x, ok := f.Lookup(row[1])
		if !ok || strings.Trim(fmt.Sprint(x.Shape), "[]") != row[2] {
			t.Errorf("%s: %s is of shape %v, want %s", row[0], row[1], x.Shape, row[2])
			continue
		}
		data, err := x.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range strings.Fields(row[3]) {
			want, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			var got float64
			switch x.Type {
			case pb.TensorProto_FLOAT:
				got = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:])))
			case pb.TensorProto_BFLOAT16:
				got = float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[2*i:])) << 16))
			case pb.TensorProto_INT64:
				got = float64(binary.LittleEndian.Uint64(data[8*i:]))
			}
			if got != want {
				t.Errorf("%s: %s[%d] is %v of type %v, want %v", row[0], row[1], i, got, x.Type, want)
			}
		}
	}
	for name, n := range tensors {
		if f := openTest(t, filepath.Join("testdata", "paddle_"+name+".pdparams")); len(f.Tensors) != n {
			t.Errorf("%s: %d tensors, want %d", name, len(f.Tensors), n)
		}
	}
}
