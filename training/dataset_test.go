package training_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/inference"
	"fovea/training"
)

// logged runs do and returns what it logs.
func logged(do func()) string {
	var log bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	do()
	return log.String()
}

// TestNumberingBySplit: val lacks the second class, so that torchvision numbers those behind it one lower. That is
// said, and the last class, which nothing counts as now, stops a run that must have its AUC.
func TestNumberingBySplit(t *testing.T) {
	c := small(t, fundus(t))
	if err := os.RemoveAll(filepath.Join(c.Data.Dir, "val/1_mild_npdr")); err != nil {
		t.Fatal(err)
	}
	if _, err := training.Run(t.Context(), c, training.Options{}); err == nil ||
		!strings.Contains(err.Error(), "1_mild_npdr") {
		t.Errorf("shared: %v", err)
	}
	c.Data.Numbering, c.Evaluation.AbsentClass = "split", "error"
	_, err := training.Run(t.Context(), c, training.Options{})
	if err == nil || !strings.Contains(err.Error(), `"4_pdr"`) ||
		!strings.Contains(err.Error(), "evaluation.absent_class") {
		t.Errorf("absent class: %v", err)
	}
	if _, err := os.Stat(filepath.Join(c.Output.Dir, c.Name)); err == nil {
		t.Error("a run folder is there")
	}
	c.Evaluation.AbsentClass = "warn"
	log := logged(func() { run(t, c, training.Options{}) })
	for _, part := range []string{"classes are confused", `\"2_moderate_npdr\"`, `class \"1_mild_npdr\"`,
		"a class has no image"} {
		if !strings.Contains(log, part) {
			t.Errorf("the log does not hold %s", part)
		}
	}
	resumed := *c
	resumed.Output.Dir = t.TempDir()
	same(t, outcome(t, interrupted(t, &resumed).Folder), outcome(t, filepath.Join(c.Output.Dir, c.Name)))
}

// TestRatioWithoutAClass: so few images are left that classes are missing.
func TestRatioWithoutAClass(t *testing.T) {
	c := small(t, fundus(t)) // 45 images
	c.Data.Ratio, c.Training.Batch, c.Training.Accumulate = 0.1, 2, 1
	if log := logged(func() { run(t, c, training.Options{}) }); !strings.Contains(log, "data.stratified = true") {
		t.Error("there is no warning")
	}
	c.Name, c.Training.Batch = "other", 5
	if _, err := training.Run(t.Context(), c, training.Options{}); err == nil ||
		!strings.Contains(err.Error(), "4 images") {
		t.Errorf("4 images in batches of 5: %v", err)
	}
}

// TestEvaluateJudgesAsTheRun: offline evaluation rounds as the run did.
func TestEvaluateJudgesAsTheRun(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	c := small(t, fundus(t))
	plain := run(t, c, training.Options{})
	c.Evaluation.Loss, c.Evaluation.Probabilities = "batches", "fp16"
	c.Output.Dir, c.Training.Batch = t.TempDir(), 4
	rounded := run(t, c, training.Options{})
	if plain.Test == rounded.Test {
		t.Error("nothing is rounded")
	}
	m, err := inference.Evaluate(t.Context(), inference.EvalOptions{Model: filepath.Join(rounded.Folder, "model.onnx"),
		Data: c.Data.Dir, Split: "test", Out: t.TempDir(), Batch: 7, Runtime: c.Runtime.Engine()})
	if err != nil {
		t.Fatal(err)
	}
	if m.Metrics != rounded.Test {
		t.Errorf("evaluation gives %+v, the run's test %+v", m.Metrics, rounded.Test)
	}
}
