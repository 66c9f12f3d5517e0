package data

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/disintegration/imaging"
)

// A patient, an image that is there twice, and a part of an image are found in two splits, and nothing else.
func TestLeaks(t *testing.T) {
	dir := t.TempDir()
	retinas := filepath.Join("testdata", "retinamnist", "train", "0_no_dr")
	names, err := Images(retinas)
	if err != nil {
		t.Fatal(err)
	}
	splits := []*Split{}
	for k, name := range []string{"train", "val", "test"} {
		s := &Split{Name: name, Dir: dir, Classes: []string{"healthy"}, Attributes: []string{"eye", "patient"}}
		for i := range 4 {
			img, err := Decode(names[4*k+i])
			if err != nil {
				t.Fatal(err)
			}
			s.Samples = append(s.Samples, Sample{Path: writePNG(t, dir, fmt.Sprintf("%s/%d.png", name, i), img), Row: i})
			s.Rows = append(s.Rows, []string{"OD", fmt.Sprint(name, " ", i/2)})
		}
		splits = append(splits, s)
	}
	img, err := Decode(names[0])
	if err != nil {
		t.Fatal(err)
	}
	add := func(s *Split, name string, img image.Image, patient string) {
		s.Samples = append(s.Samples, Sample{Path: writePNG(t, dir, name, img), Row: len(s.Rows)})
		s.Rows = append(s.Rows, []string{"OS", patient})
	}
	add(splits[0], "train/again.png", img, "")
	add(splits[2], "test/again.png", img, "train 1")
	add(splits[1], "val/part.png", imaging.Crop(img, image.Rect(2, 1, 27, 25)), "")

	for _, s := range splits {
		if s.Verified, _, err = Verify(t.Context(), s.Samples, 0, nil, NewEvalTransform(64), nil); err != nil {
			t.Fatal(err)
		}
	}
	verified := [][]Fingerprint{splits[0].Verified, splits[1].Verified, splits[2].Verified}
	leaks := Leaks(splits, append(Repeats(verified), Similar(verified, 0)...)...)
	want := []Leak{
		{SamePatient, "train 1", []Position{{0, 2}, {0, 3}, {2, 4}}},
		{Kind: SameImage, Files: []Position{{0, 0}, {0, 4}, {2, 4}}},
		{Kind: SameOrigin, Files: []Position{{0, 0}, {0, 4}, {1, 4}, {2, 4}}},
	}
	if !reflect.DeepEqual(leaks, want) {
		t.Fatalf("%+v\nwant %+v", leaks, want)
	}

	leakage := &Leakage{splits, leaks}
	text := `1 patient, 1 identical image, 1 nearly identical image are in more than one split, so the test would look too ` +
		`good; the first: the patient "train 1" has "train/2.png" in train and "test/again.png" in test`
	if leakage.Error() != text {
		t.Errorf("%v\nwant %s", leakage, text)
	}
	var b bytes.Buffer
	if err := leakage.Write(&b); err != nil {
		t.Fatal(err)
	}
	if line := "2,identical image,train 1,test,test/again.png,healthy\n"; !strings.Contains(b.String(), line) {
		t.Errorf("the table has no row %s:\n%s", line, b.String())
	}
}

func writePNG(t *testing.T, dir, name string, img image.Image) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	return path
}
