package similar

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/jpeg"
	_ "image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/disintegration/imaging"
)

// A change makes a nearly identical image.
type change struct {
	name   string
	make   func(*image.NRGBA, *rand.Rand) *image.NRGBA
	recall float64 // the least that the test accepts
}

var changes = []change{
	{"crop", crop, 0.95},
	{"crop, resized back", func(img *image.NRGBA, r *rand.Rand) *image.NRGBA {
		return imaging.Resize(crop(img, r), img.Rect.Dx(), img.Rect.Dy(), imaging.CatmullRom)
	}, 0.95},
	{"JPEG 30 to 95", compress, 0.95},
	{"resize to 0.3 to 2", resize, 0.95},
	{"brightness and contrast", brighten, 0.95},
}

// shortfall allows for what chance may take from the recall of fewer pairs.
const shortfall = 0.03

func between(r *rand.Rand, a, b float64) float64 { return a + r.Float64()*(b-a) }

// crop keeps 80 to 98 % of width and height, anywhere.
func crop(img *image.NRGBA, r *rand.Rand) *image.NRGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	cw := int(math.Round(float64(w) * between(r, 0.8, 0.98)))
	ch := int(math.Round(float64(h) * between(r, 0.8, 0.98)))
	x, y := r.IntN(w-cw+1), r.IntN(h-ch+1)
	return imaging.Crop(img, image.Rect(x, y, x+cw, y+ch))
}

func compress(img *image.NRGBA, r *rand.Rand) *image.NRGBA {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 30 + r.IntN(66)}); err != nil {
		panic(err)
	}
	decoded, err := jpeg.Decode(&b)
	if err != nil {
		panic(err)
	}
	return imaging.Clone(decoded)
}

func resize(img *image.NRGBA, r *rand.Rand) *image.NRGBA {
	factor := between(r, 0.3, 2)
	filters := []imaging.ResampleFilter{imaging.Box, imaging.Linear, imaging.CatmullRom, imaging.Lanczos}
	return imaging.Resize(img, int(math.Round(float64(img.Rect.Dx())*factor)),
		int(math.Round(float64(img.Rect.Dy())*factor)), filters[r.IntN(len(filters))])
}

func brighten(img *image.NRGBA, r *rand.Rand) *image.NRGBA {
	gain, offset := between(r, 0.7, 1.4), between(r, -30, 30)
	level := func(v uint8) uint8 { return uint8(min(255, max(0, math.Round(float64(v)*gain+offset)))) }
	return imaging.AdjustFunc(img, func(c color.NRGBA) color.NRGBA {
		return color.NRGBA{level(c.R), level(c.G), level(c.B), c.A}
	})
}

func print(img *image.NRGBA) *Print {
	return NewPrint(imaging.Resize(img, Side, Side, imaging.CatmullRom))
}

func images(t testing.TB, pattern string) (all []*image.NRGBA) {
	paths, err := filepath.Glob(pattern)
	if err != nil || paths == nil {
		t.Fatalf("no images %s: %v", pattern, err)
	}
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		img, _, err := image.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, imaging.Clone(img))
	}
	return all
}

var pattern = flag.String("images", "../testdata/retinamnist/*/*/*.png", "the images of TestFind")

// Changed images are found among all images, and few others.
func TestFind(t *testing.T) {
	all := images(t, *pattern)
	pairs := min(200, len(all))
	if testing.Short() {
		all, pairs = all[:200], 40
	}
	var prints []*Print
	for _, img := range all {
		prints = append(prints, print(img))
	}
	r := rand.New(rand.NewPCG(15, 0))
	var sources []int
	for _, c := range changes {
		for _, i := range r.Perm(len(all))[:pairs] {
			sources = append(sources, i)
			prints = append(prints, print(c.make(all[i], r)))
		}
	}
	start := time.Now()
	found := map[[2]int]bool{}
	among := 0
	for _, p := range Find(prints, 0) {
		found[p] = true
		if p[1] < len(all) {
			among++
		}
	}
	t.Logf("%d images: %v", len(prints), time.Since(start))
	for k, c := range changes {
		hits := 0
		for i := range pairs {
			if n := k*pairs + i; found[[2]int{sources[n], len(all) + n}] {
				hits++
			}
		}
		recall := float64(hits) / float64(pairs)
		t.Logf("%s: %.1f %%", c.name, 100*recall)
		if recall < c.recall-shortfall && pairs < 200 || recall < c.recall && pairs >= 200 {
			t.Errorf("%s: %.1f %% were found, want %.0f %%", c.name, 100*recall, 100*c.recall)
		}
	}
	// Of the 32 pairs, 27 are copies that RetinaMNIST holds; the other five have 8 images.
	if t.Logf("%d pairs among the %d images", among, len(all)); among > 36 {
		t.Errorf("%d pairs are similar among %d images, of which 27 are known", among, len(all))
	}
}
