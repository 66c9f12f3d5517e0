package imported

import (
	"maps"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/graphs/importer"
	"fovea/internal/graphtest"
	"fovea/internal/numbers"
	"fovea/onnx/ort"
)

// TestRecompute: the cuts of models that PyTorch exported are found, activations between those that are kept are
// computed again, and gradients stay the same to the bit.
func TestRecompute(t *testing.T) {
	for name, want := range map[string]struct{ cuts, again int }{
		"cnn_dynamo18": {9, 21}, "cnn_torchscript17": {9, 21}, "mlp_dynamo20": {9, 9},
		"vit_dynamo23": {14, 63}, "vit_torchscript11": {17, 106},
	} {
		t.Run(name, func(t *testing.T) {
			var golden struct {
				Images, Cotangent []byte
				Gradients         map[string][]byte
			}
			path := filepath.Join("testdata", name)
			graphtest.ReadGolden(t, path+".json.gz", &golden)
			f, err := Open(t.Context(), path+".onnx", importer.Sizes{Batch: 2})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			wrt := slices.Sorted(maps.Keys(golden.Gradients))
			build := func(recompute bool) (g *graphs.Graph, cuts int) {
				m, err := f.Import(importer.Options{Keep: wrt})
				if err != nil {
					t.Fatal(err)
				}
				g = m.Graph
				logits := g.Outputs[0]
				g.Outputs = nil
				cotangent := g.Input("logits.cotangent", logits.Type, logits.Shape...)
				var values []*graphs.Value
				for _, name := range wrt {
					values = append(values, m.Values[name])
				}
				gradients, err := autodiff.Backward(g, map[*graphs.Value]*graphs.Value{logits: cotangent}, values)
				if err != nil {
					t.Fatal(err)
				}
				if recompute {
					found := g.Cuts(m.Values["images"], logits)
					kept := g.Keep([]*graphs.Value{cotangent}, found)
					g.Recompute([]*graphs.Value{cotangent}, kept)
					cuts = len(found)
				}
				for i, name := range wrt {
					g.Output(name+".grad", gradients[i])
				}
				g.RemoveDead()
				g.Fold()
				return g, cuts
			}
			run := func(g *graphs.Graph, level ort.Level) map[string][]float32 {
				return graphtest.Open(t, g, ort.Options{Optimization: level}).Run(func(name string, x []float32) {
					copy(numbers.Bytes(x), map[string][]byte{"images": golden.Images,
						"logits.cotangent": golden.Cotangent}[name])
				})
			}
			plain, _ := build(false)
			again, cuts := build(true)
			if more := len(again.Nodes) - len(plain.Nodes); cuts != want.cuts || more != want.again {
				t.Errorf("%d cuts, %d nodes more; want %d, %d", cuts, more, want.cuts, want.again)
			}
			// The runtime fuses what no backward pass reads, such as a LayerNormalization in many nodes. Its results
			// then differ in the last bits.
			for level, tolerance := range map[ort.Level]float64{ort.Disable: 0, ort.All: 1e-6} {
				expected := run(plain, level)
				for output, got := range run(again, level) {
					largest, off := 0.0, 0.0
					for i, w := range expected[output] {
						largest = max(largest, math.Abs(float64(w)))
						off = max(off, math.Abs(float64(got[i]-w)))
					}
					if !(off <= tolerance*largest) {
						t.Errorf("level %d: %s: %.1e of the largest entry off", level, output, off/largest)
					}
				}
			}
		})
	}
}
