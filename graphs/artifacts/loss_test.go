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

type lossGolden struct {
	Batch, Classes  int64
	Logits, Weights []float32
	Labels          []int
	Cases           []struct {
		Name     string
		Gamma    float64
		Weighted bool
		Targets  []float32
		Loss     float64
		Gradient []float32
		// With class indices PyTorch divides by the sum of the batch's weights.
		LossByWeight  float64 `json:"loss_by_weight"`
		WeightOfBatch float64 `json:"weight_of_batch"`
	}
}

// TestLossEqualsPyTorch compares the loss and its gradient with PyTorch's, in float64 there. Class weights are folded
// into the targets, as training does.
func TestLossEqualsPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/loss.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden lossGolden
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	for _, c := range golden.Cases {
		t.Run(c.Name, func(t *testing.T) {
			g := graphs.New("loss")
			logits := g.Input(Logits, graphs.Float32, golden.Batch, golden.Classes)
			targets := g.Input(Targets, graphs.Float32, golden.Batch, golden.Classes)
			scale := g.Input(LossScale, graphs.Float32)
			loss := meanLoss(g, logits, targets, c.Gamma)
			gradients, err := autodiff.Backward(g, map[*graphs.Value]*graphs.Value{loss: scale},
				[]*graphs.Value{logits})
			if err != nil {
				t.Fatal(err)
			}
			g.Output(Loss, loss)
			g.Output(Grad(Logits), gradients[0])
			g.RemoveDead()
			g.Fold()
			got := graphtest.Open(t, g, ort.Options{}).Run(func(name string, x []float32) {
				switch name {
				case Logits:
					copy(x, golden.Logits)
				case Targets:
					copy(x, c.Targets)
					for i := range x {
						if c.Weighted {
							x[i] *= golden.Weights[i%int(golden.Classes)]
						}
					}
				case LossScale:
					x[0] = 1
				}
			})
			value := float64(got[Loss][0])
			if e := math.Abs(value - c.Loss); !(e <= 1e-6*c.Loss) {
				t.Errorf("loss is %v, want %v", value, c.Loss)
			}
			if c.LossByWeight != 0 {
				byWeight := value * float64(golden.Batch) / c.WeightOfBatch
				if e := math.Abs(byWeight - c.LossByWeight); !(e <= 1e-6*c.LossByWeight) {
					t.Errorf("over the batch's weight the loss is %v, want %v", byWeight, c.LossByWeight)
				}
			}
			for i, x := range got[Grad(Logits)] {
				if e := math.Abs(float64(x - c.Gradient[i])); !(e <= 1e-6) {
					t.Errorf("gradient %d is %v, want %v", i, x, c.Gradient[i])
				}
			}
		})
	}
}
