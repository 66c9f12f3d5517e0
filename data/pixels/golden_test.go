package pixels

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"testing"
)

// golden is the folder that tools/oracle/images.py wrote.
const golden = "../testdata/golden"

// decodeFile decodes a file as package data does: errors name it.
func decodeFile(path string) (*image.NRGBA, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	img, err := decodeBytes(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return img, nil
}

func decodeBytes(file []byte) (*image.NRGBA, error) {
	img, _, err := Decode(file, Options{})
	return img, err
}

// readPNG reads an 8-bit PNG without the code under test.
func readPNG(t *testing.T, path string) image.Image {
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
	return img
}

// A difference measures how far two images are apart.
type difference struct {
	most   int     // levels, of any channel
	pixels float64 // part of the pixels that differ at all
}

func compare(t *testing.T, got *image.NRGBA, want image.Image) difference {
	t.Helper()
	if got.Rect.Size() != want.Bounds().Size() {
		t.Fatalf("size %v, want %v", got.Rect.Size(), want.Bounds().Size())
	}
	var d difference
	w, h := got.Rect.Dx(), got.Rect.Dy()
	for y := range h {
		for x := range w {
			g := got.NRGBAAt(got.Rect.Min.X+x, got.Rect.Min.Y+y)
			c := color.NRGBAModel.Convert(want.At(x, y)).(color.NRGBA)
			if g.A != 255 {
				t.Fatalf("pixel (%d,%d) is not opaque", x, y)
			}
			m := max(abs(g.R, c.R), abs(g.G, c.G), abs(g.B, c.B))
			d.most = max(d.most, m)
			if m > 0 {
				d.pixels += 1 / float64(w*h)
			}
		}
	}
	return d
}

func abs(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }
