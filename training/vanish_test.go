package training_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/internal/progress"
	"fovea/training"
)

// TestFolderVanishes: a run whose folder is removed, moved away or replaced in the middle ends with an error that names
// it, and makes no other in its place.
func TestFolderVanishes(t *testing.T) {
	removed := os.RemoveAll
	replaced := func(folder string) error { return errors.Join(removed(folder), os.Mkdir(folder, 0o755)) }
	parent := func(folder string) error { return removed(filepath.Dir(folder)) }
	for _, test := range []struct {
		name, task string
		vanish     func(folder string) error
	}{{"removed", "validate 2/2", removed}, {"removed", "evaluate test", removed}, {"replaced", "epoch 2/2", replaced},
		{"replaced", "evaluate test", replaced}, {"output.dir", "epoch 2/2", parent}} {
		t.Run(test.name+" in "+test.task, func(t *testing.T) {
			c := small(t, fundus(t))
			c.Schedule.Epochs = 2
			folder := filepath.Join(c.Output.Dir, c.Name)
			gone := false
			progress := func(u progress.Update) {
				if u.Task == test.task && !gone {
					gone = true
					if err := test.vanish(folder); err != nil {
						t.Fatal(err)
					}
				}
			}
			_, err := training.Run(t.Context(), c, training.Options{NoFigures: true, Progress: progress})
			if err == nil || !strings.Contains(err.Error(), "the run folder "+folder+" has vanished") {
				t.Errorf("the folder vanishes (%v), and the run ends with %v", gone, err)
			}
			entries, _ := os.ReadDir(folder)
			if len(entries) > 0 {
				t.Errorf("the folder is there again, with %v", entries)
			}
		})
	}
}

// TestResumeCleans: what a killed run was writing is gone after its resume.
func TestResumeCleans(t *testing.T) {
	c := stopped(t)
	folder := filepath.Join(c.Output.Dir, c.Name)
	var left []string
	for _, name := range []string{".log.txt.fovea-tmp-1", "figures/.roc.svg.fovea-tmp-2", "checkpoints/.last.tmp-3/model.safetensors",
		"checkpoints/.best.tmp-4/model.safetensors", ".model.onnx.fovea-tmp-5"} {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("half"), 0o644)); err != nil {
			t.Fatal(err)
		}
		left = append(left, path)
	}
	run(t, c, training.Options{Resume: true})
	for _, path := range left {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is still there", path)
		}
	}
}
