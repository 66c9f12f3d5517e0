package training

import (
	"testing"

	"fovea/evaluation"
	"fovea/training/config"
)

// With a patience of two, training goes on until two epochs in a row were no better than the best before them. The
// answer follows from the history alone, so that a resumed run stops where the other one does.
func TestPatience(t *testing.T) {
	c := &config.Config{Schedule: config.Schedule{Epochs: 9, Patience: 2}}
	l := &loop{config: c, state: &state{}, checkpoints: &checkpoints{selection: selection(c)}}
	for i, score := range []float64{0.1, 0.3, 0.2, 0.4, 0.4, 0.3} {
		if !l.more() {
			t.Fatalf("stopped before epoch %d", i+1)
		}
		l.state.History = append(l.state.History, epoch{Val: evaluation.Metrics{Score: score}})
		l.state.endEpoch()
	}
	if l.more() {
		t.Error("goes on after two epochs that were no better than the fourth")
	}
	if l.state.Batch = 1; !l.more() {
		t.Error("stops inside an epoch")
	}
	if c.Schedule.Patience, l.state.Batch = 0, 0; !l.more() {
		t.Error("stops without a patience")
	}
}
