package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fovea/data"
	"fovea/data/prepare"
)

// retinaZip imitates the download of the set Retina.
func retinaZip(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cataractdataset.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := zip.NewWriter(f)
	n := 0
	for folder, images := range map[string]int{"1_normal": 300, "2_cataract": 100, "2_glaucoma": 101,
		"3_retina_disease": 100} {
		for i := range images {
			img := image.NewRGBA(image.Rect(0, 0, 8, 8))
			for p := range 36 {
				img.SetRGBA(1+p%6, 1+p/6, color.RGBA{uint8(100 + i%100), uint8(n), uint8(n >> 8), 255})
			}
			m, err := w.Create(fmt.Sprintf("dataset/%s/%d.png", folder, i))
			if err == nil {
				err = png.Encode(m, img)
			}
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrepare(t *testing.T) {
	source := retinaZip(t)
	parent := t.TempDir()
	dest := filepath.Join(parent, "Retina")

	code, planned, stderr := trainer(t, "prepare", "-n", "retina", source, dest)
	if code != exitDone || !strings.Contains(planned, "would be written to: "+dest) {
		t.Fatalf("exit code %d: %s%s", code, planned, stderr)
	}
	if left, _ := os.ReadDir(parent); len(left) > 0 {
		t.Fatalf("-n wrote %v", left)
	}
	code, stdout, stderr := trainer(t, "prepare", "Retina", source, dest, "-crop", "--side", "4")
	if code != exitDone || stdout != strings.Replace(planned, "would be ", "", 1) {
		t.Fatalf("exit code %d:\n%s%s\nplanned was:\n%s", code, stdout, stderr, planned)
	}
	if !regexp.MustCompile(`(?m)^  total +336 +84 +181$`).MatchString(stdout) {
		t.Errorf("no total in:\n%s", stdout)
	}
	d, err := data.Open(dest)
	if err != nil || len(d.Train.Samples) != 336 || len(d.Val.Samples) != 84 || len(d.Test.Samples) != 181 {
		t.Fatalf("%+v, %v", d, err)
	}
	if img, err := data.Decode(d.Train.Samples[0].Path); err != nil || img.Rect.Dx() != 4 {
		t.Errorf("%v, %v", img.Rect, err)
	}

	if code, _, stderr := trainer(t, "prepare", "retina", source, dest); code != exitFailed || !strings.Contains(stderr,
		"exists already") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if code, _, stderr := trainer(t, "prepare", "octid", source, dest+"2"); code != exitFailed ||
		!strings.Contains(stderr, "images lie in no folder of a class") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	if code := run(ctx, []string{"prepare", "retina", source, dest + "3"}, nil, &out, &errs); code != exitInterrupted {
		t.Errorf("exit code %d: %s", code, &errs)
	}
	if left, _ := os.ReadDir(parent); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// Images of one's own and a table become a data folder, whose manifest gives the same splits again.
func TestPrepareOwn(t *testing.T) {
	photos := filepath.Join("..", "..", "data", "testdata", "retinamnist", "val")
	parent := t.TempDir()
	paths, err := data.Images(photos)
	if err != nil {
		t.Fatal(err)
	}
	var rows strings.Builder
	rows.WriteString("Bild\tBefund\tPatient_ID\n")
	for i, path := range paths {
		fmt.Fprintf(&rows, "%s\t%s\t%d\n", filepath.Base(path), filepath.Base(filepath.Dir(path)), i/2)
	}
	table, dest := filepath.Join(parent, "labels.tsv"), filepath.Join(parent, "prepared")
	if err := os.WriteFile(table, []byte(rows.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"prepare", "-labels", table, "-images", photos, "-split", "0.5,0.25,0.25", "-seed", "7"}
	code, first, stderr := trainer(t, append(args, "-out", dest)...)
	if code != exitDone || !strings.Contains(first, "rows 120: used 120, without an image 0") {
		t.Fatalf("exit code %d: %s%s", code, first, stderr)
	}
	args = []string{"prepare", "-labels", filepath.Join(dest, "manifest.csv"), "-images", dest, "-n"}
	code, second, stderr := trainer(t, append(args, "-out", filepath.Join(parent, "again"))...)
	sizes := regexp.MustCompile(`(?m)^  total .*$`)
	if code != exitDone || sizes.FindString(first) != sizes.FindString(second) {
		t.Errorf("exit code %d: %s%s", code, second, stderr)
	}

	for _, args := range [][]string{
		{"-labels", table},
		{"-labels", table, "-images", photos, "-out", dest + "2", "retina"},
		{"-labels", table, "-images", photos, "-out", dest + "2", "-split", "0.5,0.5"},
	} {
		if code, _, stderr := trainer(t, append([]string{"prepare"}, args...)...); code != exitUsage {
			t.Errorf("%q: exit code %d: %s", args, code, stderr)
		}
	}
}

// Every command of docs/datasets.md can be carried out, as far as it can without the download, and its table has the
// sizes that the sets have.
func TestDatasetsDocument(t *testing.T) {
	document := string(read(t, "../../docs/datasets.md"))
	commands := regexp.MustCompile("`./trainer (prepare [^`]+)`").FindAllStringSubmatch(document, -1)
	if len(commands) != len(prepare.Sets) {
		t.Fatalf("%d commands for %d sets", len(commands), len(prepare.Sets))
	}
	for i, set := range prepare.Sets {
		args := splitQuoted(commands[i][1])
		if prepare.Find(args[1]) != set {
			t.Errorf("command %d is %q, want that of %s", i, args, set.Name)
		}
		args[2], args[3] = filepath.Join(t.TempDir(), args[2]), filepath.Join(t.TempDir(), args[3])
		if code, _, stderr := trainer(t, args...); code != exitFailed || !strings.Contains(stderr, "no file or folder") {
			t.Errorf("%q: exit code %d: %s", args, code, stderr)
		}
		var total prepare.Sizes
		for _, s := range set.Published() {
			for split, n := range s {
				total[split] += n
			}
		}
		row := fmt.Sprintf("| %s | %d | %d / %d / %d | %d |", set.Name, total[0]+total[1]+total[2], total[0], total[1],
			total[2], len(set.Classes))
		if !strings.Contains(document, row) {
			t.Errorf("the document lacks %s", row)
		}
		if !strings.Contains(manualOf(t, "prepare"), set.Name) {
			t.Errorf("the manual lacks %s", set.Name)
		}
	}
}

// splitQuoted splits a command line in which double quotes hold a word together.
func splitQuoted(line string) []string {
	var words []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}
