package main

import (
	"encoding/csv"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestExportCommand: a run's model is exported beside it, measured on the run's own validation images, and predict
// takes every file and says what the run's model says.
func TestExportCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("exports every variant")
	}
	data, runs := fundus(t), t.TempDir()
	if code, _, stderr := trainer(t, "-config", smallConfig(t, data, runs, 1)); code != exitDone {
		t.Fatal(stderr)
	}
	model := filepath.Join(runs, "small", "model.onnx")
	code, stdout, stderr := trainer(t, "export", "-model", model, "-raw", "-set", "runtime.provider=cpu")
	if code != exitDone {
		t.Fatal(stderr)
	}
	dir := filepath.Join(runs, "small", "export")
	if !strings.Contains(stdout, "written to: "+dir) || strings.Count(stdout, "\n") != 8 {
		t.Errorf("printed:\n%s", stdout)
	}
	card := string(read(t, dir, "README.md"))
	for _, want := range []string{"# small", "| 0_no_dr | 9 | 4 | 5 |", "Epochs: 1, of which number 1 was best",
		"On the 25 images of `test`",
		"On the 20 images of `val`", "Training took ", "Training began from random weights"} {
		if !strings.Contains(card, want) {
			t.Errorf("the card lacks %q:\n%s", want, card)
		}
	}
	images := filepath.Join(data, "test", "0_no_dr")
	want := probabilities(t, model, images)
	for _, file := range []string{"model", "model_raw", "model_fp16", "model_fp16_raw", "model_int8", "model_int8_raw"} {
		got := probabilities(t, filepath.Join(dir, file+".onnx"), images)
		if len(got) != len(want) {
			t.Fatalf("%s: %d rows, want %d", file, len(got), len(want))
		}
		for i := range want {
			if math.Abs(got[i]-want[i]) > 5e-3 {
				t.Errorf("%s: a probability is %g, want %g", file, got[i], want[i])
			}
		}
	}
	if code, _, stderr := trainer(t, "eval", "-model", filepath.Join(dir, "model_int8.onnx"), "-data", data, "-out",
		t.TempDir(),
		"-set", "runtime.provider=cpu"); code != exitDone {
		t.Error(stderr)
	}
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"export"}, exitUsage, "missing -model"},
		{[]string{"export", "-model", model, "-variants", "fp32,int4"}, exitUsage, "must be some of fp32,fp16,int8"},
		{[]string{"export", "-model", model, "-opset", "12"}, exitUsage, "must be 13 to 25"},
		{[]string{"export", "-model", model, "-opset", "17", "-raw"}, exitUsage, "only opset 18 and later"},
		{[]string{"export", "-model", model, "-out", filepath.Dir(model)}, exitFailed, "would replace the model"},
		{[]string{"eval", "-model", filepath.Join(dir, "model_raw.onnx"), "-data", data, "-out", t.TempDir()}, exitFailed,
			"only trainer predict takes it"},
		{[]string{"predict", "-model", filepath.Join(dir, "model_raw.onnx"), "-tta", "hflip", images}, exitUsage,
			"takes one view of it"},
		{[]string{"explain", "-model", filepath.Join(dir, "model_int8.onnx"), "-out", t.TempDir(), images}, exitFailed,
			"the model is quantised"},
		{[]string{"export", "-model", filepath.Join(dir, "model_int8.onnx"), "-out", t.TempDir()}, exitFailed,
			"the model is quantised"},
		{[]string{"export", "-model", filepath.Join(dir, "model_fp16.onnx"), "-out", t.TempDir()}, exitFailed,
			"export the float32 model"},
	} {
		if code, _, stderr := trainer(t, test.args...); code != test.code || !strings.Contains(stderr, test.want) {
			t.Errorf("%q: exit code %d, want %q:\n%s", test.args, code, test.want, stderr)
		}
	}
}

// probabilities of images, one after another, as predict writes them.
func probabilities(t *testing.T, model, images string) (out []float64) {
	t.Helper()
	code, stdout, stderr := trainer(t, "predict", "-model", model, "-set", "runtime.provider=cpu", images)
	rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if code != exitDone || err != nil {
		t.Fatalf("%s: %v\n%s", model, err, stderr)
	}
	for _, row := range rows[1:] {
		for _, cell := range row[2 : len(row)-1] {
			p, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, p)
		}
	}
	return out
}
