package training

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"fovea/inference"
	"fovea/training/config"
)

// ownData makes a flat folder of files and a table with these labels, in turn, and returns a config of it.
func ownData(t *testing.T, labels ...string) *config.Config {
	t.Helper()
	dir := t.TempDir()
	table := "Image,Diagnosis,Patient\n"
	for i := range 40 {
		name := fmt.Sprintf("%02d", i)
		if err := os.WriteFile(filepath.Join(dir, name+".png"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		table += fmt.Sprintf("%s,%s,p%d\n", name, labels[i%len(labels)], i/2)
	}
	file := filepath.Join(t.TempDir(), "labels.csv")
	if err := os.WriteFile(file, []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	c := config.Defaults()
	c.Name, c.Data.Dir, c.Data.Labels = "own", dir, file
	return c
}

// The alphabet does not decide which class is positive, nor the order of grades.
func TestMeaningOfClasses(t *testing.T) {
	for _, test := range []struct {
		labels  []string
		set     func(c *config.Config)
		classes string
		ordered bool
	}{
		{[]string{"glaucoma", "healthy"}, nil, "healthy glaucoma", false},
		{[]string{"glaucoma", "healthy"}, func(c *config.Config) { c.Data.Positive = "healthy" }, "glaucoma healthy", false},
		{[]string{"Mild", "Moderate", "No DR", "Proliferative", "Severe"}, nil, "No DR Mild Moderate Severe Proliferative", true},
		{[]string{"0", "1", "2", "3", "4"}, nil, "0 1 2 3 4", true},
		{[]string{"0", "1", "2", "3", "4"}, func(c *config.Config) { c.Data.Ordered = "no" }, "0 1 2 3 4", false},
		{[]string{"cataract", "glaucoma", "normal"}, nil, "cataract glaucoma normal", false},
		{[]string{"mild", "moderate", "no", "severe"}, func(c *config.Config) {
			c.Data.Classes = []string{"no", "-mild", "referable = moderate + severe"}
		}, "no referable", false},
	} {
		c := ownData(t, test.labels...)
		if test.set != nil {
			test.set(c)
		}
		d, err := openDataset(c)
		if err != nil {
			t.Errorf("%q: %v", test.labels, err)
			continue
		}
		if got := strings.Join(d.classes, " "); got != test.classes || d.ordered != test.ordered {
			t.Errorf("%q: classes %s, ordered %v", test.labels, got, d.ordered)
		}
		for _, s := range d.splits() {
			for _, x := range s.Samples {
				number, _ := strconv.Atoi(filepath.Base(x.Path)[:2])
				name := test.labels[number%len(test.labels)]
				if got := d.classes[x.Class]; got != name && !(got == "referable" && (name == "moderate" || name == "severe")) {
					t.Errorf("%q: %s counts as %s", test.labels, x.Path, got)
				}
			}
		}
	}
}

// The splits of a run are a table that gives the same splits, and the former classes are merged as in the run.
func TestSplitsTable(t *testing.T) {
	c := ownData(t, "mild", "moderate", "no", "severe")
	c.Data.Classes = []string{"no", "-mild", "referable = moderate + severe"}
	d, err := openDataset(c)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := d.writeTables(folder); err != nil {
		t.Fatal(err)
	}
	want := d.digests()
	c.Data.Labels, c.Data.SplitSeed = filepath.Join(folder, "splits.csv"), 99
	again, err := openDataset(c)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.digests(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("digests %v, want %v", got, want)
	}
	images := inference.Images{Dir: c.Data.Dir, Split: "test", Labels: c.Data.Labels}
	test, err := images.Open(&inference.Description{Classes: d.classes, Merged: d.merged}, "model.onnx")
	if err != nil || len(test.Samples) != len(d.test.Samples) {
		t.Fatalf("%d images, want %d; %v", len(test.Samples), len(d.test.Samples), err)
	}
	classes := map[string]int{}
	for _, x := range d.test.Samples {
		classes[x.Path] = x.Class
	}
	for _, x := range test.Samples {
		if classes[x.Path] != x.Class {
			t.Errorf("%s: class %d, want %d", x.Path, x.Class, classes[x.Path])
		}
	}
}
