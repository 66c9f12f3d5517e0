package prepare

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/data"
)

// fundus draws a retina of a radius into a photograph: brighter in the middle, with a dark macula and a bright disc, on
// a background with noise and writing.
func fundus(w, h int, centre image.Point, radius float64) *image.NRGBA {
	random := rand.New(rand.NewPCG(3, 4))
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			at := func(dx, dy float64) float64 {
				return math.Hypot(float64(x-centre.X)-dx*radius, float64(y-centre.Y)-dy*radius) / radius
			}
			c := color.NRGBA{uint8(random.IntN(8)), uint8(random.IntN(6)), uint8(random.IntN(6)), 255}
			if d := at(0, 0); d <= 1 {
				light := 1 - 0.55*d*d
				c = color.NRGBA{uint8(200 * light), uint8(100 * light), uint8(60 * light), 255}
				switch {
				case at(0.1, 0) < 0.08:
					c = color.NRGBA{6, 4, 4, 255} // as dark as the background
				case at(-0.5, 0) < 0.12:
					c = color.NRGBA{250, 230, 160, 255}
				}
			} else if y > h-h/20 && y < h-h/40 && x < w/5 && 50*x/w%2 == 0 {
				c = color.NRGBA{255, 255, 255, 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

// The square just holds the retina, has its pixels unchanged, and black beyond.
func TestCropFundus(t *testing.T) {
	for _, test := range []struct {
		name   string
		w, h   int
		centre image.Point
		radius float64
	}{
		{"whole, off centre", 3000, 2000, image.Pt(1400, 980), 900},
		{"cut above and below", 1500, 1000, image.Pt(760, 500), 600},
		{"small", 60, 40, image.Pt(31, 20), 17},
	} {
		img := fundus(test.w, test.h, test.centre, test.radius)
		square, ok := cropFundus(img)
		if !ok {
			t.Errorf("%s: no retina found", test.name)
			continue
		}
		side := 2*int(test.radius) + 1
		if square.Rect != image.Rect(0, 0, side, side) {
			t.Errorf("%s: %v, want a side of %d", test.name, square.Rect, side)
			continue
		}
		for y := range side {
			for x := range side {
				dx, dy := x-int(test.radius), y-int(test.radius)
				want := color.NRGBA{0, 0, 0, 255}
				at := image.Pt(test.centre.X+dx, test.centre.Y+dy)
				if math.Hypot(float64(dx), float64(dy)) <= test.radius && at.In(img.Rect) {
					want = img.NRGBAAt(at.X, at.Y)
				}
				if got := square.NRGBAAt(x, y); got != want {
					t.Fatalf("%s: pixel %d,%d is %v, want %v", test.name, x, y, got, want)
				}
			}
		}
	}
}

// A photograph that the retina fills, or one too dark to see anything, stays whole.
func TestCropFundusFindsNoBackground(t *testing.T) {
	filled := fundus(300, 200, image.Pt(150, 100), 400)
	square, ok := cropFundus(filled)
	if ok || square.Rect.Dx() != 300 || square.NRGBAAt(7, 50) != filled.NRGBAAt(7, 0) || square.NRGBAAt(7, 49).R != 0 {
		t.Errorf("retina %v in %v", ok, square.Rect)
	}
	dark := image.NewNRGBA(image.Rect(0, 0, 5, 9))
	if square, ok := cropFundus(dark); ok || square.Rect.Dx() != 9 {
		t.Errorf("retina %v in %v", ok, square.Rect)
	}
	if square, ok := cropFundus(image.NewNRGBA(image.Rect(0, 0, 1, 1))); ok || square.Rect.Dx() != 1 {
		t.Errorf("retina %v in %v", ok, square.Rect)
	}
}

// In almost all of RetinaMNIST's photographs, which have been cropped already, the retina is found and is most of the
// image.
func TestCropRetinaMNIST(t *testing.T) {
	paths, err := filepath.Glob("../testdata/retinamnist/test/*/*.png")
	if err != nil || len(paths) != 400 {
		t.Fatalf("%d images: %v", len(paths), err)
	}
	var sides []int
	missed := 0
	for _, p := range paths {
		img, err := data.Decode(p)
		if err != nil {
			t.Fatal(err)
		}
		square, ok := cropFundus(img)
		if !ok {
			missed++
		}
		sides = append(sides, square.Rect.Dx())
	}
	slices.Sort(sides)
	if missed > 1 || sides[0] < 20 || sides[len(sides)/2] < 26 {
		t.Errorf("%d of %d not found; sides %v", missed, len(paths), sides)
	}
}

// Cropped results are PNGs of the side that was asked for, or smaller; the report names the images without a
// background.
func TestCropOption(t *testing.T) {
	tr := smallTree(t) // without a retina
	for i := range 3 {
		img := fundus(90, 60, image.Pt(45, 30), 20+float64(i))
		tr[i] = entry{strings.TrimSuffix(tr[i].path, ".png") + ".bmp", bmpOf(t, img)}
	}
	plan, err := prepared(t, Options{Set: small, Source: tr.folder(t), Crop: true, Side: 42})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Uncropped) != 17 || !strings.Contains(plan.Report(), "no background was found: 17 images") {
		t.Errorf("uncropped: %q\n%s", plan.Uncropped, plan.Report())
	}
	want := map[string]int{"a.png": 41, "b.png": 42, "c.png": 42, "k.png": 24}
	for _, img := range plan.Images {
		path := filepath.Join(plan.options.Dest, plan.path(img))
		content, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(content), "\x89PNG") {
			t.Fatalf("%s: %v", path, err)
		}
		decoded, err := data.Decode(path)
		if side, ok := want[img.Name]; ok && (err != nil || decoded.Rect != image.Rect(0, 0, side, side)) {
			t.Errorf("%s: %v, %v; want a side of %d", img.Name, decoded.Rect, err, side)
		}
	}
}

func BenchmarkCropFundus(b *testing.B) {
	img := fundus(3000, 2000, image.Pt(1500, 1000), 950)
	for b.Loop() {
		cropFundus(img)
	}
}

// A photograph that fills its file is not cut, even where one side lies in shadow or is overexposed.
func TestCropWithoutBorder(t *testing.T) {
	for _, levels := range [][2]float64{{20, 160}, {60, 220}, {255, 120}} {
		img := image.NewNRGBA(image.Rect(0, 0, 200, 150))
		for y := range 150 {
			for x := range 200 {
				share := float64(x) / 199
				v := uint8(levels[0] + share*(levels[1]-levels[0]) + float64((x*7+y*13)%9))
				if levels[0] == 255 {
					v = uint8(255 - 60*share)
				}
				img.SetNRGBA(x, y, color.NRGBA{v, v / 2, v / 4, 255})
			}
		}
		if square, ok := cropFundus(img); ok || square.Rect.Dx() != 200 {
			t.Errorf("levels %v: cropped to %v", levels, square.Rect)
		}
	}
}
