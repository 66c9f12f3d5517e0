package training_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/inference"
	"fovea/training"
	"fovea/training/config"
)

// TestBadInput: each mistake is named, and no run folder is left behind.
func TestBadInput(t *testing.T) {
	write := func(t *testing.T, path, content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(t *testing.T, path string) {
		t.Helper()
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string, c *config.Config)
		want  []string
	}{
		{"missing folder", func(t *testing.T, dir string, c *config.Config) { remove(t, dir+"/val") }, []string{"val"}},
		{"missing dataset", func(t *testing.T, dir string, c *config.Config) { c.Data.Dir = dir + "/nowhere" },
			[]string{"nowhere"}},
		{"empty class", func(t *testing.T, dir string, c *config.Config) {
			remove(t, dir+"/train/4_pdr")
			os.Mkdir(dir+"/train/4_pdr", 0o755)
		}, []string{"4_pdr"}},
		{"one class", func(t *testing.T, dir string, c *config.Config) {
			for _, split := range []string{"train", "val", "test"} {
				classes, _ := os.ReadDir(filepath.Join(dir, split))
				for _, class := range classes[1:] {
					remove(t, filepath.Join(dir, split, class.Name()))
				}
			}
		}, []string{"0_no_dr", "at least two"}},
		{"classes differ", func(t *testing.T, dir string, c *config.Config) {
			os.Rename(dir+"/test/4_pdr", dir+"/test/5_other")
		}, []string{"4_pdr", "5_other"}},
		{"text", func(t *testing.T, dir string, c *config.Config) {
			write(t, dir+"/train/4_pdr/text.jpg", "this is no image")
		}, []string{"text.jpg", "data.unreadable"}},
		{"truncated", func(t *testing.T, dir string, c *config.Config) {
			path := dir + "/val/4_pdr/cut.png"
			files, _ := filepath.Glob(dir + "/val/4_pdr/*.png")
			content, _ := os.ReadFile(files[0])
			write(t, path, string(content[:len(content)/2]))
		}, []string{"cut.png"}},
		{"0 bytes", func(t *testing.T, dir string, c *config.Config) { write(t, dir+"/test/4_pdr/empty.png", "") },
			[]string{"empty.png"}},
		{"patch", func(t *testing.T, dir string, c *config.Config) { c.Data.Size = 30 }, []string{"data.size", "7"}},
		{"batch", func(t *testing.T, dir string, c *config.Config) { c.Training.Batch = 46 },
			[]string{"training.batch", "45", "train"}},
		{"accumulate", func(t *testing.T, dir string, c *config.Config) { c.Training.Accumulate = 10 },
			[]string{"training.accumulate"}},
		{"foreign folder", func(t *testing.T, dir string, c *config.Config) {
			os.MkdirAll(filepath.Join(c.Output.Dir, c.Name, "holiday"), 0o755)
		}, []string{"holds something that is no run"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := fundus(t)
			cfg := small(t, dir)
			c.spoil(t, dir, cfg)
			_, err := training.Run(t.Context(), cfg, training.Options{})
			if err == nil {
				t.Fatal("there is no error")
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not name %q", err, part)
				}
			}
			if _, err := os.Stat(filepath.Join(cfg.Output.Dir, cfg.Name, "config.toml")); err == nil {
				t.Error("a run folder is left behind")
			}
		})
	}
}

func TestUnreadableCanBeSkipped(t *testing.T) {
	dir := fundus(t)
	if err := os.WriteFile(dir+"/train/4_pdr/text.jpg", []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := small(t, dir)
	c.Data.Unreadable = "skip"
	run(t, c, training.Options{})
}

func TestResumeRefusesWhatWouldChangeTheRun(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(folder string, c *config.Config) error
		want   []string
	}{
		{"setting", func(_ string, c *config.Config) error { c.Optimizer.LR = 2e-3; return nil },
			[]string{"optimizer.lr was 0.001, is 0.002"}},
		{"corrupt checkpoint", func(folder string, c *config.Config) error {
			path := filepath.Join(folder, "checkpoints/last/model.safetensors")
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content[len(content)-1] ^= 1
			return os.WriteFile(path, content, 0o644)
		}, []string{"checkpoints/last", "model.safetensors"}},
		{"truncated checkpoint", func(folder string, c *config.Config) error {
			return os.Truncate(filepath.Join(folder, "checkpoints/last/optimizer.safetensors"), 1000)
		}, []string{"optimizer.safetensors"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := small(t, fundus(t))
			folder := run(t, cfg, training.Options{}).Folder
			// Unfinished again: what marks the end is taken away.
			if err := os.Remove(filepath.Join(folder, "metrics_test.csv")); err != nil {
				t.Fatal(err)
			}
			if _, err := training.Run(t.Context(), cfg, training.Options{}); err == nil ||
				!strings.Contains(err.Error(), "-resume") {
				t.Errorf("an unfinished run is overwritten: %v", err)
			}
			if err := c.change(folder, cfg); err != nil {
				t.Fatal(err)
			}
			_, err := training.Run(t.Context(), cfg, training.Options{Resume: true})
			if err == nil {
				t.Fatal("there is no error")
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not name %q", err, part)
				}
			}
		})
	}
}

func TestDivergenceStopsTheRun(t *testing.T) {
	c := small(t, fundus(t))
	c.Optimizer.LR, c.Optimizer.Clip, c.Schedule.Warmup = 1e30, 0, 0
	_, err := training.Run(t.Context(), c, training.Options{})
	if err == nil || !strings.Contains(err.Error(), "diverged") || !strings.Contains(err.Error(), "optimizer.lr") {
		t.Errorf("error is %v", err)
	}
}

func TestEvaluateRefuses(t *testing.T) {
	dir := fundus(t)
	c := small(t, dir)
	model := filepath.Join(run(t, c, training.Options{}).Folder, "model.onnx")
	artifacts := t.TempDir()
	if err := training.WriteArtifacts(t.Context(), c, artifacts); err != nil {
		t.Fatal(err)
	}
	other := fundus(t)
	if err := os.Rename(other+"/test/4_pdr", other+"/test/5_other"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, model, data, want string }{
		{"no model", dir + "/nothing.onnx", dir, "nothing.onnx"},
		{"no description", artifacts + "/eval.onnx", dir, "fovea.classes"},
		{"unknown class", model, other, "5_other"},
		{"no data", model, dir + "/nowhere", "nowhere"},
	} {
		_, err := inference.Evaluate(t.Context(), inference.EvalOptions{Model: c.model, Data: c.data, Split: "test",
			Out: t.TempDir()})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", c.name, err, c.want)
		}
	}
}
