package inference_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/data"
	"fovea/inference"
	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/ort/install"
	"fovea/onnx/pb"
)

// plainPixels prepares images as they are, for models of their size.
var plainPixels = inference.Description{Crop: 1, Mean: []float32{0, 0, 0}, Std: []float32{1, 1, 1}}

// TestScores: a model has the probabilities that Python's onnxruntime computes, in whatever nodes it ends, and one with
// sigmoids as outputs is refused. tools/oracle/scores.py made the models and knows which is which.
func TestScores(t *testing.T) {
	const folder = "testdata/scores"
	var golden map[string]struct {
		Kind string
		Rows [][]float64
	}
	text, err := os.ReadFile(filepath.Join(folder, "golden.json"))
	if err == nil {
		err = json.Unmarshal(text, &golden)
	}
	if err == nil {
		_, err = install.Load(t.Context(), install.Source{Provider: "cpu"})
	}
	if err != nil {
		t.Fatal(err)
	}
	miscomputed := 0
	for name, want := range golden {
		if testing.Short() && !strings.HasPrefix(name, "reported") {
			continue
		}
		given, tolerance := plainPixels, 2e-5
		if strings.HasPrefix(name, "torch") && want.Rows != nil { // some don't tell their number
			given.Classes = []string{"a", "b", "c", "d", "e"}[:len(want.Rows[0])]
		}
		if strings.HasPrefix(name, "q") { // the runtimes may round differently by a step
			tolerance = 1. / 250
		}
		d, got, err := classify(filepath.Join(folder, name+".onnx"), given, len(want.Rows), func(i int) string {
			if strings.HasPrefix(name, "reported") {
				return filepath.Join(folder, "x.png")
			}
			return filepath.Join(folder, fmt.Sprint(i)+".png")
		})
		if want.Kind == "hidden" {
			for _, setting := range []string{"-scores probabilities", "-scores logits"} {
				if err == nil || !strings.Contains(err.Error(), setting) {
					t.Errorf("%s: the error that names %s is %v", name, setting, err)
				}
			}
			continue
		}
		if want.Rows == nil {
			if err == nil || !strings.Contains(err.Error(), "sigmoid") {
				t.Errorf("%s: sigmoids are not refused: %v, error %v", name, got, err)
			}
			continue
		}
		// ONNX Runtime 1.27 makes 0 of a probability near 1 in these.
		if err != nil && strings.HasPrefix(name, "qop_") && strings.Contains(err.Error(), "miscomputes") {
			miscomputed++
			continue
		}
		if err != nil || d.Scores != want.Kind {
			t.Errorf("%s is read as %q, want %q; error %v", name, d.Scores, want.Kind, err)
			continue
		}
		for i, row := range want.Rows {
			for c, p := range row {
				if !(math.Abs(got[i][c]-p) < tolerance) {
					t.Errorf("%s: image %d has %v, want %v", name, i, got[i], row)
					break
				}
			}
		}
	}
	t.Logf("%d models, %d of them refused because the runtime miscomputes them", len(golden), miscomputed)
}

// classify returns the description of a model that given describes, and the probabilities of n images.
func classify(model string, given inference.Description, n int, path func(i int) string) (
	d *inference.Description, out [][]float64, err error) {
	if d, err = inference.Describe(model, given); err != nil {
		return &given, nil, err
	}
	c, err := inference.Open(model, d, max(n, 1), ort.Options{Threads: 1, Arena: true})
	if err != nil {
		return d, nil, err
	}
	defer c.Close()
	tensor := make([]float32, n*3*d.Size*d.Size)
	for i := range n {
		img, err := data.Decode(path(i))
		if err == nil {
			size := len(tensor) / n
			err = d.Transform().Apply(tensor[i*size:(i+1)*size], img, nil)
		}
		if err != nil {
			return d, nil, err
		}
	}
	out, err = c.Classify(tensor, n)
	return d, out, err
}

// TestHostileScores: a model whose scores are no float32 passes the same checks before ONNX Runtime sees it.
func TestHostileScores(t *testing.T) {
	m, err := onnx.Open("../onnx/limits/testdata/hostile/sigfpe_conv_stride0.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	g := m.Proto.Graph
	g.Node = append(g.Node, &pb.NodeProto{OpType: proto.String("Cast"), Input: []string{g.Output[0].GetName()},
		Output: []string{"double"}, Attribute: []*pb.AttributeProto{{Name: proto.String("to"),
			Type: pb.AttributeProto_INT.Enum(), I: proto.Int64(int64(pb.TensorProto_DOUBLE))}}})
	g.Output = []*pb.ValueInfoProto{onnx.NewValueInfo("double", pb.TensorProto_DOUBLE, []int64{-1, 3})}
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := onnx.Save(path, m.Proto, onnx.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, scores := range []string{"", inference.Logits} {
		given := plainPixels
		given.Scores = scores
		if _, _, err := classify(path, given, 0, nil); err == nil || !strings.Contains(err.Error(), "strides is 0") {
			t.Errorf("scores %q: the error is %v", scores, err)
		}
	}
}
