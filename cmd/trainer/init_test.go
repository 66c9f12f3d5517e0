package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/training/config"
)

// writeImages writes n images into each folder of a classifier's data, of random looks but always the same.
func writeImages(t *testing.T, n, side int, grey bool, folders ...string) (paths []string) {
	t.Helper()
	for f, dir := range folders {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			img := image.NewRGBA(image.Rect(0, 0, side, side+8))
			for at := range side * (side + 8) {
				v := uint8((at*31 + at*at*(7*f+i+1)) % 251)
				c := color.RGBA{v, v / 2, v / 3, 255}
				if grey {
					c = color.RGBA{v, v, v, 255}
				}
				img.SetRGBA(at%side, at/side, c)
			}
			path := filepath.Join(dir, fmt.Sprintf("%d-%d.png", f, i))
			file, err := os.Create(path)
			if err == nil {
				err = png.Encode(file, img)
				file.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, path)
		}
	}
	return paths
}

// writeArchive packs images with the names of their folders as labels.
func writeArchive(t *testing.T, path string, images []string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	for i, from := range images {
		content, err := os.ReadFile(from)
		for ext, member := range map[string][]byte{"png": content, "cls": []byte(filepath.Base(filepath.Dir(from)))} {
			h := &tar.Header{Name: fmt.Sprintf("%d.%s", i, ext), Size: int64(len(member)), Mode: 0o644}
			if err == nil {
				err = w.WriteHeader(h)
			}
			if err == nil {
				_, err = w.Write(member)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// The configs that init writes are valid and train as they are, whatever form the data has. By default two of them are
// trained, with FOVEA_TEST_INIT=1 all.
func TestInit(t *testing.T) {
	if testing.Short() {
		t.Skip("trains")
	}
	split := func(dir string, classes ...string) (folders []string) {
		for _, s := range []string{"train", "val", "test"} {
			for _, c := range classes {
				folders = append(folders, filepath.Join(dir, s, c))
			}
		}
		return folders
	}
	many := make([]string, 39)
	for i := range many {
		many[i] = fmt.Sprintf("disease %02d", i)
	}
	for _, x := range []struct {
		name   string
		make   func(dir string) (path string)
		config []string // lines of the config
	}{
		{"two classes", func(dir string) string {
			writeImages(t, 5, 70, false, split(dir, "healthy", "glaucoma")...)
			return dir
		}, []string{"size = 64", "vertical_flip = 0.5", "# Classes, in their order: healthy, glaucoma."}},
		{"five grades", func(string) string { return "../../data/testdata/retinamnist" },
			[]string{"size = 28", "batch = 64", "# train 1080 images: 486 128 206 194 66"}},
		{"39 classes", func(dir string) string {
			writeImages(t, 1, 20, false, split(dir, many...)...)
			return dir
		}, []string{"size = 20", "and 29 more"}},
		{"no splits", func(dir string) string {
			writeImages(t, 12, 24, false, filepath.Join(dir, "normal"), filepath.Join(dir, "drusen"))
			return dir
		}, []string{`labels = "folders"`}},
		{"a table", func(dir string) string {
			var table strings.Builder
			table.WriteString("image,diagnosis,patient\n")
			for i, path := range writeImages(t, 30, 24, false, filepath.Join(dir, "images")) {
				fmt.Fprintf(&table, "%s,%s,P%d\n", filepath.Base(path), []string{"no", "yes"}[i/2%2], i/2)
			}
			path := filepath.Join(dir, "labels.csv")
			if err := os.WriteFile(path, []byte(table.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			return path
		}, []string{"labels.csv", "patients: "}},
		{"grey OCT", func(dir string) string {
			writeImages(t, 4, 40, true, split(dir, "CNV", "NORMAL")...)
			return dir
		}, []string{"# Images: grey, 40 to 40", "horizontal_flip = 0.5"}},
		{"tiny", func(dir string) string {
			writeImages(t, 1, 16, false, split(dir, "a", "b")...)
			return dir
		}, []string{"batch = 1\n"}},
		{"archives", func(dir string) string {
			for _, split := range []string{"train", "val", "test"} {
				writeArchive(t, filepath.Join(dir, split+".tar"), writeImages(t, 3, 20, false, filepath.Join(dir, "x", "yes"),
					filepath.Join(dir, "x", "no")))
			}
			return dir
		}, []string{"# Splits: the archives of train"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			dir := t.TempDir()
			path, out := x.make(filepath.Join(dir, "my data")), filepath.Join(dir, "out.toml")
			code, _, stderr := trainer(t, "init", path, "-out", out, "-time", "4s", "-name", "run")
			if code != exitDone {
				t.Fatal(stderr)
			}
			text, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range x.config {
				if !strings.Contains(string(text), want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			if strings.Contains(string(text), "vertical_flip") == (x.name == "grey OCT") {
				t.Errorf("grey scans have an up and a down:\n%s", text)
			}
			if _, err := config.Read(out, nil, nil); err != nil {
				t.Error(err)
			}
			if code, _, stderr := trainer(t, "init", path, "-out", out); code != exitFailed ||
				!strings.Contains(stderr, "exists already") {
				t.Errorf("overwritten: %d %s", code, stderr)
			}
			if os.Getenv("FOVEA_TEST_INIT") == "" && x.name != "tiny" && x.name != "no splits" {
				return
			}
			args := []string{"-config", out, "-set", "output.dir=" + dir}
			for _, key := range []string{"training.max_steps=1", "schedule.epochs=1", "schedule.warmup=0", "model.width=8",
				"model.depth=1", "model.heads=1", "training.batch=2"} {
				args = append(args, "-set", key)
			}
			code, stdout, stderr := trainer(t, args...)
			if code != exitDone {
				t.Fatal(stderr)
			}
			for _, want := range []string{" model name=vit_tiny_patch16", " memory needed=", " training epochs=1-1 steps=1 "} {
				if !strings.Contains(stderr, want) {
					t.Errorf("no %q in\n%s%s", want, stdout, stderr)
				}
			}
		})
	}
}

func TestInitRefuses(t *testing.T) {
	dir := t.TempDir()
	scans := filepath.Join(dir, "scans", "normal")
	writeImages(t, 1, 16, false, filepath.Join(dir, "half", "train", "a"))
	if err := errors.Join(os.MkdirAll(scans, 0o755), os.WriteFile(filepath.Join(scans, "1.dcm"), []byte("DICM"), 0o644),
		os.MkdirAll(filepath.Join(dir, "empty"), 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ path, want string }{
		{"nowhere", "no folder nowhere"},
		{filepath.Join(dir, "scans"), "1 files are DICOM"},
		{filepath.Join(dir, "empty"), "neither folders of classes nor a table"},
		{filepath.Join(dir, "half"), `missing in `},
	} {
		if code, _, stderr := trainer(t, "init", x.path, "-dry"); code != exitFailed || !strings.Contains(stderr, x.want) {
			t.Errorf("%s: %d %s, want %q", x.path, code, stderr, x.want)
		}
	}
}
