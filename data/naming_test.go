package data

import (
	"strings"
	"testing"
)

// Folders and paths in another normal form of Unicode are found where that is the only way.
func TestNormalForms(t *testing.T) {
	const composed, decomposed = "\u00dc", "U\u0308"
	dir := t.TempDir()
	touch(t, dir, "train/V/1.png", "train/"+composed+"/2.png", "val/V/3.png", "val/"+decomposed+"/4.png",
		"test/V/5.png", "test/"+composed+"/6.png")
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Split{d.Train, d.Val, d.Test} {
		if strings.Join(s.Classes, "") != "V"+composed || s.Samples[0].Class != 0 || s.Samples[1].Class != 1 ||
			!strings.Contains(s.Samples[0].Path, "V") {
			t.Errorf("%+v", s)
		}
	}
	touch(t, dir, "test/"+decomposed+"/7.png")
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), `the classes "U\u0308" and "Ü" of`) {
		t.Errorf("error %v", err)
	}
}
