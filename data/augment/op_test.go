package augment

import (
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var imageNetFill = color.NRGBA{R: 124, G: 116, B: 104, A: 255}

// testImages reads the images of tools/oracle/augment.py.
func testImages(t testing.TB) map[string]*image.NRGBA {
	t.Helper()
	paths, err := filepath.Glob("../testdata/retinamnist/train/*/*.png")
	if err != nil || len(paths) < 64 {
		t.Fatalf("%d photographs, %v", len(paths), err)
	}
	slices.Sort(paths)
	mosaic := image.NewNRGBA(image.Rect(0, 0, 224, 224))
	for i, path := range paths[:64] {
		tile := readPNG(t, path)
		for y := range 28 {
			copy(mosaic.Pix[(i/8*28+y)*mosaic.Stride+i%8*28*4:], row(tile, y))
		}
	}
	return map[string]*image.NRGBA{
		"fundus": readPNG(t, paths[0]),
		"mosaic": mosaic,
		"oct64":  readPNG(t, "../testdata/golden/eval/oct768_64.png"),
		"oct224": readPNG(t, "../testdata/golden/eval/oct512_224.png"),
	}
}

func readPNG(t testing.TB, path string) *image.NRGBA {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewNRGBA(img.Bounds())
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			out.Set(x, y, img.At(x, y))
		}
	}
	return out
}

// digest returns the digest of the RGB bytes. Every pixel must be opaque.
func digest(t testing.TB, img *image.NRGBA) string {
	t.Helper()
	var rgb []byte
	for y := range img.Rect.Dy() {
		for p := row(img, y); len(p) > 0; p = p[4:] {
			if p[3] != 255 {
				t.Fatal("a pixel is not opaque")
			}
			rgb = append(rgb, p[:3]...)
		}
	}
	sum := sha256.Sum256(rgb)
	return hex.EncodeToString(sum[:])[:24]
}

// inside returns img as a part of a larger image.
func inside(img *image.NRGBA) *image.NRGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	large := image.NewNRGBA(image.Rect(0, 0, w+7, h+5))
	for y := range h {
		copy(large.Pix[(y+2)*large.Stride+4*3:], row(img, y))
	}
	return large.SubImage(image.Rect(3, 2, 3+w, 2+h)).(*image.NRGBA)
}

// TestOpsAsPillow: the argument of every op is timm's, and its pixels are Pillow's, all of them.
func TestOpsAsPillow(t *testing.T) {
	var golden []struct {
		Op, Image, SHA256  string
		Level, U, Argument float64
	}
	readJSON(t, "ops.json", &golden)
	sources := testImages(t)
	seen := map[string]bool{}
	for _, g := range golden {
		o := find(g.Op)
		if o == nil {
			t.Fatalf("no op %s", g.Op)
		}
		seen[g.Op] = true
		arg := 0.0
		if o.argument != nil {
			arg = o.argument(g.Level, g.U)
		}
		if math.Abs(arg-g.Argument) > 1e-12 {
			t.Errorf("%s at level %g: argument %v, want %v", g.Op, g.Level, arg, g.Argument)
		}
		src := inside(sources[g.Image])
		before := digest(t, src)
		got := Apply(src, []Step{{o, g.Argument}}, imageNetFill)
		if digest(t, got) != g.SHA256 {
			t.Errorf("%s(%v) of %s: pixels differ", g.Op, g.Argument, g.Image)
		}
		if digest(t, src) != before {
			t.Errorf("%s changes its source", g.Op)
		}
	}
	if len(seen) != len(ops) {
		t.Errorf("%d of %d ops are compared", len(seen), len(ops))
	}
}

// TestMixtureAsTimm forces the draws of AugMix.
func TestMixtureAsTimm(t *testing.T) {
	var golden []struct {
		Chains [][]struct {
			Op       string
			Argument float64
		}
		Shares []float32
		Share  float32
		SHA256 string
	}
	readJSON(t, "mixture.json", &golden)
	mosaic := testImages(t)["mosaic"]
	for i, g := range golden {
		d := Decision{Share: g.Share}
		for k, c := range g.Chains {
			chain := Chain{Share: g.Shares[k]}
			for _, s := range c {
				chain.Steps = append(chain.Steps, Step{find(s.Op), s.Argument})
			}
			d.Mixture = append(d.Mixture, chain)
		}
		if digest(t, d.Apply(mosaic, imageNetFill)) != g.SHA256 {
			t.Errorf("mixture %d: pixels differ", i)
		}
	}
}

// TestApplyReusesNothingInUse: three steps need two buffers, and the source is none of them.
func TestApplyReusesNothingInUse(t *testing.T) {
	src := testImages(t)["mosaic"]
	steps := []Step{{find("Invert"), 0}, {find("Sharpness"), 1.5}, {find("ShearX"), 0.1}, {find("Invert"), 0}}
	want := src
	for _, s := range steps {
		want = Apply(want, []Step{s}, imageNetFill)
	}
	before := digest(t, src)
	if digest(t, Apply(src, steps, imageNetFill)) != digest(t, want) {
		t.Error("steps together and one by one differ")
	}
	if digest(t, src) != before {
		t.Error("the source was changed")
	}
}

// BenchmarkOps is each op at level 9 on 224×224 pixels.
func BenchmarkOps(b *testing.B) {
	img := testImages(b)["mosaic"]
	for i := range ops {
		b.Run(ops[i].name, func(b *testing.B) {
			arg := 0.0
			if ops[i].argument != nil {
				arg = ops[i].argument(9, 0.25)
			}
			dst := image.NewNRGBA(img.Rect)
			for b.Loop() {
				ops[i].apply(dst, img, arg, imageNetFill)
			}
		})
	}
}
