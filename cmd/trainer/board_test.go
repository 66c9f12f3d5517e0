package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBoard(t *testing.T) {
	dir := t.TempDir()
	fails(t, "expected one folder of runs", "board")
	fails(t, "holds a run: name the output.dir", "board", dir)
	if err := os.Mkdir(filepath.Join(dir, "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeText(t, filepath.Join(dir, "a"), "config.toml", "name = 'a'\n[data]\ndir = 'images'\n")
	page, store := filepath.Join(dir, "board.html"), filepath.Join(dir, "mlruns")
	if code, _, stderr := trainer(t, "board", dir, "-out", page, "-mlflow", store); code != exitDone {
		t.Fatal(stderr)
	}
	content, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(content), "stopped in epoch 1 of") {
		t.Error(string(content), err)
	}
	if found, _ := filepath.Glob(filepath.Join(store, "*", "*", "params", "data.dir")); len(found) != 1 {
		t.Error(found)
	}
}

// The page of compare has a sentence for each pair; images that not all have are refused, or left out and counted.
func TestComparePage(t *testing.T) {
	dir := t.TempDir()
	a, b := writeText(t, dir, "a.csv", tableA), writeText(t, dir, "b.csv", tableB)
	c := writeText(t, dir, "c.csv", strings.Replace(tableB, "4,yes", "9,yes", 1))
	out := filepath.Join(dir, "compare.html")
	fails(t, "-common compares the images that both have", "compare", a, c)
	code, _, stderr := trainer(t, "compare", a, b, c, "-common", "-rounds", "20", "-out", out)
	if code != exitDone {
		t.Fatal(stderr)
	}
	content, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	if n := strings.Count(text, "p = 1, with Holm&#39;s correction p ") + strings.Count(text, "with Holm&#39;s correction p ="); n == 0 {
		t.Error("no sentence")
	}
	for _, want := range []string{"4 images that all results have are compared; 1 others of", "between a.csv and b.csv",
		"of 4 images have more than one answer", "not readable here"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
}
