package data

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// TestOneHotAsTimm compares with timm's mixup_target, which works in float32.
func TestOneHotAsTimm(t *testing.T) {
	var cases []struct {
		Labels    []int
		Classes   int
		Smoothing float64
		Targets   []float64
	}
	readJSON(t, "targets.json", &cases)
	for _, c := range cases {
		got, err := OneHot(c.Labels, c.Classes, c.Smoothing)
		if err != nil || len(got) != len(c.Targets) {
			t.Fatalf("%d targets, %v", len(got), err)
		}
		for i := range got {
			if math.Abs(float64(got[i])-c.Targets[i]) > 1e-7 {
				t.Errorf("%v: target %d is %g, want %g", c.Labels, i, got[i], c.Targets[i])
			}
		}
	}
	for name, err := range map[string]error{
		"label":     second(OneHot([]int{0, 3}, 3, 0)),
		"negative":  second(OneHot([]int{-1}, 3, 0)),
		"smoothing": second(OneHot([]int{0}, 3, 1)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second(_ []float32, err error) error { return err }

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
	var samples []Sample
	for class, n := range golden.Counts {
		for range n {
			samples = append(samples, Sample{Class: class})
		}
	}
	got := BalancedWeights(samples, len(golden.Counts))
	for i, want := range golden.Weights {
		if got[i] != want {
			t.Errorf("class %d weighs %v, want %v", i, got[i], want)
		}
	}
	if w := BalancedWeights(samples, len(golden.Counts)+1); w[len(golden.Counts)] != 0 {
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
