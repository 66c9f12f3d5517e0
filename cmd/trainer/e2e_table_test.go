package main

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// flat puts all fundus images into one folder, as a clinic exports them.
func flat(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("../../data/testdata/retinamnist/*/*/*.png")
	if err != nil || len(files) != 1600 {
		t.Fatalf("%d images, %v", len(files), err)
	}
	dir := t.TempDir()
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestOwnData trains on a flat folder and a German workbook, which has two eyes a patient, a row without an image, one
// without a label, and none for most images. Its config has four lines; the others make the model tiny.
func TestOwnData(t *testing.T) {
	if testing.Short() {
		t.Skip("trains on a table of labels")
	}
	images, runs := flat(t), t.TempDir()
	tiny := []string{"-set", "model.width=32", "-set", "model.depth=1", "-set", "model.heads=2", "-set", "model.patch=7",
		"-set", "schedule.epochs=2", "-set", "schedule.warmup=0", "-set", "augment.policy=", "-set", "runtime.provider=cpu",
		"-set", "output.dir=" + runs, "-set", "evaluation.by=sex,age:40:60"}
	predictions := map[string][]byte{}
	for _, table := range []string{"befunde.xlsx", "befunde.csv"} {
		config := writeConfig(t, "data.dir = "+quote(images)+"\ndata.labels = "+quote(filepath.Join("testdata", table))+
			"\nmodel.arch = \"vit_tiny_patch16\"\ndata.size = 28\n")
		code, stdout, stderr := trainer(t, append([]string{"-config", config, "-set", "name=" + table}, tiny...)...)
		if code != exitDone {
			t.Fatalf("%s: exit code %d:\n%s%s", table, code, stdout, stderr)
		}
		for _, want := range []string{"rows=241 images=239", `image = \"Bilddatei\"`, `label = \"Diagnose\"`,
			`patient = \"Patient\"`, `eye = \"Auge\"`, `sex = \"Geschlecht\"`, `age = \"Alter\"`, `camera = \"Kamera\"`,
			"the image is missing number=1", "verloren_0001", "the label is missing number=1",
			"the table has no row for the image number=1360", "no DR < mild < moderate < severe < proliferative",
			"made by data.split", "patients="} {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: the log lacks %q:\n%s", table, want, stderr)
			}
		}
		predictions[table] = read(t, runs, table, "predictions_test.csv")
		checkPatients(t, read(t, runs, table, "splits.csv"))
		if !bytes.HasPrefix(predictions[table], []byte("path,patient,eye,camera,sex,age,label,predicted,")) {
			t.Errorf("%s: predictions begin with %.100q", table, predictions[table])
		}
		measures := string(read(t, runs, table, "metrics_test.json"))
		for _, want := range []string{`"by": "age"`, `"unit": "patient"`, "Wilson by patient"} {
			if !strings.Contains(measures, want) {
				t.Errorf("%s: the measures lack %s", table, want)
			}
		}
		if out := read(t, runs, table, "left_out.csv"); bytes.Count(out, []byte("\n")) != 1+1360+2 {
			t.Errorf("%s: left_out.csv has %d lines", table, bytes.Count(out, []byte("\n")))
		}
	}
	if !bytes.Equal(predictions["befunde.xlsx"], predictions["befunde.csv"]) {
		t.Error("the same table as a workbook and as CSV gives other predictions")
	}
	config := writeConfig(t, "data.dir = "+quote(images)+"\ndata.labels = 'testdata/befunde.csv'\n")
	if code, _, stderr := trainer(t, append([]string{"-config", config, "-set", "name=by"}, append(tiny, "-set",
		"evaluation.by=vendor")...)...); code == exitDone || !strings.Contains(stderr, `evaluation.by: subgroups by "vendor"`) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	out := t.TempDir()
	code, stdout, stderr := trainer(t, "eval", "-model", filepath.Join(runs, "befunde.csv/model.onnx"), "-data", images,
		"-labels", filepath.Join(runs, "befunde.csv/splits.csv"), "-out", out, "-set", "runtime.provider=cpu")
	if code != exitDone || !bytes.Equal(read(t, out, "predictions_test.csv"), predictions["befunde.csv"]) {
		t.Errorf("eval: exit code %d, or other predictions:\n%s%s", code, stdout, stderr)
	}
}

// checkPatients reports patients who are in two splits.
func checkPatients(t *testing.T, table []byte) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(table)).ReadAll()
	if err != nil || len(rows) != 1+239 {
		t.Fatalf("splits.csv has %d rows, %v", len(rows), err)
	}
	splits := map[string]string{}
	for _, r := range rows[1:] {
		patient, split := r[1], r[len(r)-1]
		if before, ok := splits[patient]; ok && before != split {
			t.Errorf("patient %s is in %s and in %s", patient, before, split)
		}
		splits[patient] = split
	}
}

// quote writes a path as a TOML string.
func quote(path string) string { return `'` + path + `'` }
