package data

import (
	"context"
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

	splits := []*Split{{Samples: source[:3]}, {Samples: []Sample{{Path: changed}, {Path: other}, {Path: filepath.Join(dir, "none.png")}}},
		{Samples: []Sample{{Path: copied}, {Path: filepath.Join(golden, "broken", "text.jpg")}}}}
	calls := 0
	got, err := Repeats(t.Context(), splits, 2, func(done, total int) {
		if calls++; done != calls || total != 8 {
			t.Errorf("call %d reports %d of %d", calls, done, total)
		}
	})
	if err != nil || calls != 8 {
		t.Fatalf("%v after %d calls", err, calls)
	}
	want := []Repeat{{Files: []Position{{0, 0}, {2, 0}}}, {Files: []Position{{0, 1}, {1, 1}}, Pixels: true}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}

	if none, err := Repeats(t.Context(), splits[:1], 0, nil); err != nil || none == nil || len(none) > 0 {
		t.Errorf("without repeats: %v, %v", none, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Repeats(ctx, splits, 0, nil); err == nil {
		t.Error("no error after cancel")
	}
}
