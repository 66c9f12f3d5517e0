package imported

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/internal/graphtest"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
	"fovea/tools/cudastub"
)

// sizes of the images that the models of testdata take.
var imageSizes = map[string]int64{"cnn_dynamo18": 20, "cnn_torchscript17": 20, "mlp_dynamo20": 4, "mlp_torchscript9": 4,
	"vit_dynamo18": 8,
	"vit_dynamo23": 8, "vit_torchscript11": 8, "vit_torchscript17": 8, "windows_torchscript17": 4}

// eachTraining calls f with a way to make the training graph of each model of testdata.
func eachTraining(t *testing.T, f func(t *testing.T, build func() *graphs.Graph)) {
	for name, size := range imageSizes {
		t.Run(name, func(t *testing.T) {
			c, err := OpenClassifier(t.Context(), filepath.Join("testdata", name+".onnx"), Options{Size: size, Classes: 3, Batch: 4})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			f(t, func() *graphs.Graph {
				g, err := artifacts.Training(c, 4, artifacts.Options{})
				if err != nil {
					t.Fatal(err)
				}
				return g
			})
		})
	}
}

// TestMixedPrecision: half precision changes gradients of models that PyTorch exported by as little as it rounds.
func TestMixedPrecision(t *testing.T) {
	if testing.Short() {
		t.Skip("runs every model in every precision")
	}
	eachTraining(t, func(t *testing.T, build func() *graphs.Graph) {
		run := func(g *graphs.Graph) map[string][]float32 {
			return graphtest.Open(t, g, ort.Options{}).Run(func(name string, x []float32) {
				copy(x, graphtest.Fill(name, len(x), 0, 0.5))
				if name == artifacts.LossScale {
					x[0] = 1
				}
				if strings.HasSuffix(name, "var") {
					copy(x, graphtest.Fill(name, len(x), 1, 0.5))
				}
			})
		}
		want := run(build())
		for half, limit := range map[pb.TensorProto_DataType]float64{graphs.BFloat16: 0.03, graphs.Float16: 0.004} {
			g := build()
			g.MixEmulated(half)
			worst, worstName := 0.0, ""
			for name, got := range run(g) {
				var off, all float64
				for i, w := range want[name] {
					off, all = off+math.Pow(float64(got[i]-w), 2), all+math.Pow(float64(w), 2)
				}
				if e := math.Sqrt(off / max(all, 1e-30)); !(e <= worst) {
					worst, worstName = e, name
				}
			}
			if !(worst <= limit) {
				t.Errorf("%s: %s is %.1e off", half, worstName, worst)
			}
			t.Logf("%s: %s is %.1e off", half, worstName, worst)
		}
	})
}

// TestMixedOnCUDA: the training graphs of models that PyTorch exported run on the GPU wholly, in every type.
func TestMixedOnCUDA(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		eachTraining(t, func(t *testing.T, build func() *graphs.Graph) {
			for _, half := range []pb.TensorProto_DataType{graphs.Float32, graphs.BFloat16, graphs.Float16} {
				g := build()
				g.Mix(half)
				model, err := g.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				if err := ort.CheckPlacement(model); err != nil {
					t.Errorf("%s: %v", half, err)
				}
			}
		})
	})
}
