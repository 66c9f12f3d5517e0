package data

import (
	"bytes"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"testing"
)

// TestScansAsTorchvision: 1,000 pixels of every OCT scan and of a made photograph are equal after Resize and
// CenterCrop.
func TestScansAsTorchvision(t *testing.T) {
	set, err := Open("testdata/kermany_oct_mini")
	if err != nil {
		t.Fatal(err)
	}
	var images []*image.NRGBA
	for _, split := range []*Split{set.Train, set.Val, set.Test} {
		for _, s := range split.Samples {
			img, err := Decode(s.Path)
			if err != nil {
				t.Fatal(err)
			}
			images = append(images, img)
		}
	}
	want, err := os.ReadFile(filepath.Join(golden, "scans.bin"))
	if err != nil {
		t.Fatal(err)
	}
	const pixels = 1000
	if len(want) != (len(images)+3)*pixels {
		t.Fatalf("%d pixels for %d images", len(want), len(images))
	}
	for i, img := range append(images, photograph()) {
		channels := 1 // OCT scans are grey
		if i == len(images) {
			channels = 3
		}
		got, err := NewEvalTransform(224).crop(img)
		if err != nil {
			t.Fatal(err)
		}
		for k := range pixels {
			at := k * 9973 % (224 * 224)
			p := got.Pix[at/224*got.Stride+at%224*4:]
			if w := want[(i*pixels + k*channels):][:channels]; !bytes.Equal(p[:channels], w) {
				t.Fatalf("image %d, pixel %d: %v, want %v", i, at, p[:channels], w)
			}
		}
	}
}

// photograph returns a fundus-like picture of 3,000 pixels, made of integers as in tools/oracle/augment.py.
func photograph() *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, 3000, 2000))
	for y := range 2000 {
		for x := range 3000 {
			noise := (x*x*31 + y*y*17 + x*y*7) % 29
			r, g, b := 90+x/25+noise, 40+y/30+noise, 20+(x+y)/100+noise/2
			if (x*3+y*5)%160 < 9 { // a vessel
				r, g, b = r-30, g-30, b-30
			}
			if (x-2100)*(x-2100)+(y-900)*(y-900) < 200*200 { // the optic disc
				r, g, b = 250, 220, 140
			}
			if (x-1500)*(x-1500)+(y-1000)*(y-1000) > 960*960 {
				r, g, b = 0, 0, 0
			}
			img.SetNRGBA(x, y, color.NRGBA{uint8(r), uint8(g), uint8(b), 255})
		}
	}
	return img
}
