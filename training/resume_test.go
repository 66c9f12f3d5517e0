package training_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"fovea/internal/progress"
	"fovea/training"
	"fovea/training/config"
)

// stop runs a config until its second epoch.
func stop(t *testing.T, c *config.Config) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := training.Run(ctx, c, training.Options{Progress: func(u progress.Update) {
		if u.Task == "epoch 2/3" {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "checkpoints/last") {
		t.Fatalf("error is %v, want one that names the checkpoint", err)
	}
}

// stopped is a config whose run was interrupted in its second epoch.
func stopped(t *testing.T) *config.Config {
	t.Helper()
	c := small(t, fundus(t))
	stop(t, c)
	return c
}

func TestResumeRefusesOtherImages(t *testing.T) {
	c := stopped(t)
	files, err := filepath.Glob(filepath.Join(c.Data.Dir, "train/0_no_dr/*.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	_, err = training.Run(t.Context(), c, training.Options{Resume: true})
	if err == nil || !strings.Contains(err.Error(), "images of train") {
		t.Errorf("error is %v", err)
	}
}

// TestResumeFindsACheckpointBetweenTwoRenames: where folders cannot be exchanged, a kill can leave the checkpoint under
// its other name.
func TestResumeFindsACheckpointBetweenTwoRenames(t *testing.T) {
	if testing.Short() {
		t.Skip("resumes several runs")
	}
	c := stopped(t)
	want := run(t, small(t, c.Data.Dir), training.Options{})
	dir := filepath.Join(c.Output.Dir, c.Name, "checkpoints")
	if err := os.Rename(filepath.Join(dir, "last"), filepath.Join(dir, ".last.old")); err != nil {
		t.Fatal(err)
	}
	epochs := map[string]bool{}
	got := run(t, c, training.Options{Resume: true, Progress: func(u progress.Update) { epochs[u.Task] = true }})
	if epochs["epoch 1/3"] {
		t.Error("the run started from the beginning")
	}
	same(t, outcome(t, got.Folder), outcome(t, want.Folder))
}

func TestResumeKeepsTheNumberOfThreads(t *testing.T) {
	if testing.Short() {
		t.Skip("resumes several runs")
	}
	if runtime.GOMAXPROCS(0) < 2 {
		t.Skip("needs two processors")
	}
	c := stopped(t)
	want := run(t, small(t, c.Data.Dir), training.Options{})
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	same(t, outcome(t, run(t, c, training.Options{Resume: true}).Folder), outcome(t, want.Folder))
}

func TestResumeWarnsOfOtherThreads(t *testing.T) {
	if testing.Short() {
		t.Skip("resumes several runs")
	}
	c := stopped(t)
	c.Runtime.Threads = runtime.GOMAXPROCS(0) + 1
	log := logged(func() { run(t, c, training.Options{Resume: true}) })
	if !strings.Contains(log, "last digits") {
		t.Errorf("there is no warning:\n%s", log)
	}
}

func TestFinishedRunWithOtherSettingsIsRefused(t *testing.T) {
	c := small(t, fundus(t))
	run(t, c, training.Options{})
	c.Optimizer.LR = 0.5
	_, err := training.Run(t.Context(), c, training.Options{Resume: true})
	if err == nil || !strings.Contains(err.Error(), "optimizer.lr was 0.001, is 0.5") {
		t.Errorf("error is %v", err)
	}
}

func TestTwoProcessesDoNotShareARun(t *testing.T) {
	c := small(t, fundus(t))
	var second error
	run(t, c, training.Options{Progress: func(u progress.Update) {
		if u.Task == "epoch 2/3" && second == nil {
			_, second = training.Run(t.Context(), c, training.Options{Resume: true})
		}
	}})
	if second == nil || !strings.Contains(second.Error(), "another process") {
		t.Errorf("error is %v", second)
	}
}

func TestKilledBeforeTheConfigWasThere(t *testing.T) {
	c := small(t, fundus(t))
	folder := filepath.Join(c.Output.Dir, c.Name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	leftover := filepath.Join(folder, ".config.toml.123")
	if err := os.WriteFile(leftover, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, c, training.Options{Resume: true})
	if _, err := os.Stat(leftover); err == nil {
		t.Error("the temporary file is still there")
	}
}

func TestSkippedImagesLeaveRoomForAStep(t *testing.T) {
	c := small(t, fundus(t)) // 45 images
	if err := os.WriteFile(c.Data.Dir+"/train/4_pdr/zz.jpg", []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	c.Data.Unreadable, c.Training.Batch, c.Training.Accumulate = "skip", 46, 1
	_, err := training.Run(t.Context(), c, training.Options{})
	if err == nil || !strings.Contains(err.Error(), "training.batch is 46") {
		t.Errorf("error is %v", err)
	}
}

// TestLearnersGiveTheirMemoryBack opens learners whose four arenas take 57 MB each.
func TestLearnersGiveTheirMemoryBack(t *testing.T) {
	c := config.Defaults()
	c.Name, c.Data.Dir, c.Runtime.Provider = "memory", "unused", "cpu"
	c.Data.Size, c.Model.Patch, c.Model.Width, c.Model.Depth, c.Model.Heads, c.Training.Batch = 32, 16, 768, 2, 12, 1
	mapped := func() (total int) {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Skip("needs /proc/self/maps")
		}
		for line := range strings.Lines(string(maps)) {
			var from, to int
			if n, _ := fmt.Sscanf(line, "%x-%x rw-p", &from, &to); n == 2 && to-from > 50<<20 {
				total += to - from
			}
		}
		return total
	}
	open := func() {
		l, err := training.NewBench(t.Context(), c, 5, training.Experiment{})
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	open()
	before := mapped()
	for range 3 {
		open()
	}
	if after := mapped(); after > before+(100<<20) {
		t.Errorf("mapped memory grew from %d to %d MiB", before>>20, after>>20)
	}
}
