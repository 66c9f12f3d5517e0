package training

import (
	"testing"

	"fovea/evaluation"
	"fovea/training/config"
)

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
