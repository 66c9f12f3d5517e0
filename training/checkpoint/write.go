package checkpoint

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fovea/internal/durable"
	"fovea/internal/runfiles"
	"fovea/onnx/weights"
)

// Write makes c the checkpoint in the folder dir, in the place of an earlier one. It writes the bytes of the tensors
// from where they are. The folder above dir is made, but not those above that. It removes what killed writers left
// behind first. If it fails, the earlier checkpoint stays as it was, and the error says so.
func Write(dir string, c Checkpoint) error { return write(dir, c, swap) }

// write does what Write does; swap puts the new folder in the place of the earlier one.
func write(dir string, c Checkpoint, swap func(fresh, dir, old string) error) error {
	return replace(dir, func(fresh string) error { return fill(fresh, c) }, swap)
}

// replace makes a new folder, which fill fills, and puts it in the place of the checkpoint dir.
func replace(dir string, fill func(fresh string) error, swap func(fresh, dir, old string) error) error {
	err := tryReplace(dir, fill, swap)
	if err == nil {
		return nil
	}
	if isFull(err) {
		err = fmt.Errorf("there is no room: %w", err)
	}
	if _, statErr := os.Stat(filepath.Join(dir, runfiles.CheckpointState)); statErr == nil {
		return fmt.Errorf("writing checkpoint %s: %w (the earlier checkpoint there is still valid)", dir, err)
	}
	return fmt.Errorf("writing checkpoint %s: %w (there was none before)", dir, err)
}

func tryReplace(dir string, fill func(fresh string) error, swap func(fresh, dir, old string) error) error {
	parent, temporary, old := paths(dir)
	if err := os.Mkdir(parent, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := removeLeftovers(dir); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(parent, temporary+"*")
	if err != nil {
		return err
	}
	// By then the temporary folder holds the earlier checkpoint or a part of the new one, or has become the checkpoint.
	// If it cannot be removed, the next Write tries again and reports that.
	defer os.RemoveAll(fresh)
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	if err := fill(fresh); err != nil {
		return err
	}
	return swap(fresh, dir, old)
}

// RemoveTemporary removes the temporary folders that killed writers of the checkpoint dir left beside it. Nobody may be
// writing it.
func RemoveTemporary(dir string) error {
	parent, temporary, _ := paths(dir)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), temporary) {
			if err := os.RemoveAll(filepath.Join(parent, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeLeftovers removes what killed writers left beside dir. It returns an error if dir is something other than a
// checkpoint.
func removeLeftovers(dir string) error {
	_, _, old := paths(dir)
	if err := RemoveTemporary(dir); err != nil {
		return err
	}
	existing, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(old, dir); !errors.Is(err, fs.ErrNotExist) {
			return err // undoes a swap that was cut short
		}
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, runfiles.CheckpointState)); err != nil && len(existing) > 0 {
		return fmt.Errorf("the folder exists and is no checkpoint (it has no %s): move it away or choose another",
			runfiles.CheckpointState)
	}
	return os.RemoveAll(old)
}

// fill writes the files of c into the folder dir and syncs them.
func fill(dir string, c Checkpoint) error {
	m := manifest{Format: formatVersion, Files: map[string]fileSum{}, State: c.State}
	for _, part := range []struct {
		name    string
		tensors []weights.Tensor
	}{{runfiles.CheckpointModel, c.Parameters}, {runfiles.CheckpointOptimizer, c.Optimizer}} {
		s, err := writeFile(filepath.Join(dir, part.name), func(w io.Writer) error {
			return weights.Encode(w, part.tensors, nil)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		m.Files[part.name] = s
	}
	var err error
	if m.StateSum, err = stateSum(c.State); err != nil {
		return fmt.Errorf("the state is not valid JSON: %w", err)
	}
	_, err = writeFile(filepath.Join(dir, runfiles.CheckpointState), func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false) // it would change the state, and its sum
		return enc.Encode(m)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", runfiles.CheckpointState, err)
	}
	return durable.SyncFolder(dir)
}

// writeFile writes and syncs a new file, and returns its sum.
func writeFile(path string, write func(io.Writer) error) (s fileSum, err error) {
	f, err := os.Create(path)
	if err != nil {
		return fileSum{}, err
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	sums := &summingWriter{w: w}
	if err := write(sums); err != nil {
		return fileSum{}, err
	}
	if err := w.Flush(); err != nil {
		return fileSum{}, err
	}
	return sums.sum(), f.Sync()
}
