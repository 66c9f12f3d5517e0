package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// fundus makes a small dataset of the first RetinaMNIST photographs of each class: 45 to train on, 20 to select on, 25
// to test on.
func fundus(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for split, count := range map[string]int{"train": 9, "val": 4, "test": 5} {
		classes, err := filepath.Glob(filepath.Join("../../data/testdata/retinamnist", split, "*"))
		if err != nil || len(classes) == 0 {
			t.Fatalf("no classes in %s: %v", split, err)
		}
		for _, class := range classes {
			images, err := filepath.Glob(filepath.Join(class, "*.png"))
			if err != nil || len(images) < count {
				t.Fatalf("%s has %d images: %v", class, len(images), err)
			}
			to := filepath.Join(dir, split, filepath.Base(class))
			if err := os.MkdirAll(to, 0o755); err != nil {
				t.Fatal(err)
			}
			for _, image := range images[:count] {
				if err := os.WriteFile(filepath.Join(to, filepath.Base(image)), read(t, image), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return dir
}

// smallConfig is a config file that trains 2 blocks on fundus in seconds.
func smallConfig(t *testing.T, data, runs string, epochs int) string {
	t.Helper()
	return writeConfig(t, fmt.Sprintf(`
name = "small"
[data]
dir = %q
size = 28
[model]
patch = 7
width = 32
depth = 2
heads = 2
[augment]
quarter_turns = true
smoothing = 0.1
[optimizer]
lr = 1e-3
[schedule]
epochs = %d
warmup = 1
[training]
batch = 5
[runtime]
provider = "cpu"
[output]
dir = %q
`, data, epochs, runs))
}

func read(t *testing.T, path ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
