package durable

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// TestClean: temporary files that nobody has open go away, those that are being written stay, and so does everything
// else.
func TestClean(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a [1]") // no pattern
	if err := MakeFolder(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".a.csv.fovea-tmp-1", ".b.csv.fovea-tmp-2", ".a.csv.123", "a.csv"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".c.fovea-tmp-3"), 0o755); err != nil {
		t.Fatal(err)
	}
	kept := []string{".a.csv.123", ".c.fovea-tmp-3", "a.csv"}
	err := Write(filepath.Join(dir, "live.csv"), func(w io.Writer) error {
		Clean(dir, "a.csv")
		if got := names(t, dir); slices.Contains(got, ".a.csv.fovea-tmp-1") || !slices.Contains(got, ".b.csv.fovea-tmp-2") {
			t.Errorf("cleaning for a.csv leaves %q", got)
		}
		if err := MakeFolder(dir); err != nil {
			t.Error(err)
		}
		if got := names(t, dir); len(got) != len(kept)+1 {
			t.Errorf("beside a file that is being written there are %q", got)
		}
		_, err := w.Write([]byte("x"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, append(kept, "live.csv")) {
		t.Errorf("there are %q", got)
	}
	if err := Write(filepath.Join(dir, "bad"), func(io.Writer) error { return errors.New("no") }); err == nil {
		t.Error("no error")
	}
	if got := names(t, dir); !slices.Equal(got, append(kept, "live.csv")) {
		t.Errorf("after a failure there are %q", got)
	}
}
