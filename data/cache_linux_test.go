package data

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestCacheFullDisk: without room, an epoch goes on with one warning, and with the same tensors.
func TestCacheFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=200k"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	var log bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))

	samples := trainSamples(t, octScans)
	transform := NewTrainTransform(64)
	want := epochs(t, samples, transform, openCache(t, t.TempDir(), 100))
	if log.Len() > 0 {
		t.Errorf("with room: %s", &log)
	}
	for range 2 { // filling, then full
		log.Reset()
		if !slices.Equal(epochs(t, samples, transform, openCache(t, dir, 100)), want) {
			t.Error("other tensors")
		}
		if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "keeps no more images") {
			t.Errorf("warnings: %q", &log)
		}
	}
	kept := 0
	for _, path := range entries(t, dir) {
		if _, err := readEntry(path, &Fingerprint{}); err != nil {
			t.Error(err)
		}
		kept++
	}
	if kept == 0 || kept == len(samples) {
		t.Errorf("%d of %d images are kept", kept, len(samples))
	}
}

// TestAvailable: free space is counted in fragments, of which a block may be many.
func TestAvailable(t *testing.T) {
	for _, s := range []unix.Statfs_t{
		{Bavail: 1000, Bsize: 4096, Frsize: 4096},
		{Bavail: 1000, Bsize: 1 << 20, Frsize: 4096},
		{Bavail: 1000, Bsize: 4096},
	} {
		if got := available(&s); got != 4096000 {
			t.Errorf("%+v: %d bytes", s, got)
		}
	}
}
