package data

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Labels in every form are those of the classes, see TestTablesOfPandas in package evaluation.
func TestOpenLabels(t *testing.T) {
	dir := "../evaluation/testdata/tables"
	for _, name := range []string{"commas.csv", "hdrspace.csv", "labels_float.csv", "semi.csv", "trail.csv"} {
		s, err := OpenLabels(filepath.Join(dir, name), "base", []string{"A", "B"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(s.Samples) != 6 || strings.Join(s.Classes, "") != "AB" {
			t.Errorf("%s: %v", name, s)
		}
		for _, sample := range s.Samples { // test/A/test_0002.png
			if class := filepath.Base(filepath.Dir(sample.Path)); s.Classes[sample.Class] != class {
				t.Errorf("%s: %s has the class %s", name, sample.Path, s.Classes[sample.Class])
			}
		}
	}
}

func TestOpenLabelsErrors(t *testing.T) {
	for text, want := range map[string]string{
		"path,label\na.png,1.0\nb.png,2.0\n":        `line 2, column 2 (label): label "1.0" may be the class "1" or, as`,
		"path,label\na.png,1\nb.png,NA\n":           `line 3, column 2 (label): the label is missing: "NA"`,
		"path;label\n\"a.png\";1\na.png;2\n":        "line 3: a.png stands in line 2 already",
		",path,label\n0,a.png,1\n1,b.png,\n":        `line 3: path "b.png" and label "": neither may be empty`,
		"path,label\r\r\na.png,1\r\r\nb.png\r\r\n":  "record on line 5: wrong number of fields",
		"<!doctype html><html><body>Log in</body>":  "this is a web page",
		"version https://git-lfs.github.com/spec/v": "this is a pointer of Git LFS",
	} {
		file := filepath.Join(t.TempDir(), "labels.csv")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenLabels(file, "", []string{"1", "2", "3"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

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
	labels := filepath.Join(dir, "labels.csv")
	if err := os.WriteFile(labels, []byte("path,label\n"+composed+"/4.png ,"+decomposed+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := OpenLabels(labels, filepath.Join(dir, "val"), []string{"V", composed})
	if err != nil || s.Classes[0] != composed || s.Samples[0].Path != filepath.Join(dir, "val", decomposed, "4.png") {
		t.Errorf("%+v, %v", s, err)
	}
	touch(t, dir, "test/"+decomposed+"/7.png")
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), `the classes "U\u0308" and "Ü" of`) {
		t.Errorf("error %v", err)
	}
}
