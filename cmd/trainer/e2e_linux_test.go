package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFullDisk: a disk that fills up while a run trains ends it with an error that says so. With more room the run goes
// on from the checkpoint before, and ends as one that was never short of it.
func TestFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a model")
	}
	runs := t.TempDir()
	if err := syscall.Mount("tmpfs", runs, "tmpfs", 0, "size=600k"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	defer syscall.Unmount(runs, syscall.MNT_DETACH)
	data := fundus(t)
	small := smallConfig(t, data, runs, 4)

	code, _, stderr := trainer(t, "-config", small)
	if code != exitFailed {
		t.Fatalf("exit code %d, want %d:\n%s", code, exitFailed, stderr)
	}
	last := filepath.Join(runs, "small", "checkpoints", "last")
	for _, part := range []string{last, "there is no room", "still valid"} {
		if !strings.Contains(stderr, part) {
			t.Errorf("no %q in:\n%s", part, stderr)
		}
	}
	if err := syscall.Mount("tmpfs", runs, "tmpfs", syscall.MS_REMOUNT, "size=10m"); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := trainer(t, "-config", small, "-resume"); code != exitDone {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	roomy := t.TempDir()
	if code, _, stderr := trainer(t, "-config", smallConfig(t, data, roomy, 4)); code != exitDone {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	for _, file := range []string{"metrics_test.csv", "log.txt", "checkpoints/last/model.safetensors"} {
		if !bytes.Equal(read(t, runs, "small", file), read(t, roomy, "small", file)) {
			t.Errorf("%s is not that of a run that always had room", file)
		}
	}
}
