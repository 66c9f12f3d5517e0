package training_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fovea/data"
	"fovea/internal/progress"
	"fovea/training"
	"fovea/training/checkpoint"
	"fovea/training/config"
)

// swap exchanges the content of two images of a split, which keep their names and get the same time.
func swap(t *testing.T, c *config.Config, split string) (first string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.Data.Dir, split, "*/*.png"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	a, err1 := os.ReadFile(files[0])
	b, err2 := os.ReadFile(files[1])
	if err := errors.Join(err1, err2, os.WriteFile(files[0], b, 0o644), os.WriteFile(files[1], a, 0o644)); err != nil {
		t.Fatal(err)
	}
	for _, f := range files[:2] {
		if err := os.Chtimes(f, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
	}
	return files[0]
}

// TestResumeRefusesReplacedImages: the names are the same, what is in the files is not. Put back, the run goes on.
func TestResumeRefusesReplacedImages(t *testing.T) {
	c := stopped(t)
	for _, split := range []string{"train", "val", "test"} {
		path := swap(t, c, split)
		_, err := training.Run(t.Context(), c, training.Options{Resume: true})
		if err == nil || !strings.Contains(err.Error(), " images of "+split) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error is %v", split, err)
		}
		swap(t, c, split)
	}
	if testing.Short() {
		return
	}
	got := run(t, c, training.Options{Resume: true})
	same(t, outcome(t, got.Folder), outcome(t, run(t, small(t, c.Data.Dir), training.Options{}).Folder))
}

// TestOlderCheckpointResumes: a checkpoint that says nothing of what was in the images resumes with a warning, and the
// next one says it.
func TestOlderCheckpointResumes(t *testing.T) {
	c := stopped(t)
	dir := filepath.Join(c.Output.Dir, c.Name, "checkpoints/last")
	before, err := checkpoint.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	state := stateOf(t, before)
	delete(state, "files")
	if before.State, err = json.Marshal(state); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(checkpoint.Write(dir, *before), before.Close()); err != nil {
		t.Fatal(err)
	}
	if log := logged(func() { run(t, c, training.Options{Resume: true}) }); !strings.Contains(log, "what was in the images") {
		t.Errorf("there is no warning:\n%s", log)
	}
	after, err := checkpoint.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	if stateOf(t, after)["files"] == nil {
		t.Error("the new checkpoint does not say what was in the images either")
	}
}

func stateOf(t *testing.T, c *checkpoint.Checkpoint) (state map[string]any) {
	t.Helper()
	if err := json.Unmarshal(c.State, &state); err != nil {
		t.Fatal(err)
	}
	return state
}

// TestReplacedImagesStopTheRun: images of each split change while a run goes on, which stops and names one. Put back,
// the run goes on and ends as one that was left alone.
func TestReplacedImagesStopTheRun(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	dir := fundus(t)
	want := outcome(t, run(t, small(t, dir), training.Options{}).Folder)
	for split, task := range map[string]string{"train": "epoch 2/3", "val": "epoch 3/3", "test": "validate 3/3"} {
		c := small(t, dir)
		swapped := ""
		_, err := training.Run(t.Context(), c, training.Options{NoFigures: true, Progress: func(u progress.Update) {
			if u.Task == task && swapped == "" {
				swapped = swap(t, c, split)
			}
		}})
		if !errors.Is(err, data.ErrReplaced) || !strings.Contains(err.Error(), filepath.Dir(swapped)) {
			t.Errorf("%s: error is %v", split, err)
		}
		swap(t, c, split)
		same(t, outcome(t, run(t, c, training.Options{Resume: true}).Folder), want)
	}
}
