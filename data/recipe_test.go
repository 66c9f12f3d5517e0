package data

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"fovea/data/augment"
)

// recipe returns RETFound's transform for training.
func recipe(t testing.TB, size int) TrainTransform {
	t.Helper()
	policy, err := augment.Parse("rand-m9-mstd0.5-inc1")
	if err != nil {
		t.Fatal(err)
	}
	tr := NewTrainTransform(size)
	tr.Policy = policy
	tr.Erase = augment.Eraser{Probability: 0.25, Mode: augment.ErasePixel, Count: 1}
	return tr
}

// TestRecipe: a sample depends on its generator alone, and the decoded image stays as it is, even where it needs no
// crop.
func TestRecipe(t *testing.T) {
	img := numbered(48)
	before := slices.Clone(img.Pix)
	tr := recipe(t, 48)
	tr.Scale, tr.Ratio = [2]float64{1, 1}, [2]float64{1, 1}
	first, again := make([]float32, 3*48*48), make([]float32, 3*48*48)
	distinct := map[float32]bool{}
	for seed := range uint64(100) {
		for _, dst := range [][]float32{first, again} {
			if err := tr.Apply(dst, img, rand.New(rand.NewPCG(seed, 0))); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(first, again) {
			t.Fatalf("seed %d gives two tensors", seed)
		}
		distinct[first[1000]] = true
	}
	if len(distinct) < 30 {
		t.Errorf("only %d different values of a pixel in 100 samples", len(distinct))
	}
	if !slices.Equal(img.Pix, before) {
		t.Error("the image was changed")
	}
}

// TestRecipeOrder: what a shift of shape lets in is the mean's colour, and so nearly 0 once normalised, while erased
// values are not normalised again.
func TestRecipeOrder(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 32, 32))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	tr := recipe(t, 32)
	if got, want := tr.fill(), (color.NRGBA{124, 116, 104, 255}); got != want {
		t.Errorf("the fill colour is %v, timm's is %v", got, want)
	}
	var err error
	if tr.Policy, err = augment.Parse("augmix-w1-m10-mstd0"); err != nil {
		t.Fatal(err)
	}
	tr.Erase = augment.Eraser{Probability: 1, Mode: augment.EraseConst, Count: 1}
	dst := make([]float32, 3*32*32)
	zeros := 0
	for seed := range uint64(20) {
		if err := tr.Apply(dst, img, rand.New(rand.NewPCG(seed, 0))); err != nil {
			t.Fatal(err)
		}
		for _, v := range dst {
			if v == 0 {
				zeros++
			}
			if math.IsNaN(float64(v)) || v < -2.2 || v > 2.7 {
				t.Fatalf("value %v is no normalised level", v)
			}
		}
	}
	if zeros < 20*3*32*32/60 { // at least 2 % each, but for rounding; no level is normalised to 0
		t.Errorf("%d values are erased", zeros)
	}
}

// BenchmarkRecipe is the whole transform for training at 224 from a decoded OCT scan of 512 pixels, and its parts.
// images/s are those of a core with -cpu 1.
func BenchmarkRecipe(b *testing.B) {
	img, err := Decode("testdata/kermany_oct_mini/test/CNV/CNV-6851127-1.jpeg")
	if err != nil {
		b.Fatal(err)
	}
	full := recipe(b, 224)
	crop := NewTrainTransform(224)
	crop.HorizontalFlip = 0
	flip := NewTrainTransform(224)
	policy := flip
	policy.Policy = full.Policy
	jitter := flip
	jitter.ColorJitter = 0.4
	for _, c := range []struct {
		name      string
		transform TrainTransform
	}{{"crop", crop}, {"crop+flip", flip}, {"crop+flip+policy", policy}, {"crop+flip+jitter", jitter}, {"full", full}} {
		b.Run(c.name, func(b *testing.B) {
			dst := make([]float32, 3*224*224)
			rng := rand.New(rand.NewPCG(0, 0))
			b.ReportAllocs()
			for b.Loop() {
				if err := c.transform.Apply(dst, img, rng); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
