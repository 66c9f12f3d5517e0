package evaluation

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// TestHalfAsPyTorch rounds logits and their softmax to float16 as PyTorch does and compares every probability, and the
// loss over images and over batches.
func TestHalfAsPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/half.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Classes, Batch        int
		Logits, Probabilities []float64
		Labels                []int
		Images                float64 `json:"loss_images"`
		Batches               float64 `json:"loss_batches"`
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	p := &Predictions{}
	for i, label := range golden.Labels {
		row, sum := make([]float64, golden.Classes), 0.0
		for c := range row {
			row[c] = math.Exp(RoundHalf(golden.Logits[i*golden.Classes+c]))
			sum += row[c]
		}
		for c := range row {
			row[c] /= sum
			if got, want := RoundHalf(row[c]), golden.Probabilities[i*golden.Classes+c]; got != want {
				t.Errorf("row %d, class %d: %v, want %v", i, c, got, want)
			}
		}
		p.Rows = append(p.Rows, Prediction{Label: label, Probabilities: row})
	}
	for batch, want := range map[int]float64{0: golden.Images, golden.Batch: golden.Batches} {
		if got := LogLoss(p, batch); math.Abs(got-want) > 1e-6*want {
			t.Errorf("loss over batches of %d is %v, want %v", batch, got, want)
		}
	}
	if golden.Images == golden.Batches {
		t.Error("both losses are the same")
	}
}

func TestRoundHalf(t *testing.T) {
	for x, want := range map[float64]float64{
		0: 0, 1: 1, -2.5: -2.5, 2049: 2048, 2051: 2052, 65504: 65504, 65519: 65504, 65520: math.Inf(1), -70000: math.Inf(-1),
		0x1p-24: 0x1p-24, 0x1p-25: 0, 0x1.8p-25: 0x1p-24, 0x1p-14: 0x1p-14, 0x1.ff8p-15 + 0x1p-26: 0x1.ff8p-15,
		math.Inf(1): math.Inf(1),
	} {
		if got := RoundHalf(x); got != want {
			t.Errorf("RoundHalf(%v) = %v, want %v", x, got, want)
		}
	}
	if !math.IsNaN(RoundHalf(math.NaN())) {
		t.Error("NaN is lost")
	}
}
