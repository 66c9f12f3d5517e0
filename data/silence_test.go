package data

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// logged returns what do logs.
func logged(t *testing.T, do func()) string {
	t.Helper()
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	defer slog.SetDefault(before)
	do()
	return out.String()
}

// TestLeftOut: nothing beside the images is passed over without a line that says how many there are.
func TestLeftOut(t *testing.T) {
	dir := t.TempDir()
	image, err := os.ReadFile("testdata/golden/modes/grey.png")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a/1.png", "a/b/2.png", "b/1.png", "b/2.GIF", "b/3.gif", "b/4.dcm", "a/5.jfif", "a/6",
		"a/.DS_Store", "a/._1.png", "a/b/._2.png", "b/._3.png", "loose.png", "notes.txt", ".checkpoints/1.png"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, image, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	log := logged(t, func() {
		s, err := OpenSplit(dir)
		if err != nil || len(s.Samples) != 4 || len(s.Classes) != 3 {
			t.Errorf("%+v, %v", s, err)
		}
	})
	for _, want := range []string{"files are left out, whose names are not those of images\" files=5",
		`kinds="1 without an ending, 1 .dcm, 2 .gif, 1 .jfif"`, "files are left out that macOS puts beside images (._*)\" number=3",
		"images are left out that lie beside the folders of the classes\" number=1", "hidden folders count as classes, as in torchvision\" number=1"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if lines := strings.Count(log, "\n"); lines != 4 {
		t.Errorf("%d lines: %s", lines, log)
	}
}

// TestNotes: what may surprise in images is said once, with their number, when they are verified or loaded, and with a
// cache too.
func TestNotes(t *testing.T) {
	kinds := "pixels/testdata/kinds/"
	samples := []Sample{{Path: kinds + "exif6.jpg"}, {Path: kinds + "exif3.jpg"}, {Path: kinds + "grey12in16.tif"},
		{Path: kinds + "pages.tif"}, {Path: kinds + "rgb8.tif"}}
	transform := NewEvalTransform(8)
	check := func(what, log string) {
		t.Helper()
		for _, want := range []string{"images have an EXIF orientation", "images=2", "first=" + kinds + "exif3.jpg",
			"16-bit images use at most a quarter", "images=1", "files have several pages"} {
			if !strings.Contains(log, want) {
				t.Errorf("%s: the log lacks %q: %s", what, want, log)
			}
		}
		if n := strings.Count(log, "\n"); n != 3 {
			t.Errorf("%s: %d lines: %s", what, n, log)
		}
	}
	verify := func(c *Cache) string {
		return logged(t, func() {
			if _, bad, err := Verify(t.Context(), samples, 2, c, transform, nil); err != nil || bad != nil {
				t.Errorf("%v, %v", bad, err)
			}
		})
	}
	check("verified", verify(nil))
	dir := t.TempDir()
	for range 2 {
		c, err := OpenCache(dir, 64)
		if err != nil {
			t.Fatal(err)
		}
		check("with a cache", verify(c))
	}
	l, err := NewLoader(LoaderConfig{Samples: samples, Batch: 2, Transform: transform, Tolerant: true})
	if err != nil {
		t.Fatal(err)
	}
	check("loaded", logged(t, func() {
		if err := l.Each(t.Context(), 0, func(*Batch) error { return nil }); err != nil {
			t.Error(err)
		}
		l.LogNotes()
	}))
}

// TestReading: what is white in 16 bits can be said; then there is no warning.
func TestReading(t *testing.T) {
	for _, name := range []string{"grey12in16.tif", "grey12in16.png", "grey12in16_lzw.tif"} {
		path := "pixels/testdata/kinds/" + name
		got, notes, err := Reading{White: 4095}.DecodeNoted(path)
		if err != nil || notes != 0 {
			t.Fatalf("%s: %v, %v", name, notes, err)
		}
		want, err := Decode("pixels/testdata/kinds/grey16.tif")
		if err != nil {
			t.Fatal(err)
		}
		if d := compare(t, got, want); d != (difference{}) {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// TestTooLarge: a small file of a huge image costs its own result alone.
func TestTooLarge(t *testing.T) {
	samples := []Sample{{Path: "pixels/testdata/cases/png_gray1_31k.png"}, {Path: "pixels/testdata/kinds/rgb8.tif"}}
	for _, transform := range []Transform{NewEvalTransform(8), NewTrainTransform(8)} {
		l, err := NewLoader(LoaderConfig{Samples: samples, Batch: 2, Transform: transform, Tolerant: true})
		if err != nil {
			t.Fatal(err)
		}
		err = l.Each(t.Context(), 0, func(b *Batch) error {
			if !errors.Is(b.Errors[0], ErrTooLarge) || b.Errors[1] != nil {
				t.Errorf("the errors are %v", b.Errors)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
