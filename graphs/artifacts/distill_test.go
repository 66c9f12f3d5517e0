package artifacts

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/internal/graphtest"
	"fovea/onnx/ort"
)

// TestDistillationEqualsPyTorch compares a student's loss and its gradient with PyTorch's, in float64 there. A teacher's
// log-probabilities do the same as its logits.
func TestDistillationEqualsPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/distill.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Batch, Classes           int64
		Logits, Teacher, Targets []float32
		Cases                    []struct {
			Temperature, Hard, Loss float64
			Gradient                []float32
		}
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	for _, c := range golden.Cases {
		for _, normalised := range []bool{false, true} {
			g := graphs.New("distil")
			logits := g.Input(Logits, graphs.Float32, golden.Batch, golden.Classes)
			targets := g.Input(Targets, graphs.Float32, golden.Batch, golden.Classes)
			teacher := g.Input(Teacher, graphs.Float32, golden.Batch, golden.Classes)
			scale := g.Input(LossScale, graphs.Float32)
			loss := Distillation{c.Temperature, c.Hard}.distil(g, meanLoss(g, logits, targets, 0), logits, teacher)
			gradients, err := autodiff.Backward(g, map[*graphs.Value]*graphs.Value{loss: scale}, []*graphs.Value{logits})
			if err != nil {
				t.Fatal(err)
			}
			g.Output(Loss, loss)
			g.Output(Grad(Logits), gradients[0])
			g.RemoveDead()
			g.Fold()
			got := graphtest.Open(t, g, ort.Options{}).Run(func(name string, x []float32) {
				copy(x, map[string][]float32{Logits: golden.Logits, Targets: golden.Targets, Teacher: golden.Teacher,
					LossScale: {1}}[name])
				if name == Teacher && normalised {
					normalise(x, int(golden.Classes))
				}
			})
			if e := math.Abs(float64(got[Loss][0]) - c.Loss); !(e <= 1e-6*c.Loss) {
				t.Errorf("%+v: loss is %v", c, got[Loss][0])
			}
			for i, x := range got[Grad(Logits)] {
				if e := math.Abs(float64(x - c.Gradient[i])); !(e <= 1e-6) {
					t.Errorf("temperature %v: gradient %d is %v, want %v", c.Temperature, i, x, c.Gradient[i])
				}
			}
		}
	}
}

// normalise turns rows of logits into log-probabilities.
func normalise(x []float32, classes int) {
	for i := 0; i < len(x); i += classes {
		sum := 0.0
		for _, v := range x[i : i+classes] {
			sum += math.Exp(float64(v))
		}
		for k := range classes {
			x[i+k] -= float32(math.Log(sum))
		}
	}
}
