package training_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/training"
	"fovea/training/config"
)

// TestBatchAuto: a run chooses its batch, says why, records it, and goes on with it; it is the run of a config that has
// the number.
func TestBatchAuto(t *testing.T) {
	var log bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	c := small(t, fundus(t)) // 45 images
	c.Optimizer.LR, c.Optimizer.BLR = 0, 0.1
	c.Training.Accumulate = 1
	number := *c
	number.Training.Batch, number.Output.Dir = 4, t.TempDir()
	c.Training.Batch = config.Auto
	stop(t, c)
	if text := log.String(); !strings.Contains(text, "chosen=4 because=\"with more, an epoch of 45 images") ||
		strings.Contains(text, "WARN") {
		t.Errorf("the log says: %s", text)
	}
	if c.Training.Batch != config.Auto {
		t.Error("the caller's config is changed")
	}
	recorded, err := config.Read(filepath.Join(c.Output.Dir, c.Name, "config.toml"), nil, nil)
	if err != nil || recorded.Training.Batch != 4 {
		t.Fatalf("the run's config has batch %d, %v", recorded.Training.Batch, err)
	}
	same(t, outcome(t, run(t, c, training.Options{Resume: true}).Folder),
		outcome(t, run(t, &number, training.Options{}).Folder))

	c.Optimizer.LR, c.Optimizer.BLR = 1e-3, 0
	out := t.TempDir()
	if err := training.WriteArtifacts(t.Context(), c, out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "optimizer.lr stays the same") {
		t.Error("no warning that optimizer.lr does not follow the batch")
	}
	if text, err := os.ReadFile(filepath.Join(out, "artifacts.json")); err != nil ||
		!strings.Contains(string(text), `"batch": 4`) {
		t.Errorf("artifacts.json: %v\n%s", err, text)
	}
}
