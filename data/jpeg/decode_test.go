package jpeg

import (
	"bytes"
	"image"
	stdjpeg "image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// files returns JPEGs of every kind that is decoded here. That their colours equal Pillow's is tested in package data.
func files(t testing.TB) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"../testdata/golden/modes/*.jpg", "../testdata/kermany_oct_mini/test/CNV/*.jpeg"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, paths...)
	}
	return out
}

// planes calls f for the planes of two images.
func planes(t *testing.T, a, b image.Image, f func(a, b []uint8, strideA, strideB, w, h int)) {
	t.Helper()
	size := a.Bounds().Size()
	if x, ok := a.(*image.Gray); ok {
		y := b.(*image.Gray)
		f(x.Pix, y.Pix, x.Stride, y.Stride, size.X, size.Y)
		return
	}
	x, y := a.(*image.YCbCr), b.(*image.YCbCr)
	if x.SubsampleRatio != y.SubsampleRatio {
		t.Fatalf("chroma %v and %v", x.SubsampleRatio, y.SubsampleRatio)
	}
	f(x.Y, y.Y, x.YStride, y.YStride, size.X, size.Y)
	w, h := size.X, size.Y
	if r := x.SubsampleRatio; r == image.YCbCrSubsampleRatio422 || r == image.YCbCrSubsampleRatio420 {
		w = (w + 1) / 2
	}
	if r := x.SubsampleRatio; r == image.YCbCrSubsampleRatio440 || r == image.YCbCrSubsampleRatio420 {
		h = (h + 1) / 2
	}
	f(x.Cb, y.Cb, x.CStride, y.CStride, w, h)
	f(x.Cr, y.Cr, x.CStride, y.CStride, w, h)
}

// TestAsStandardLibrary: image/jpeg has another inverse DCT, which rounds otherwise now and then. It does not read
// every file that libjpeg does.
func TestAsStandardLibrary(t *testing.T) {
	decoded := 0
	for _, path := range files(t) {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(file)
		if err != nil {
			if filepath.Base(path) != "cmyk.jpg" {
				t.Errorf("%s: %v", path, err)
			}
			continue
		}
		want, err := stdjpeg.Decode(bytes.NewReader(file))
		if err != nil {
			t.Logf("%s: image/jpeg: %v", path, err)
			continue
		}
		decoded++
		if got.Bounds() != want.Bounds() {
			t.Fatalf("%s: %v, want %v", path, got.Bounds(), want.Bounds())
		}
		planes(t, got, want, func(a, b []uint8, strideA, strideB, w, h int) {
			for y := range h {
				for x := range w {
					if d := int(a[y*strideA+x]) - int(b[y*strideB+x]); d < -2 || d > 2 {
						t.Fatalf("%s: sample (%d,%d) is off by %d", path, x, y, d)
					}
				}
			}
		})
	}
	if decoded < 10 {
		t.Errorf("%d files", decoded)
	}
}

// TestReduced: a reduced plane is the mean of the full one's samples, up to rounding, where that had nothing to clip.
func TestReduced(t *testing.T) {
	for _, path := range files(t) {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		full, err := Decode(file)
		if err != nil {
			continue
		}
		for _, reduction := range []int{2, 4, 8} {
			got, err := DecodeBox(file, image.Rectangle{}, reduction)
			if err != nil {
				t.Fatal(err)
			}
			w, h := full.Bounds().Dx(), full.Bounds().Dy()
			if want := image.Rect(0, 0, ceilDiv(w, reduction), ceilDiv(h, reduction)); got.Bounds() != want {
				t.Fatalf("%s / %d: %v, want %v", path, reduction, got.Bounds(), want)
			}
			a, stride := luma(got)
			b, wide := luma(full)
			for y := range h / reduction {
				for x := range w / reduction {
					sum, clipped := 0, false
					for i := range reduction * reduction {
						v := int(b[(y*reduction+i/reduction)*wide+x*reduction+i%reduction])
						sum += v
						clipped = clipped || v == 0 || v == 255
					}
					mean := float64(sum) / float64(reduction*reduction)
					if d := float64(a[y*stride+x]) - mean; !clipped && (d < -1.01 || d > 1.01) {
						t.Fatalf("%s / %d: (%d,%d) is %d, the mean %.2f", path, reduction, x, y, a[y*stride+x], mean)
					}
				}
			}
		}
	}
}

