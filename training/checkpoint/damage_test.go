package checkpoint

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"fovea/internal/runfiles"
)

func TestReadDamaged(t *testing.T) {
	flip := func(name string, at int) func(string) error {
		return func(dir string) error {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			b[(at+len(b))%len(b)] ^= 1
			return os.WriteFile(filepath.Join(dir, name), b, 0o644)
		}
	}
	replace := func(name, from, to string) func(string) error {
		return func(dir string) error {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, name), bytes.Replace(b, []byte(from), []byte(to), 1), 0o644)
		}
	}
	remove := func(name string) func(string) error {
		return func(dir string) error { return os.Remove(filepath.Join(dir, name)) }
	}
	resize := func(name string, size int64) func(string) error {
		return func(dir string) error { return os.Truncate(filepath.Join(dir, name), size) }
	}
	cut := func(name string) func(string) error { return resize(name, 100) }
	tests := []struct {
		name   string
		damage func(dir string) error
		want   string
	}{
		{"model missing", remove(runfiles.CheckpointModel), "model.safetensors is missing"},
		{"optimizer missing", remove(runfiles.CheckpointOptimizer), "optimizer.safetensors is missing"},
		{"state missing", remove(runfiles.CheckpointState), "state.json is missing"},
		{"model cut", cut(runfiles.CheckpointModel), "model.safetensors is damaged (100 bytes instead of"},
		{"optimizer cut", cut(runfiles.CheckpointOptimizer), "optimizer.safetensors is damaged (100 bytes instead of"},
		{"state cut", cut(runfiles.CheckpointState), "state.json is damaged"},
		{"model's first byte", flip(runfiles.CheckpointModel, 0), "model.safetensors is damaged (its checksum differs)"},
		{"model's last byte", flip(runfiles.CheckpointModel, -1), "model.safetensors is damaged (its checksum differs)"},
		{"optimizer's middle", flip(runfiles.CheckpointOptimizer, 100_000),
			"optimizer.safetensors is damaged (its checksum differs)"},
		{"state edited", replace(runfiles.CheckpointState, `"step": 7`, `"step": 8`),
			"state.json is damaged (its checksum differs)"},
		{"another program's state", replace(runfiles.CheckpointState, `"format"`, `"version"`), "no format version"},
	}
	if runtime.GOOS == "linux" { // where the terabyte takes no room; to read it would take minutes
		tests = append(tests, struct {
			name   string
			damage func(dir string) error
			want   string
		}{"optimizer lengthened", resize(runfiles.CheckpointOptimizer, 1<<40),
			"optimizer.safetensors is damaged (1099511627776 bytes instead of"})
	}
	for _, test := range tests {
		dir := filepath.Join(t.TempDir(), "last")
		if err := Write(dir, sample(7)); err != nil {
			t.Fatal(err)
		}
		if err := test.damage(dir); err != nil {
			t.Fatal(err)
		}
		_, err := Read(dir)
		for _, want := range []string{test.want, dir, "resume from another checkpoint"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want one with %q", test.name, err, want)
			}
		}
	}

	dir := filepath.Join(t.TempDir(), "last")
	if _, err := Read(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no checkpoint: %v", err)
	}
	if err := Write(dir, sample(7)); err != nil {
		t.Fatal(err)
	}
	if err := replace(runfiles.CheckpointState, `"format": 1`, `"format": 2`)(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "update this program") {
		t.Errorf("a later format: %v", err)
	}
}
