package pixels

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzDecode: no file makes a decoder panic or takes long, and the size that a header says is that of the image.
func FuzzDecode(f *testing.F) {
	paths, err := filepath.Glob("testdata/kinds/*")
	if err != nil || len(paths) < 400 {
		f.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	SetLimit(1 << 18)
	f.Fuzz(func(t *testing.T, file []byte) {
		begin := time.Now()
		w, h, sizeErr := Size(file)
		img, _, err := Decode(file, Options{})
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%v", took)
		}
		for _, err := range []error{sizeErr, err} {
			if err != nil && strings.Contains(err.Error(), "the decoder failed") {
				t.Error(err)
			}
		}
		if err == nil && (sizeErr != nil || img.Rect.Dx() != w || img.Rect.Dy() != h || img.Rect.Min.X != 0) {
			t.Errorf("%v from a head of %d×%d, %v", img.Rect, w, h, sizeErr)
		}
	})
}
