package data

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// touch makes empty files below dir.
func touch(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOrder compares classes, samples and their order with ImageFolder.
func TestOrder(t *testing.T) {
	file, err := os.ReadFile(filepath.Join(golden, "folder.txt"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(file)), "\n")
	mid := slices.Index(lines, "# samples")
	dir := t.TempDir()
	touch(t, dir, lines[1:mid]...)
	split, err := OpenSplit(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range split.Samples {
		path, err := filepath.Rel(dir, s.Path)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d %s", s.Class, filepath.ToSlash(path)))
		if class := strings.Split(filepath.ToSlash(path), "/")[0]; split.Classes[s.Class] != class {
			t.Errorf("%s has the class %s", path, split.Classes[s.Class])
		}
	}
	if want := lines[mid+1:]; !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLinks(t *testing.T) {
	dir := t.TempDir()
	touch(t, dir, "data/a/1.png", "elsewhere/2.png")
	for link, target := range map[string]string{
		"data/b":      filepath.Join(dir, "elsewhere"),
		"data/a/loop": filepath.Join(dir, "data"),
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	split, err := OpenSplit(filepath.Join(dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	// a/1.png, b/2.png, and what a/loop adds to a: b/2.png, but not a again.
	if len(split.Samples) != 3 || !slices.Equal(split.Classes, []string{"a", "b"}) {
		t.Errorf("%+v", split)
	}
}

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		dir              string
		classes          []string
		train, val, test int
	}{
		{"testdata/retinamnist", []string{"0_no_dr", "1_mild_npdr", "2_moderate_npdr", "3_severe_npdr", "4_pdr"},
			1080, 120, 400},
		{"testdata/kermany_oct_mini", []string{"CNV", "DME", "DRUSEN", "NORMAL"}, 16, 8, 8},
	} {
		d, err := Open(c.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []struct {
			split *Split
			n     int
		}{{d.Train, c.train}, {d.Val, c.val}, {d.Test, c.test}} {
			if len(s.split.Samples) != s.n || !slices.Equal(s.split.Classes, c.classes) {
				t.Errorf("%s: %d images of %q", s.split.Dir, len(s.split.Samples), s.split.Classes)
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	whole := []string{
		"train/a/1.png", "train/b/1.png", "val/a/1.png", "val/b/1.png", "test/a/1.png", "test/b/1.png",
	}
	drop := func(prefixes ...string) []string {
		return slices.DeleteFunc(slices.Clone(whole), func(s string) bool {
			return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
		})
	}
	for _, c := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"nothing", nil, []string{`"train", "val", "test"; a data set`, "found: no folder"}},
		{"no val", drop("val/"), []string{"missing", `"val"; a data set`, `found: "test", "train"`}},
		{"empty class", append(drop("val/b"), "val/b/notes.txt"),
			[]string{"val", `no image in the class "b"`, ".jpg"}},
		{"no images", []string{"train/a/x.txt", "val/a/x", "test/a/x"},
			[]string{"no image in any of the 1 folders", "train"}},
		{"no classes", append(drop("test/"), "test/1.png"),
			[]string{"test holds images but no class folders"}},
		{"empty split", append(drop("test/"), "test/readme"), []string{"test is empty"}},
		{"one class", drop("train/b", "val/b", "test/b"),
			[]string{`train has the single class "a"`, "at least two"}},
		{"extra class", append(slices.Clone(whole), "test/c/1.png"),
			[]string{"test differ from those of", `it has in addition "c"`}},
		{"differing classes", append(drop("val/b"), "val/B/1.png"),
			[]string{`it lacks "b" and has in addition "B"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			touch(t, dir, c.files...)
			_, err := Open(dir)
			if err == nil {
				t.Fatal("no error")
			}
			t.Log(err)
			for _, want := range append(c.want, dir) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q", want)
				}
			}
		})
	}
	if _, err := Open("testdata/none"); err == nil || !strings.Contains(err.Error(), "no folder testdata/none") {
		t.Errorf("a missing folder gives %v", err)
	}
}
