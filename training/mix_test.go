package training

import (
	"math"
	"slices"
	"testing"

	"fovea/data"
	"fovea/training/config"
)

// TestTargets: smoothing without mixing is a choice, and what is mixed depends on seed, epoch and batch alone.
func TestTargets(t *testing.T) {
	c := config.Defaults()
	c.Data.Size = 16
	c.Augment.Smoothing = 0.3
	d := &dataset{config: c, classes: []string{"a", "b", "c"}}
	draw := func(epoch, index int) (images, targets []float32) {
		t.Helper()
		b := &data.Batch{N: 4, Labels: []int{0, 2, 1, 1}, Images: make([]float32, 4*3*16*16)}
		for i := range b.Images {
			b.Images[i] = float32(i)
		}
		targets, err := d.targets().Apply(b, epoch, index)
		if err != nil {
			t.Fatal(err)
		}
		return b.Images, targets
	}
	if _, targets := draw(0, 0); targets[0] != 0.8 || targets[1] != 0.1 {
		t.Errorf("smoothed targets are %v", targets)
	}
	c.Augment.SmoothUnmixed = false
	if _, targets := draw(0, 0); targets[0] != 1 || targets[1] != 0 {
		t.Errorf("targets that are not smoothed are %v", targets)
	}
	c.Augment.Mixup, c.Augment.CutMix = 0.8, 1
	images, targets := draw(1, 2)
	again, _ := draw(1, 2)
	if !slices.Equal(images, again) {
		t.Error("one batch is mixed in two ways")
	}
	for c := range 3 {
		if sum := targets[c] + targets[3+c] + targets[6+c] +
			targets[9+c]; math.Abs(float64(sum)-[]float64{1.1, 1.8, 1.1}[c]) > 1e-5 {
			t.Errorf("class %d has %v of the targets; they are smoothed where images are mixed, and mixing keeps sums",
				c, sum)
		}
	}
	for _, other := range [][2]int{{0, 2}, {1, 1}, {2, 1}} {
		if x, _ := draw(other[0], other[1]); slices.Equal(images, x) {
			t.Errorf("epoch %d, batch %d is mixed as another", other[0], other[1])
		}
	}
}
