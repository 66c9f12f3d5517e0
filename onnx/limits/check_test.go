package limits

import (
	"archive/zip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// TestGoodModels: no model of the repository's tests is refused.
func TestGoodModels(t *testing.T) {
	root := filepath.Join("..", "..")
	count := 0
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".onnx" || strings.Contains(path, "hostile") {
			return err
		}
		m, err := onnx.Open(path)
		if err != nil {
			return nil // a damaged file of another test
		}
		defer m.Close()
		if onnx.Check(m.Proto) != nil {
			return nil
		}
		count++
		if err := Check(m.Proto, nil); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return nil
	})
	if err != nil || count < 10 {
		t.Fatalf("%d models: %v", count, err)
	}
	t.Log(count, "models")
}

// hostileModels calls f with each model of testdata.
func hostileModels(t *testing.T, f func(name string, m *pb.ModelProto)) {
	t.Helper()
	archive, err := zip.OpenReader(filepath.Join("testdata", "hostile.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	for _, member := range archive.File {
		r, err := member.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnx.Unmarshal(data)
		if err != nil {
			t.Fatal(err)
		}
		f(strings.TrimSuffix(member.Name, ".onnx"), m)
	}
}

// TestHostileModels: models that ask for too much are refused, with the node. The other ones of testdata are harmless,
// or refused by the runtime itself.
func TestHostileModels(t *testing.T) {
	wants := map[string]string{
		"tile_x": `node 18 (Tile): its result has`, "resize_x": "(Resize): its result has", "pad_x": "(Pad): its result has",
		"unsq_x": "its result has", "outer_x": "(Mul): its result has", "matmul_x": "(MatMul): its result has",
		"cos_dyn": "(ConstantOfShape): its result has", "gather_x": "(Gather): its result has",
		"float_double_const": "(Concat): its result has", "compress_double": "its result has",
		"expand_const": "(Expand): its result has", "einsum_big": "(Einsum): its result has", "range_big": "its result has",
		"nonzero_x": "its result has",
		"func_exp":  "with its functions expanded the model has more than", "func_cat": "its result has",
		"loop_computed": "a loop around it has too many steps", "loop_forever": "the loop never ends",
		"div0_const": "divides integers by 0", "divmin_const": "the quotient of -9223372036854775808 and -1",
		"divmin32_const": "the quotient of -2147483648 and -1",
		"gn0":            "attribute num_groups is 0", "s2d": "attribute blocksize is 0", "maxroi": "attribute pooled_shape is 0",
		"roialign": "attribute output_height is 0", "mlp_k": "attribute K is 0", "mha0": "attribute num_heads is 0",
		"stft0": "its input 1 is 0", "embed": "its input 2 is 0", "hann": "asks for", "trilu": "a diagonal of",
		"convrank": "its input has 4 dimensions, its weight 5", "convinteger": "its input has 4 dimensions",
		"qlinearconv": "its input has 4 dimensions", "fusedconv": "its input has 4 dimensions",
		"conv_bias_short": "its bias has the shape 1", "lstm_big": "its hidden size is", "lstm_r": "its hidden size is",
		"lstm_dirs": "its hidden size is", "gru_w": "its hidden size is", "rnn_r": "its hidden size is",
	}
	hostileModels(t, func(name string, m *pb.ModelProto) {
		want, refused := wants[name]
		delete(wants, name)
		err := errors.Join(onnx.Check(m), Check(m, nil))
		if refused && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "node ")) {
			t.Errorf("%s: error is %v, want %q", name, err, want)
		}
		if err != nil && len(err.Error()) > 500 {
			t.Errorf("%s: the error has %d bytes", name, len(err.Error()))
		}
	})
	if len(wants) > 0 {
		t.Errorf("not in testdata: %v", wants)
	}
	for name, want := range map[string]string{"expcat20": "node 19 (Concat): its result has",
		"intcat": "node 25 (Concat): its result has", "loop1000000000": "a loop around it has too many steps",
		"nest31": "nested too deep", "sigfpe_conv_stride0": "node 0 (Conv): attribute strides is 0"} {
		m, err := onnx.Open(filepath.Join("testdata", "hostile", name+".onnx"))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := Check(m.Proto, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %q", name, err, want)
		}
	}
}

// FuzzCheck: no model makes the checks panic or run on.
func FuzzCheck(f *testing.F) {
	for _, pattern := range []string{"testdata/hostile/*.onnx", "../testdata/*.onnx",
		"../../models/imported/testdata/*.onnx"} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			if data, err := os.ReadFile(path); err == nil && len(data) < 1<<15 {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Unmarshal(data)
		if err != nil || onnx.Check(m) != nil {
			return
		}
		Prepare(m, nil)
		Longest(m)
	})
}
