package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestReadClasses: -classes takes names, a file of names, a folder of class folders, and a table of labels.
func TestReadClasses(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"train/b", "train/a"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"names.txt": "b\na\n", "labels.csv": "path,label\n1.png,b\n2.png,a\n3.png,b\n",
		"grades.csv": "path,label\n1.png,10\n2.png,2\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string][]string{"": nil, "b, a": {"b", "a"}, filepath.Join(dir, "names.txt"): {"b", "a"},
		filepath.Join(dir, "train"): {"a", "b"}, filepath.Join(dir, "labels.csv"): {"a", "b"},
		filepath.Join(dir, "grades.csv"): {"2", "10"}} {
		got, err := readClasses(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	if _, err := readClasses(filepath.Join(dir, "train/a")); err == nil ||
		!strings.Contains(err.Error(), "holds no folders of classes") {
		t.Errorf("error %v", err)
	}
}
