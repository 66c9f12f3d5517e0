package pixels

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCases compares files that people have with the pixels that Pillow reads, beside them as NAME.pillow.png. Grey of
// 16 bits differs from Pillow on purpose.
func TestCases(t *testing.T) {
	wants := map[string]string{ // errors
		"jpg_nodqt.jpg":     "lacks its quantization table 0",
		"png_gray1_31k.png": "more than the limit",
	}
	notes := map[string]Notes{"prog_partial.jpg": Incomplete, "jpg_lostrst.jpg": Damaged, "oct12.tif": Dark}
	files, err := filepath.Glob("testdata/cases/*")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		if strings.HasSuffix(name, ".pillow.png") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			img, noted, err := Decode(file, Options{})
			if want := wants[name]; want != "" {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("the error is %v, want %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if noted != notes[name] {
				t.Errorf("notes %b, want %b", noted, notes[name])
			}
			if name == "oct12.tif" {
				return
			}
			if d := compare(t, img, readPNG(t, path+".pillow.png")); d != (difference{}) {
				t.Errorf("differs by %+v", d)
			}
		})
	}
	if _, err := Reserve(make([]byte, 20)); err == nil || errors.Is(err, ErrTooLarge) {
		t.Errorf("twenty zeros give %v", err)
	}
}