func luma(img image.Image) ([]uint8, int) {
	if g, ok := img.(*image.Gray); ok {
		return g.Pix, g.Stride
	}
	y := img.(*image.YCbCr)
	return y.Y, y.YStride
}

// TestBox: the samples of a part are those of the whole.
func TestBox(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, path := range files(t) {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		config, err := stdjpeg.DecodeConfig(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		for _, reduction := range []int{1, 2, 4, 8} {
			whole, err := DecodeBox(file, image.Rectangle{}, reduction)
			if err != nil {
				continue
			}
			for range 10 {
				x, y := rng.IntN(config.Width), rng.IntN(config.Height)
				box := image.Rect(x, y, x+1+rng.IntN(config.Width-x), y+1+rng.IntN(config.Height-y))
				part, err := DecodeBox(file, box, reduction)
				if err != nil {
					t.Fatal(err)
				}
				r := part.Bounds()
				reduced := image.Rect(box.Min.X/reduction, box.Min.Y/reduction,
					ceilDiv(box.Max.X, reduction), ceilDiv(box.Max.Y, reduction))
				if !reduced.In(r) || !r.In(whole.Bounds()) {
					t.Fatalf("%s: box %v / %d gives %v", path, box, reduction, r)
				}
				a, stride := luma(part)
				b, wide := luma(whole)
				for y := r.Min.Y; y < r.Max.Y; y++ {
					got, want := a[(y-r.Min.Y)*stride:][:r.Dx()], b[y*wide+r.Min.X:][:r.Dx()]
					if !bytes.Equal(got, want) {
						t.Fatalf("%s: box %v / %d: row %d differs", path, box, reduction, y)
					}
				}
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	file, err := os.ReadFile("../testdata/golden/modes/rgb420.jpg")
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(file) - 1 {
		if _, err := Decode(file[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes are decoded", n, len(file))
		}
	}
	if _, err := DecodeBox(file, image.Rect(-1, 0, 5, 5), 1); err == nil {
		t.Error("a box outside the image is accepted")
	}
	if _, err := DecodeBox(file, image.Rectangle{}, 3); err == nil {
		t.Error("a reduction by 3 is accepted")
	}
}

// TestAdobeMarker: that the components are RGB, which is left to image/jpeg, may be said before the frame or behind it.
func TestAdobeMarker(t *testing.T) {
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 9, 9)), nil); err != nil {
		t.Fatal(err)
	}
	file := b.Bytes()
	if _, err := Decode(file); err != nil {
		t.Fatal(err)
	}
	for _, marker := range []byte{markerDQT, markerSOF0, markerSOS} {
		before, behind, ok := bytes.Cut(file, []byte{0xFF, marker})
		if !ok {
			t.Fatalf("no marker %x", marker)
		}
		rgb := append(bytes.Clone(before), "\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00\x00"...)
		rgb = append(append(rgb, 0xFF, marker), behind...)
		if _, err := Decode(rgb); err == nil {
			t.Errorf("with Adobe's marker before %x RGB is decoded as YCbCr", marker)
		}
	}
}

// FuzzDecode: nothing makes the decoder panic, and a part never differs from the whole in size.
func FuzzDecode(f *testing.F) {
	for _, path := range files(f) {
		file, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(file) < 8<<10 {
			f.Add(file)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		config, err := stdjpeg.DecodeConfig(bytes.NewReader(file))
		if err != nil || config.Width*config.Height > 1<<20 {
			return
		}
		for _, reduction := range []int{1, 2, 4, 8} {
			img, err := DecodeBox(file, image.Rectangle{}, reduction)
			if err != nil {
				return
			}
			if b := img.Bounds(); b.Dx() != ceilDiv(config.Width, reduction) || b.Dy() != ceilDiv(config.Height, reduction) {
				t.Errorf("%v of %d×%d / %d", b, config.Width, config.Height, reduction)
			}
		}
	})
}
