package training

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"fovea/data"
	"fovea/evaluation"
	"fovea/training/config"
)

// TestBalancedWeights compares with scikit-learn's compute_class_weight.
func TestBalancedWeights(t *testing.T) {
	text, err := os.ReadFile("../graphs/artifacts/testdata/loss.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Counts  []int
		Weights []float32
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	var samples []data.Sample
	for class, n := range golden.Counts {
		for range n {
			samples = append(samples, data.Sample{Class: class})
		}
	}
	got := balancedWeights(samples, len(golden.Counts))
	for i, want := range golden.Weights {
		if got[i] != want {
			t.Errorf("class %d weighs %v, want %v", i, got[i], want)
		}
	}
	if w := balancedWeights(samples, len(golden.Counts)+1); w[len(golden.Counts)] != 0 {
		t.Errorf("a class without samples weighs %v", w[len(golden.Counts)])
	}
	targets := []float32{0.9, 0.1, 0.2, 0.8}
	weigh(targets, nil)
	weigh(targets, []float32{2, 0.5})
	for i, want := range []float32{1.8, 0.05, 0.4, 0.4} {
		if math.Abs(float64(targets[i]-want)) > 1e-7 {
			t.Errorf("target %d is %v, want %v", i, targets[i], want)
		}
	}
}

// TestBest: the metric of evaluation.select decides, the earliest of equals.
func TestBest(t *testing.T) {
	c := config.Defaults()
	r := &state{}
	if r.best(selection(c)) != -1 {
		t.Error("there is a best epoch before the first")
	}
	for _, m := range []evaluation.Metrics{{Score: 0.2, ROCAUC: 0.9}, {Score: 0.4, ROCAUC: 0.5},
		{Score: 0.4, ROCAUC: 0.9}} {
		r.History = append(r.History, epoch{Val: m})
	}
	if got := r.best(selection(c)); got != 1 {
		t.Errorf("by score epoch %d is best, want 1", got)
	}
	if c.Evaluation.Select = "roc_auc"; r.best(selection(c)) != 0 {
		t.Errorf("by roc_auc epoch %d is best, want 0", r.best(selection(c)))
	}
}
