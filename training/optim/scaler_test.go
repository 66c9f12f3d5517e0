package optim_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"fovea/training/optim"
)

// TestLossScaler goes through a run with overflows beside torch.amp.GradScaler (tools/oracle/loss_scaler.py).
func TestLossScaler(t *testing.T) {
	text, err := os.ReadFile("testdata/loss_scaler.json")
	if err != nil {
		t.Fatal(err)
	}
	type change struct {
		Step  int
		Scale float64
	}
	var golden struct {
		Steps, Taken int
		Overflows    []int
		Changes      []change
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	s := optim.NewLossScaler()
	var changes []change
	taken := 0
	for step := range golden.Steps {
		before := s.Scale
		skipped := slices.Contains(golden.Overflows, step)
		if s.Update(skipped); !skipped {
			taken++
		}
		if s.Scale != before {
			changes = append(changes, change{step, s.Scale})
		}
	}
	if !slices.Equal(changes, golden.Changes) || len(changes) < 10 {
		t.Errorf("the scale changed %v, want %v", changes, golden.Changes)
	}
	if taken != golden.Taken {
		t.Errorf("%d steps were taken, PyTorch's %d", taken, golden.Taken)
	}
}
