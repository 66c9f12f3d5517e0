package training

import (
	"path/filepath"
	"testing"

	"fovea/onnx/engine"
	"fovea/training/config"
)

// TestTrial: a trial makes a whole run, of each kind, and reckons what grows with the batch.
func TestTrial(t *testing.T) {
	for _, adaptation := range []string{"finetune", "linear_probe"} {
		c := config.Defaults()
		c.Name, c.Data.Dir, c.Training.Batch = "x", "../data/testdata/retinamnist", config.Auto
		c.Data.Size, c.Model.Patch, c.Model.Width, c.Model.Depth, c.Model.Heads = 28, 7, 32, 2, 2
		c.Model.Adaptation, c.Training.Accumulate, c.Runtime.Provider = adaptation, 2, "cpu"
		e, err := engine.New(t.Context(), c.Engine(), nil)
		if err != nil {
			t.Fatal(err)
		}
		set, err := openDataset(c)
		if err != nil {
			t.Fatal(err)
		}
		trial := newTrial(t.Context(), c, set, e)
		if ok, err := trial.fits(2); err != nil || !ok {
			t.Errorf("%s: fits: %v, %v", adaptation, ok, err)
		}
		two, err := trial.need(2)
		if err != nil {
			t.Fatal(err)
		}
		eight, err := trial.need(8)
		if err != nil {
			t.Fatal(err)
		}
		image, imageOfEight := two.Of(1)-two.Of(0), eight.Of(1)-eight.Of(0)
		if two.Of(0) != eight.Of(0) || imageOfEight > image || 10*imageOfEight < 9*image {
			t.Errorf("%s: needs %+v at 2 and %+v at 8", adaptation, two, eight)
		}
		if _, err := NewBench(t.Context(), c, 5, Experiment{}); err == nil {
			t.Error("a learner has no batch")
		}
	}
}

func TestRecordedBatch(t *testing.T) {
	c := config.Defaults()
	c.Training.Batch = config.Auto
	if _, err := withRecordedBatch(filepath.Join(t.TempDir(), "none"), c); err == nil {
		t.Error("there is no record, and no error")
	}
}
