package data

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
)

// TestCropAsPillow: crop and resize of given boxes give torchvision's resized_crop.
func TestCropAsPillow(t *testing.T) {
	img, err := Decode(filepath.Join(golden, "eval", "scene.src.png"))
	if err != nil {
		t.Fatal(err)
	}
	wants, err := filepath.Glob(filepath.Join(golden, "crop", "*.png"))
	if err != nil || len(wants) != 7 {
		t.Fatalf("%d goldens, %v", len(wants), err)
	}
	for _, want := range wants {
		var left, top, w, h, size int
		if _, err := fmt.Sscanf(filepath.Base(want), "%d_%d_%d_%d_%d.png", &left, &top, &w, &h, &size); err != nil {
			t.Fatal(err)
		}
		got := resizeCrop(img, image.Rect(left, top, left+w, top+h), size, size)
		d := compare(t, got, readPNG(t, want))
		if d != (difference{}) {
			t.Errorf("%s: %+v", want, d)
		}
	}
}

// TestCropBoxDistribution compares area, ratio and position of the boxes with torchvision's RandomResizedCrop by a
// two-sample chi-square test.
func TestCropBoxDistribution(t *testing.T) {
	type histogram struct {
		Low, High float64
		Counts    []int
	}
	var cases []struct {
		Width, Height, Draws int
		Scale, Ratio         [2]float64
		Histograms           map[string]histogram
	}
	readJSON(t, "crops.json", &cases)
	for i, c := range cases {
		tr := TrainTransform{Scale: c.Scale, Ratio: c.Ratio}
		rng := rand.New(rand.NewPCG(uint64(i), 1))
		counts := map[string][]int{}
		for name, h := range c.Histograms {
			counts[name] = make([]int, len(h.Counts))
		}
		for range c.Draws {
			b := tr.cropBox(c.Width, c.Height, rng)
			w, h := float64(b.Dx()), float64(b.Dy())
			for name, v := range map[string]float64{
				"area":      w * h / float64(c.Width*c.Height),
				"log_ratio": math.Log(w / h),
				"left":      (float64(b.Min.X) + 0.5) / (float64(c.Width) - w + 1),
				"top":       (float64(b.Min.Y) + 0.5) / (float64(c.Height) - h + 1),
			} {
				g := c.Histograms[name]
				bin := int((v - g.Low) / (g.High - g.Low) * float64(len(g.Counts)))
				counts[name][min(max(bin, 0), len(g.Counts)-1)]++
			}
		}
		for name, h := range c.Histograms {
			p := sameDistribution(counts[name], h.Counts)
			t.Logf("%d×%d %s: p = %.3f", c.Width, c.Height, name, p)
			if p < 0.001 {
				t.Errorf("%d×%d: %s is distributed otherwise, p = %g:\n%v\n%v",
					c.Width, c.Height, name, p, counts[name], h.Counts)
			}
		}
	}
}

// numbered is an n×n image whose pixels all differ.
func numbered(n int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, n, n))
	for y := range n {
		for x := range n {
			img.SetNRGBA(x, y, color.NRGBA{R: uint8(x), G: uint8(y), B: uint8(x ^ y), A: 255})
		}
	}
	return img
}

func TestTrainIdentity(t *testing.T) {
	img := numbered(28)
	before := slices.Clone(img.Pix)
	tr := TrainTransform{Size: 28, Scale: [2]float64{1, 1}, Ratio: [2]float64{1, 1}, Std: [3]float32{1, 1, 1}}
	got := make([]float32, 3*28*28)
	if err := tr.Apply(got, img, rand.New(rand.NewPCG(0, 0))); err != nil {
		t.Fatal(err)
	}
	for i := range 28 * 28 {
		if got[i] != float32(i%28)/255 || got[28*28+i] != float32(i/28)/255 {
			t.Fatalf("pixel %d is (%g, %g)", i, got[i]*255, got[28*28+i]*255)
		}
	}
	if !bytes.Equal(img.Pix, before) {
		t.Error("the image was changed")
	}
}

// TestArrangement checks each step by hand on a 3×3 image, given as the sources of the pixels in reading order.
func TestArrangement(t *testing.T) {
	for _, c := range []struct {
		a    arrangement
		want string
	}{
		{arrangement{}, "012345678"},
		{arrangement{flipX: true}, "210543876"},
		{arrangement{flipY: true}, "678345012"},
		{arrangement{turns: 1}, "258147036"}, // numpy.rot90
		{arrangement{turns: 2}, "876543210"},
		{arrangement{turns: 3}, "630741852"},
		{arrangement{dx: 1}, "001334667"},
		{arrangement{dy: -1}, "345678678"},
		{arrangement{flipX: true, turns: 1}, "036147258"},
		{arrangement{flipX: true, turns: 1, dx: -1, dy: 1}, "366366477"},
	} {
		img := image.NewNRGBA(image.Rect(0, 0, 3, 3))
		for i := range 9 {
			img.Pix[4*i], img.Pix[4*i+3] = uint8('0'+i), 255
		}
		out := c.a.apply(img)
		got := make([]byte, 9)
		for i := range got {
			got[i] = out.Pix[4*i]
		}
		if string(got) != c.want {
			t.Errorf("%+v: %s, want %s", c.a, got, c.want)
		}
	}
}

// TestArrangementDraws: every symmetry and shift comes up as often as it should.
func TestArrangementDraws(t *testing.T) {
	tr := TrainTransform{Size: 28, HorizontalFlip: 0.5, VerticalFlip: 0.25, QuarterTurns: true, Shift: 0.1}
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 40_000
	var flipX, flipY int
	turns, dx, dy := make([]int, 4), make([]int, 5), make([]int, 5)
	for range n {
		a := tr.drawArrangement(rng)
		if a.flipX {
			flipX++
		}
		if a.flipY {
			flipY++
		}
		turns[a.turns]++
		dx[a.dx+2]++ // 0.1·28 is 2 pixels
		dy[a.dy+2]++
	}
	for name, p := range map[string]float64{
		"flipX": uniformity([]int{flipX, n - flipX}, n),
		"turns": uniformity(turns, n),
		"dx":    uniformity(dx, n),
		"dy":    uniformity(dy, n),
		// A quarter is flipped: three bins' worth are not.
		"flipY": chiSquareTail(square(flipY, n/4)+square(n-flipY, n-n/4), 1),
	} {
		if p < 0.001 {
			t.Errorf("%s: p = %g", name, p)
		}
	}
}
