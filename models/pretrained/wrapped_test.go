package pretrained

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/graphs/vit"
	"fovea/onnx/weights"
)

// Files whose tensors stand below state_dict, or behind module. of DataParallel, give all of a model's parameters.
func TestWrappedFile(t *testing.T) {
	c := vit.Config{ImageSize: 28, Patch: 7, Width: 32, Depth: 1, Heads: 2, Classes: 2, Pool: vit.Class}
	var first map[string][]float32
	for name, dict := range map[string]string{"a_statedict_plain": "state_dict", "b_statedict_timm": "state_dict",
		"d_module_plain": "module"} {
		m := match(t, open(t, filepath.Join("testdata", name+".pth")), parameters(c))
		if r := m.Report; r.Dict != dict || len(r.Loaded) != 18 || r.Unexpected != nil {
			t.Errorf("%s: %+v", name, r)
		}
		got := load(t, m)
		if first == nil {
			first = got
		}
		for p, v := range got {
			if v[0] != first[p][0] || v[len(v)-1] != first[p][len(v)-1] {
				t.Errorf("%s: %s differs from that of the other files", name, p)
			}
		}
	}
}

func TestTwoModelsInFile(t *testing.T) {
	c := large
	c.Depth = 1
	model := parameters(c)
	both := parameters(c)
	for _, p := range model {
		both = append(both, Parameter{"model_ema." + p.Name, p.Shape})
	}
	f := write(t, both, func(x *weights.Tensor) {
		if !strings.HasPrefix(x.Name, "model_ema.") {
			x.Name = "state_dict." + x.Name
		}
	})
	if r := match(t, f, model).Report; r.Dict != "state_dict" || !slices.Equal(r.Others, []string{"model_ema"}) {
		t.Errorf("%+v", r)
	}
	m, err := New(f, model, Options{From: "model_ema"})
	if err != nil || m.Report.Dict != "model_ema" {
		t.Errorf("%+v, error %v", m, err)
	}
}

func TestNotWeights(t *testing.T) {
	for name, want := range map[string]string{"RETFound_cfp_weights.pth": "a web page", "lfs.pth": "a pointer of Git LFS"} {
		if _, err := Open(filepath.Join("testdata", name), nil, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", name, err, want)
		}
	}
}
