package weights

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/onnx/pb"
)

// shards writes two safetensors files and returns the path of an index with this content.
func shards(t *testing.T, index any) string {
	t.Helper()
	dir := t.TempDir()
	for file, names := range map[string][]string{"model-1.safetensors": {"a", "b"}, "model-2.safetensors": {"c"}} {
		var tensors []Tensor
		for _, name := range names {
			tensors = append(tensors, Tensor{Name: name, Type: pb.TensorProto_UINT8, Shape: []int64{2},
				Data: []byte(name + "!")})
		}
		if err := Write(filepath.Join(dir, file), tensors, nil); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "model.safetensors.index.json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

type weightMap map[string]map[string]string

func TestShards(t *testing.T) {
	// b stays outside: an index may leave tensors out.
	f, err := Open(shards(t, weightMap{"weight_map": {"c": "model-2.safetensors", "a": "model-1.safetensors"}}))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(f.Tensors) != 2 {
		t.Fatalf("%d tensors, want 2", len(f.Tensors))
	}
	for _, name := range []string{"a", "c"} {
		if x, ok := f.Lookup(name); !ok || string(x.Data) != name+"!" {
			t.Errorf("tensor %s is %v, %q", name, ok, x.Data)
		}
	}
}

func TestShardsRefuse(t *testing.T) {
	for name, c := range map[string]struct {
		index any
		want  string
	}{
		"a file that is not there": {weightMap{"weight_map": {"a": "model-3.safetensors"}}, "model-3.safetensors"},
		"a tensor of another file": {weightMap{"weight_map": {"c": "model-1.safetensors"}},
			`model-1.safetensors has the tensor "c"`},
		"a file elsewhere": {weightMap{"weight_map": {"a": "../model-1.safetensors"}},
			"no weight file beside it"},
		"itself": {weightMap{"weight_map": {"a": "model.safetensors.index.json"}},
			"no weight file beside it"},
		"another JSON file":           {map[string]int{"epochs": 3}, "no weight_map"},
		"a weight_map of other types": {map[string]int{"weight_map": 3}, "index of weight files"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Open(shards(t, c.index))
			if err == nil {
				f.Close()
				t.Fatal("it opens")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %q, want %q in it", err, c.want)
			}
		})
	}
}
