package training

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/disintegration/imaging"

	"fovea/data"
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

// A class of one image is no error if data.classes leaves it out or merges it.
func TestRareClass(t *testing.T) {
	labels := make([]string, 40)
	for i := range labels {
		labels[i] = []string{"healthy", "glaucoma"}[i/2%2]
	}
	labels[7] = "doubtful"
	for classes, want := range map[string]string{
		"":                                   `the class "doubtful" has nothing for`,
		"healthy,glaucoma,-doubtful":         "",
		"healthy,sick = glaucoma + doubtful": "",
		"healthy,glaucoma,unsure = doubtful": `the class "doubtful" has nothing for`,
		"healthy,sick = glaucoma + nothing":  `data.classes: "sick = glaucoma + nothing" names the class`,
	} {
		c := ownData(t, labels...)
		if classes != "" {
			c.Data.Classes = strings.Split(classes, ",")
		}
		_, err := openDataset(c)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", classes, err)
		}
	}
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
		if got := strings.Join(d.classes, " "); got != test.classes || d.meaning.Ordered != test.ordered {
			t.Errorf("%q: classes %s, ordered %v", test.labels, got, d.meaning.Ordered)
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

// Nearly identical images end in one split where Fovea makes the splits, and are an error where a table makes them.
func TestLeaks(t *testing.T) {
	dir := t.TempDir()
	table := "image,label,split\n"
	scans, err := filepath.Glob("../data/testdata/kermany_oct_mini/train/*/*.jpeg")
	if err != nil || len(scans) < 15 {
		t.Fatalf("%d scans, %v", len(scans), err)
	}
	for i := range 30 { // two files of each scan
		img, err := imaging.Open(scans[i/2])
		if err != nil {
			t.Fatal(err)
		}
		img = imaging.Resize(img, 200-50*(i%2), 0, imaging.Lanczos)
		if err := imaging.Save(img, filepath.Join(dir, fmt.Sprintf("%02d.png", i))); err != nil {
			t.Fatal(err)
		}
		table += fmt.Sprintf("%02d,%c,%%[%d]s\n", i, 'a'+rune(i/2%2), 1+i%3)
	}
	made := "" // the images of val and test
	for _, test := range []struct {
		splits [3]any
		set    string
		ratio  float64
		want   string
	}{
		{[3]any{"", "", ""}, "auto", 1, ""},
		{[3]any{"", "", ""}, "auto", 0.5, ""},
		{[3]any{"train", "val", "test"}, "auto", 1, "nearly identical images are in more than one split"},
		{[3]any{"train", "val", "test"}, "warn", 1, ""},
	} {
		file := filepath.Join(t.TempDir(), "labels.csv")
		if err := os.WriteFile(file, fmt.Appendf(nil, table, test.splits[:]...), 0o644); err != nil {
			t.Fatal(err)
		}
		c := config.Defaults()
		c.Name, c.Data.Dir, c.Data.Labels, c.Data.Size, c.Output.Dir = "leaks", dir, file, 32, t.TempDir()
		c.Data.Leakage, c.Data.Ratio = test.set, test.ratio
		d, err := openDataset(c)
		if err != nil {
			t.Fatal(err)
		}
		err = d.verify(t.Context(), func(*data.Split) data.Transform { return d.evalTransform() }, nil)
		if got := fmt.Sprint(err); test.want == "" && err != nil || !strings.Contains(got, test.want) {
			t.Errorf("%v, %s: %v", test.splits, test.set, err)
		}
		_, listed := os.Stat(filepath.Join(c.Output.Dir, "leaks_leaks.csv"))
		if (listed == nil) != (test.want != "") {
			t.Errorf("%v: the list of leaks: %v", test.splits, listed)
		}
		if tested := fmt.Sprint(d.val.Samples, d.test.Samples); test.splits[0] == "" {
			if made == "" {
				made = tested
			}
			if tested != made {
				t.Errorf("data.ratio = %g has other images of val or test:\n%s\n%s", test.ratio, tested, made)
			}
		}
		images := 0
		for _, s := range d.splits() {
			images += len(s.Verified)
			if len(s.Samples) != len(s.Verified) {
				t.Errorf("%s has %d images and %d fingerprints", s.Name, len(s.Samples), len(s.Verified))
			}
		}
		if test.ratio == 1 && (images != 30 || len(d.repeated) != 15 && test.want == "") {
			t.Errorf("%v: %d images, %d of them twice", test.splits, images, len(d.repeated))
		}
	}
}

// An image that cannot be decoded is among those that are left out, with the reason.
func TestUnreadableIsListed(t *testing.T) {
	c := ownData(t, "a", "b") // empty files
	images, err := filepath.Glob("../data/testdata/retinamnist/test/*/*.png")
	if err != nil || len(images) < 39 {
		t.Fatalf("%d images, %v", len(images), err)
	}
	for i, from := range images[:39] {
		img, err := imaging.Open(from)
		if err == nil {
			err = imaging.Save(img, filepath.Join(c.Data.Dir, fmt.Sprintf("%02d.png", i)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c.Data.Unreadable, c.Data.Leakage = "skip", "warn"
	d, err := openDataset(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.verify(t.Context(), func(*data.Split) data.Transform { return d.evalTransform() }, nil); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := d.writeTables(folder); err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile(filepath.Join(folder, "left_out.csv"))
	if err != nil || !strings.Contains(string(out), "39.png") || strings.Count(string(out), "\n") != 2 {
		t.Errorf("left_out.csv is %s, %v", out, err)
	}
}

// Training from a store needs a cache, or each epoch would read all images over the network.
func TestRemoteNeedsCache(t *testing.T) {
	c := config.Defaults()
	c.Name, c.Data.Dir = "remote", "s3://bucket/eyes"
	if _, err := openDataset(c); err == nil || !strings.Contains(err.Error(), "data.cache") {
		t.Errorf("error is %v", err)
	}
}
