package training_test

import (
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/data/prepare"
	"fovea/evaluation"
	"fovea/training"
	"fovea/training/config"
)

// TestBenchmarkConfigs trains two steps of the config of each of RETFound's data sets, on small images in its layout;
// only the model is smaller, and without weights.
func TestBenchmarkConfigs(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a model for each config")
	}
	for i, set := range prepare.Sets {
		t.Run(set.Name, func(t *testing.T) {
			c, err := config.Read("../configs/"+set.Name+".toml",
				[]string{"model.weights=", "model.arch=vit_tiny_patch16",
					"model.depth=2", "training.max_steps=2", "runtime.provider=cpu"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var classes []string
			for _, class := range set.Classes {
				classes = append(classes, class.Folder)
			}
			t.Chdir(t.TempDir()) // data.dir is where the images lie, as in a project's folder
			layOut(t, c.Data.Dir, classes, uint64(i))
			r := run(t, c, training.Options{})
			f, err := os.Open(filepath.Join(r.Folder, "predictions_test.csv"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			p, err := evaluation.ReadTable(f, evaluation.TableOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(p.Classes, classes) || len(p.Rows) != len(classes) {
				t.Errorf("%d predictions of the classes %q", len(p.Rows), p.Classes)
			}
		})
	}
}

// layOut makes a data set of 32 training images or more, two batches, and of an image a class to validate and to test
// on.
func layOut(t *testing.T, dir string, classes []string, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	for _, split := range []string{"train", "val", "test"} {
		for _, class := range classes {
			folder := filepath.Join(dir, split, class)
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			count := 1
			if split == "train" {
				count = (32 + len(classes) - 1) / len(classes)
			}
			for i := range count {
				writeEye(t, filepath.Join(folder, fmt.Sprintf("%s %d%s", class, i, extension(dir))), random)
			}
		}
	}
}

// extension is that of the files as they are downloaded.
func extension(dir string) string {
	if strings.HasSuffix(dir, "OCTID") {
		return ".jpeg"
	}
	return ".png"
}

// writeEye writes a bright disc with noise.
func writeEye(t *testing.T, path string, random *rand.Rand) {
	t.Helper()
	const side = 64
	im := image.NewRGBA(image.Rect(0, 0, side, side))
	x0, y0, red := 16+random.IntN(32), 16+random.IntN(32), 96+random.IntN(96)
	for y := range side {
		for x := range side {
			light := max(0, red-4*max(x-x0, x0-x)-2*max(y-y0, y0-y)) + random.IntN(32)
			im.SetRGBA(x, y, color.RGBA{uint8(light), uint8(light / 2), uint8(light / 4), 255})
		}
	}
	encode := func(w io.Writer) error { return png.Encode(w, im) }
	if strings.HasSuffix(path, ".jpeg") {
		encode = func(w io.Writer) error { return jpeg.Encode(w, im, nil) }
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := encode(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
