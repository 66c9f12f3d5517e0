package training_test

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/data"
	"fovea/training"
)

// pack writes the images of a data set of folders into archives, in their order, and returns the folder: two archives for
// train, whose labels are numbers, one for val, whose labels are names in JSON, and one for test.
func pack(t *testing.T, dir string) string {
	t.Helper()
	set, err := data.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if err := os.Mkdir(filepath.Join(to, "train"), 0o755); err != nil {
		t.Fatal(err)
	}
	var names string
	for _, class := range slices.Backward(set.Train.Classes) {
		names += class + "\n"
	}
	if err := os.WriteFile(filepath.Join(to, "classes.txt"), []byte(names), 0o644); err != nil {
		t.Fatal(err)
	}
	half := len(set.Train.Samples) / 2
	last := len(set.Train.Classes) - 1
	write := func(name string, samples []data.Sample, label func(class int) (ending, content string)) {
		f, err := os.Create(filepath.Join(to, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		w := tar.NewWriter(f)
		add := func(name string, content []byte) {
			w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o644})
			w.Write(content)
		}
		for i, x := range samples {
			image, err := os.ReadFile(x.Path)
			if err != nil {
				t.Fatal(err)
			}
			ending, content := label(x.Class)
			add(fmt.Sprintf("%06d.%s", i, ending), []byte(content))
			add(fmt.Sprintf("%06d%s", i, filepath.Ext(x.Path)), image)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	number := func(class int) (string, string) { return "cls", fmt.Sprintln(last - class) }
	named := func(class int) (string, string) {
		return "json", fmt.Sprintf(`{"label": %q, "camera": "x"}`, set.Train.Classes[class])
	}
	write("train/a.tar", set.Train.Samples[:half], number)
	write("train/b.tar", set.Train.Samples[half:], number)
	write("val.tar", set.Val.Samples, named)
	write("test-000.tar", set.Test.Samples, number)
	return to
}

// withoutPaths removes the first column of a table.
func withoutPaths(table string) string {
	lines := strings.Split(table, "\n")
	for i, line := range lines {
		_, lines[i], _ = strings.Cut(line, ",")
	}
	return strings.Join(lines, "\n")
}

// TestArchivesTrain: a run on archives ends with the bits of a run on folders with the same images in the same order.
func TestArchivesTrain(t *testing.T) {
	folders := fundus(t)
	archives := pack(t, folders)
	want := outcome(t, run(t, small(t, folders), training.Options{}).Folder)
	r := run(t, small(t, archives), training.Options{})
	got := outcome(t, r.Folder)
	for _, o := range []map[string]string{want, got} {
		o["predictions_test.csv"] = withoutPaths(o["predictions_test.csv"])
	}
	same(t, got, want)
}
