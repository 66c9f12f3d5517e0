package training_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/inference"
	"fovea/onnx"
	"fovea/training"
	"fovea/training/config"
)

// TestNoLocalPaths: what a run writes for others names no folder of this machine: the model, its metadata, the report
// and the artifacts. What it resumes from does.
func TestNoLocalPaths(t *testing.T) {
	top := filepath.Join(t.TempDir(), "secret-user")
	dir := filepath.Join(top, "Fundus")
	if err := errors.Join(os.MkdirAll(top, 0o755), os.Rename(fundus(t), dir)); err != nil {
		t.Fatal(err)
	}
	first := small(t, dir)
	first.Output.Dir, first.Schedule.Epochs = filepath.Join(top, "runs"), 1
	model := filepath.Join(run(t, first, training.Options{}).Folder, "model.onnx")
	c := small(t, dir)
	c.Model = config.Model{ONNX: model, Adaptation: "finetune"}
	c.Training.Accumulate = 1
	c.Output.Dir, c.Schedule.Epochs, c.Name = first.Output.Dir, 1, "again"
	c.Data.Cache = filepath.Join(top, "cache")
	folder := run(t, c, training.Options{}).Folder
	artifacts := filepath.Join(top, "artifacts")
	if err := training.WriteArtifacts(t.Context(), c, artifacts); err != nil {
		t.Fatal(err)
	}
	host, _ := os.Hostname()
	seen := 0
	for _, root := range []string{filepath.Dir(folder), artifacts} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			local := e.Name() == "config.toml" || strings.HasPrefix(e.Name(), "events.") || e.Name() == "state.json"
			if err != nil || e.IsDir() || local {
				return err
			}
			text, err := os.ReadFile(path)
			for _, word := range []string{top, "secret-user", t.TempDir(), "host: " + host} {
				if bytes.Contains(text, []byte(word)) {
					t.Errorf("%s holds %q", path, word)
				}
			}
			seen++
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	m, err := onnx.Open(filepath.Join(folder, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	text, _ := onnx.Metadata(m.Proto, "fovea.config")
	if seen < 15 || !strings.Contains(text, "dir = 'Fundus'") || !strings.Contains(text, "onnx = 'model.onnx'") {
		t.Errorf("%d files; the config in the metadata is\n%s", seen, text)
	}
	if _, err := inference.Describe(filepath.Join(folder, "model.onnx"), inference.Description{}); err != nil {
		t.Error(err)
	}
}
