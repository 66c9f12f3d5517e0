package inference_test

import (
	"context"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/inference"
	"fovea/internal/progress"
	"fovea/onnx/engine"
)

// foreignEvaluation is of a model that no run wrote, on a few photographs.
func foreignEvaluation(t *testing.T) inference.EvalOptions {
	t.Helper()
	dir := t.TempDir()
	photographs(t, filepath.Join(dir, "test"), 5)
	return inference.EvalOptions{Model: "../models/imported/testdata/cnn_torchscript17.onnx", Data: dir, Split: "test", Out: t.TempDir(),
		Batch: 4, Runtime: engine.Settings{Provider: "cpu"},
		Given: inference.Description{Classes: []string{"4_pdr", "3_severe_npdr", "2_moderate_npdr", "1_mild_npdr", "0_no_dr"}, Crop: 1,
			Mean: []float32{0.5, 0.5, 0.5}, Std: []float32{0.5, 0.5, 0.5}}}
}

func predictionsOf(t *testing.T, o inference.EvalOptions) string {
	t.Helper()
	if _, err := inference.Evaluate(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(o.Out, "predictions_"+o.Split+".csv"))
	if err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(o.Out, "*.partial*"))
	if err != nil || left != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	return string(text)
}

// TestEvaluateByLabels: a table of labels gives what class folders give.
func TestEvaluateByLabels(t *testing.T) {
	if testing.Short() {
		t.Skip("evaluates several times")
	}
	o := foreignEvaluation(t)
	want := predictionsOf(t, o)
	rows, err := csv.NewReader(strings.NewReader(want)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	text := "label,note,path\n"
	for _, row := range rows[1:] {
		text += row[1] + ",," + row[0] + "\n"
	}
	o.Labels = filepath.Join(t.TempDir(), "labels.csv")
	write := func(text string) {
		if err := os.WriteFile(o.Labels, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	if got := predictionsOf(t, o); got != want {
		t.Errorf("by labels the predictions are\n%s\nby folder\n%s", got, want)
	}
	first := rows[1][0]
	for text, want := range map[string]string{
		"":                         "the file is empty",
		"path,kind\n":              "no column has the labels",
		"path,label\na,\n":         "line 2",
		"path,label\nlost.png,x\n": "no row names an image",
		"path,label\n" + first + ",x\nlost.png,x\n":      "the images of 1 of 2 rows are missing, first line 3",
		"path,label\n" + first + ",x\n" + first + ",x\n": "line 3, column \"path\": the image " + first + " stands in line 2",
		"path,label\n" + first + ",other\n":              "does not know: other; it knows ",
	} {
		write(text)
		if _, err := inference.Evaluate(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want one with %q", text, err, want)
		}
	}
}

// TestEvaluateResumes: an evaluation that was stopped goes on and ends the same.
func TestEvaluateResumes(t *testing.T) {
	if testing.Short() {
		t.Skip("evaluates several times")
	}
	o := foreignEvaluation(t)
	want := predictionsOf(t, o)
	o.Out = t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(u progress.Update) {
		if strings.HasPrefix(u.Task, "evaluate") && u.Done >= 8 {
			cancel()
		}
	}
	if _, err := inference.Evaluate(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("the evaluation was not stopped: %v", err)
	}
	first := 0
	o.Resume, o.Progress = true, func(u progress.Update) {
		if first == 0 && strings.HasPrefix(u.Task, "evaluate") {
			first = u.Done
		}
	}
	if got := predictionsOf(t, o); got != want {
		t.Errorf("resumed, the predictions are\n%s\nwhole\n%s", got, want)
	}
	if first <= 4 {
		t.Errorf("%d images were done after the first resumed batch: it began again", first)
	}
}

// TestEvaluateUnreadable: what an evaluation that failed for unreadable images has done is not done again to leave them
// out.
func TestEvaluateUnreadable(t *testing.T) {
	o := foreignEvaluation(t)
	bad := filepath.Join(o.Data, "test", "2_moderate_npdr", "aa.png")
	if err := os.WriteFile(bad, []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := inference.Evaluate(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "1 of 26 images cannot be read") || !strings.Contains(err.Error(), "-skip-unreadable") {
		t.Fatalf("error is %v", err)
	}
	o.Resume, o.Skip = true, true
	o.Progress = func(u progress.Update) {
		if strings.HasPrefix(u.Task, "evaluate") {
			t.Errorf("classified again: %+v", u)
		}
	}
	if got := predictionsOf(t, o); strings.Contains(got, "aa.png") || strings.Count(got, "\n") != 26 {
		t.Errorf("predictions are\n%s", got)
	}
}

// photographs copies the first few of each class of RetinaMNIST's test images.
func photographs(t *testing.T, to string, count int) {
	t.Helper()
	const source = "../data/testdata/retinamnist/test"
	classes, err := os.ReadDir(source)
	if err != nil {
		t.Fatal(err)
	}
	for _, class := range classes {
		files, err := filepath.Glob(filepath.Join(source, class.Name(), "*.png"))
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(to, class.Name())
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, f := range files[:count] {
			image, err := os.ReadFile(f)
			if err == nil {
				err = os.WriteFile(filepath.Join(folder, filepath.Base(f)), image, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
