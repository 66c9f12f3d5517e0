package data

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// TestDecodeCrop compares the crop of a part with that of the whole image. Where that was reduced, it may be as far off
// as Pillow's own shortcut, and 2 %.
func TestDecodeCrop(t *testing.T) {
	for _, c := range []struct {
		path string
		box  image.Rectangle
		size int
		mean float64 // levels that a channel differs by on average
		most int
	}{
		// Not reduced: the same pixels.
		{"testdata/golden/modes/rgb420.jpg", image.Rect(3, 5, 20, 25), 9, 0, 0},
		{"testdata/golden/modes/rgb422.jpg", image.Rect(1, 0, 22, 20), 9, 0, 0},
		{"testdata/golden/modes/rgb420_progressive.jpg", image.Rect(3, 5, 20, 25), 9, 0, 0},
		{"testdata/golden/modes/cmyk.jpg", image.Rect(3, 5, 20, 25), 9, 0, 0},
		{"testdata/golden/modes/rgb.png", image.Rect(3, 5, 20, 25), 9, 0, 0},
		{"testdata/kermany_oct_mini/test/CNV/CNV-6851127-1.jpeg", image.Rect(3, 21, 390, 472), 224, 0, 0},
		// Halves, quarters, eighths, of a noisy scan: the difference that Pillow's resize has with reducing_gap=2.0,
		// its thumbnail's default.
		{"testdata/kermany_oct_mini/test/CNV/CNV-6851127-1.jpeg", image.Rect(0, 0, 512, 496), 112, 0.409, 8},
		{"testdata/kermany_oct_mini/test/CNV/CNV-6851127-1.jpeg", image.Rect(33, 21, 490, 480), 112, 0.444, 9},
		{"testdata/kermany_oct_mini/test/CNV/CNV-6851127-1.jpeg", image.Rect(33, 21, 490, 480), 56, 0.570, 11},
		{"testdata/kermany_oct_mini/test/CNV/CNV-6851127-1.jpeg", image.Rect(33, 21, 490, 480), 28, 0.716, 22},
	} {
		file, err := os.ReadFile(c.path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Reading{}.decodeCrop(file, c.box, c.size)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := DecodeBytes(file)
		if err != nil {
			t.Fatal(err)
		}
		want := resizeCrop(whole, c.box, c.size, c.size)
		sum, n := 0.0, 0
		for y := range c.size {
			for x := range 4 * c.size {
				if x%4 < 3 {
					sum += math.Abs(float64(got.Pix[y*got.Stride+x]) - float64(want.Pix[y*want.Stride+x]))
					n++
				}
			}
		}
		mean, most := sum/float64(n), compare(t, got, want).most
		t.Logf("%s %v to %d: mean %.3f, at most %d levels", c.path, c.box, c.size, mean, most)
		if mean > 1.02*c.mean || most > c.most {
			t.Errorf("%s %v to %d: mean %.3f, at most %d levels", c.path, c.box, c.size, mean, most)
		}
	}
}

// TestDecodeCropEdge: at the right edge of an image a part has few columns of chroma, where a whole image so narrow
// would not be interpolated.
func TestDecodeCropEdge(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 35, 20))
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = uint8(rng.IntN(256))
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, img, nil); err != nil {
		t.Fatal(err)
	}
	box := image.Rect(34, 0, 35, 20)
	got, err := Reading{}.decodeCrop(file.Bytes(), box, 9)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := DecodeBytes(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if d := compare(t, got, resizeCrop(whole, box, 9, 9)); d != (difference{}) {
		t.Errorf("%+v", d)
	}
}
