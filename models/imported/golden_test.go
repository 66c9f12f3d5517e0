package imported

import (
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/graphs/importer"
	"fovea/internal/graphtest"
	"fovea/internal/numbers"
)

// TestPyTorch compares gradients of models that PyTorch exported with those of its autograd: tools/oracle/imported.py.
// The batch is symbolic in the files.
func TestPyTorch(t *testing.T) {
	const tolerance = 5e-6 // of the tensor's largest entry
	paths, err := filepath.Glob("testdata/*.onnx")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no models: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var golden struct {
				Images, Cotangent []byte
				Gradients         map[string][]byte
			}
			graphtest.ReadGolden(t, strings.TrimSuffix(path, ".onnx")+".json.gz", &golden)
			f, err := Open(t.Context(), path, importer.Sizes{Batch: 2})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			g, err := f.Differentiate(slices.Sorted(maps.Keys(golden.Gradients))...)
			if err != nil {
				t.Fatal(err)
			}
			compared, worst := 0, 0.0
			at := point{"images": golden.Images, "logits.cotangent": golden.Cotangent}
			err = runOnce(t.Context(), g, at, func(output string, got []float32) {
				name := strings.TrimSuffix(output, ".grad")
				want := numbers.Decode[float32](golden.Gradients[name])
				if len(got) != len(want) {
					t.Fatalf("%s has %d entries, want %d", name, len(got), len(want))
				}
				largest, off := 0.0, 0.0
				for i, w := range want {
					largest = max(largest, math.Abs(float64(w)))
					off = max(off, math.Abs(float64(got[i]-w)))
				}
				if !(off <= tolerance*largest) {
					t.Errorf("%s: %.1e of the largest entry off", name, off/largest)
				}
				compared++
				worst = max(worst, off/largest)
			})
			if err != nil || compared != len(golden.Gradients) {
				t.Fatalf("%d of %d gradients compared: %v", compared, len(golden.Gradients), err)
			}
			t.Logf("%d gradients, worst %.1e of the largest entry", compared, worst)
		})
	}
}
