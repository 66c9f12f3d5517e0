package explain

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/internal/graphtest"
	"fovea/internal/numbers"
)

// TestModels compares with models of timm and torchvision that tools/oracle/explain.py
// --models wrote into the folder FOVEA_EXPLAIN.
func TestModels(t *testing.T) {
	dir := os.Getenv("FOVEA_EXPLAIN")
	if dir == "" {
		t.Skip("FOVEA_EXPLAIN names no folder of models")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.onnx"))
	if err != nil || paths == nil {
		t.Fatalf("no models in %s: %v", dir, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var g golden
			graphtest.ReadGolden(t, strings.TrimSuffix(path, ".onnx")+".json.gz", &g)
			var methods []Method
			for _, m := range Methods {
				if g.Maps[m] != nil {
					methods = append(methods, m)
				}
			}
			all, err := open(t, path, Options{Methods: methods, Batch: 2}).Explain(numbers.Decode[float32](g.Images), g.Classes)
			if err != nil {
				t.Fatal(err)
			}
			for k, method := range methods {
				compare(t, string(method), slices.Concat(all[0].Maps[k].Values, all[1].Maps[k].Values), numbers.Decode[float32](g.Maps[method]), 1e-4)
			}
			if g.Features == nil {
				return
			}
			f, err := OpenFeatures(t.Context(), path, Options{Batch: 2})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			features, err := f.Compute(numbers.Decode[float32](g.Images))
			if err != nil {
				t.Fatal(err)
			}
			compare(t, "features", features, numbers.Decode[float32](g.Features), 1e-5)
		})
	}
}
