package data

import (
	"image"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestResizeAVX2: both ways give the same pixels, for noise too, which overshoots most.
func TestResizeAVX2(t *testing.T) {
	if !hasAVX2 {
		t.Skip("this processor has no AVX2")
	}
	defer func() { hasAVX2 = true }()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		img := image.NewNRGBA(image.Rect(0, 0, 1+rng.IntN(70), 1+rng.IntN(70)))
		for i := range img.Pix {
			img.Pix[i] = uint8(255 * rng.IntN(2))
		}
		for i := 3; i < len(img.Pix); i += 4 {
			img.Pix[i] = 255
		}
		w, h := 1+rng.IntN(70), 1+rng.IntN(70)
		box := fullRect(img.Rect.Size())
		box.x0, box.y1 = rng.Float64()*box.x1/2, box.y1*(1-rng.Float64()/2)
		hasAVX2 = true
		got := resize(img, box, w, h)
		hasAVX2 = false
		want := resize(img, box, w, h)
		if !slices.Equal(got.Pix, want.Pix) {
			t.Fatalf("%v of %v to %d×%d differs", box, img.Rect, w, h)
		}
	}
}
