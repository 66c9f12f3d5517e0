package data

import (
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/image/bmp"
)

func TestRepeats(t *testing.T) {
	source := trainSamples(t, "testdata/kermany_oct_mini")
	dir := t.TempDir()
	copied := filepath.Join(dir, "copy.jpg")
	file, err := os.ReadFile(source[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, file, 0o644); err != nil {
		t.Fatal(err)
	}
	img, err := Decode(source[1].Path)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other.bmp")
	w, err := os.Create(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := bmp.Encode(w, img); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// One level of one pixel makes another image.
	img.Pix[0] ^= 1
	changed := filepath.Join(dir, "changed.png")
	if w, err = os.Create(changed); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(w, img); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	broken := Sample{Path: filepath.Join(golden, "broken", "text.jpg")}
	splits := [][]Sample{source[:3], {broken, {Path: changed}, {Path: other}}, {{Path: copied}}}
	want := []Repeat{{Files: []Position{{0, 0}, {2, 0}}}, {Files: []Position{{0, 1}, {1, 1}}, Pixels: true}}
	// Without a cache, with a cold one, and with a warm one.
	cached := filepath.Join(dir, "cache")
	for i, c := range []*Cache{nil, openCache(t, cached, 100), openCache(t, cached, 100)} {
		if got := Repeats(contentsOf(t, splits, c)); !reflect.DeepEqual(got, want) {
			t.Errorf("%d: %+v, want %+v", i, got, want)
		}
	}
	if none := Repeats(contentsOf(t, splits[:1], nil)); none == nil || len(none) > 0 {
		t.Errorf("without repeats: %v", none)
	}
}

func contentsOf(t *testing.T, splits [][]Sample, cache *Cache) (out [][]Fingerprint) {
	t.Helper()
	for _, samples := range splits {
		contents, _, err := Verify(t.Context(), samples, 2, cache, NewTrainTransform(64), nil)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, contents)
	}
	return out
}
