package vit_test

import (
	"math"
	"strings"
	"testing"

	"fovea/graphs/vit"
)

var large = vit.Config{ImageSize: 224, Patch: 16, Width: 1024, Depth: 24, Heads: 16, Classes: 5, Pool: vit.Mean}

// largeDINOv2 is RETFound_dinov2: timm's vit_large_patch14_dinov2 at 224 pixels.
var largeDINOv2 = vit.Config{ImageSize: 224, Patch: 14, Width: 1024, Depth: 24, Heads: 16, Classes: 5, Pool: vit.Class,
	Form: vit.Form{LayerScale: true}}

// TestParameters: with 5 classes RETFound_mae has 296 tensors and 303,306,757 parameters, RETFound_dinov2 344 and
// 303,233,029 (state_dicts of models_vit.py).
func TestParameters(t *testing.T) {
	for _, want := range []struct {
		vit.Config
		tensors, elements int64
	}{{large, 296, 303306757}, {largeDINOv2, 344, 303233029}} {
		var tensors, elements int64
		for _, p := range want.Parameters() {
			n := int64(1)
			for _, d := range p.Shape {
				n *= d
			}
			tensors++
			elements += n
		}
		if tensors != want.tensors || elements != want.elements {
			t.Errorf("%d tensors with %d parameters, want %d, %d", tensors, elements, want.tensors, want.elements)
		}
	}
}

// TestInitialize compares mean, deviation and bounds of each kind of draw with what PyTorch's initialisers promise.
func TestInitialize(t *testing.T) {
	c := large
	c.Depth, c.LayerScale = 1, true
	for i, p := range c.Parameters() {
		n := int64(1)
		for _, d := range p.Shape {
			n *= d
		}
		x := make([]float32, n)
		p.Initialize(x, 7, i)
		var sum, squares, largest float64
		for _, v := range x {
			sum += float64(v)
			squares += float64(v) * float64(v)
			largest = max(largest, math.Abs(float64(v)))
		}
		mean, deviation := sum/float64(n), 0.0
		deviation = math.Sqrt(squares/float64(n) - mean*mean)
		var wantMean, want float64
		switch {
		case p.Name == "cls_token":
			want = 1e-6
		case strings.HasPrefix(p.Name, "patch_embed"):
			want = 1 / math.Sqrt(3*768) // uniform ±1/√768
			if largest > 1/math.Sqrt(768) {
				t.Errorf("%s reaches %v", p.Name, largest)
			}
		case strings.Contains(p.Name, "norm") && strings.HasSuffix(p.Name, "weight"):
			wantMean = 1
		case strings.HasSuffix(p.Name, "bias"):
		case strings.HasSuffix(p.Name, "gamma"):
			if x[0] != 1e-5 || x[n-1] != 1e-5 {
				t.Errorf("%s is %v to %v", p.Name, x[0], x[n-1])
			}
			continue // its sums carry rounding errors larger than its deviation, 0
		default:
			want = 0.02
		}
		// Five standard errors of a mean and of a deviation.
		if e := math.Abs(mean - wantMean); e > 5*want/math.Sqrt(float64(n)) {
			t.Errorf("%s has mean %v, want %v", p.Name, mean, wantMean)
		}
		if e := math.Abs(deviation - want); e > 5*want/math.Sqrt(2*float64(n)) {
			t.Errorf("%s has deviation %v, want %v", p.Name, deviation, want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		change func(*vit.Config)
		want   string
	}{
		{func(c *vit.Config) { c.ImageSize = 225 }, "not a multiple of the patch size 16"},
		{func(c *vit.Config) { c.Heads = 7 }, "does not divide by 7 heads"},
		{func(c *vit.Config) { c.Pool = "max" }, `is none of mean, cls`},
		{func(c *vit.Config) { c.Pool, c.Depth = vit.LastFour, 3 }, "needs four blocks, not 3"},
		{func(c *vit.Config) { c.Positions, c.Heads = vit.Rotary, 512 }, "a multiple of 4, not 2"},
		{func(c *vit.Config) { c.Pool, c.FCNormTwice = vit.Class, true }, "fc_norm exists only"},
		{func(c *vit.Config) { c.Classes = 0 }, "must be positive"},
	} {
		config := large
		c.change(&config)
		if err := config.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want one with %q", err, c.want)
		}
	}
}
