package training_test

import (
	"testing"

	"fovea/training"
)

// TestResumeWithEveryAugmentation: a run that was interrupted in an epoch ends as one that was not.
func TestResumeWithEveryAugmentation(t *testing.T) {
	if testing.Short() {
		t.Skip("resumes several runs")
	}
	c := small(t, fundus(t))
	c.Training.Batch = 4 // images are mixed in pairs
	c.Augment.Policy = "rand-m9-mstd0.5-inc1"
	c.Augment.Erase, c.Augment.EraseCount = 0.5, 2
	c.Augment.Mixup, c.Augment.CutMix, c.Augment.MixMode = 0.8, 1, "pair"
	c.Augment.Smoothing = 0.1
	whole := *c
	whole.Output.Dir = t.TempDir()
	want := run(t, &whole, training.Options{})
	stop(t, c)
	same(t, outcome(t, run(t, c, training.Options{Resume: true}).Folder), outcome(t, want.Folder))
}
