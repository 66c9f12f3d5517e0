package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"fovea/internal/regular"
	"fovea/internal/runfiles"
	"fovea/onnx/weights"
)

// advice ends the errors about damaged checkpoints.
const advice = "restore the folder from a copy, resume from another checkpoint, or start the run anew"

// Read opens the checkpoint in the folder dir and verifies all of it. The tensors are in mapped files: they must not be
// written to, nor used after [Checkpoint.Close]. The error wraps [fs.ErrNotExist] if there is no checkpoint.
func Read(dir string) (*Checkpoint, error) {
	for {
		before := locate(dir)
		c, err := read(before)
		if before.same(locate(dir)) {
			if err != nil {
				return nil, fmt.Errorf("reading checkpoint %s: %w", dir, err)
			}
			return c, nil
		}
		if c != nil { // a writer replaced the folder while it was read
			c.Close()
		}
	}
}

// A location is the folder that holds a checkpoint.
type location struct {
	path string
	info fs.FileInfo // nil if there is no such folder
}

// same reports whether two locations are the same folder.
func (p location) same(q location) bool {
	if p.info == nil || q.info == nil {
		return p.info == nil && q.info == nil
	}
	// A new folder may get the number of one that was removed, but not its time.
	return p.path == q.path && os.SameFile(p.info, q.info) && p.info.ModTime().Equal(q.info.ModTime())
}

// locate returns the folder of the checkpoint dir: dir itself, or the one where a writer that was stopped between two
// renames left it.
func locate(dir string) location {
	_, _, old := paths(dir)
	for _, path := range []string{dir, old} {
		if info, err := os.Stat(path); err == nil {
			return location{path, info}
		}
	}
	return location{path: dir}
}

func read(p location) (*Checkpoint, error) {
	if p.info == nil {
		return nil, fmt.Errorf("there is no such folder: %w", fs.ErrNotExist)
	}
	m, err := readManifest(filepath.Join(p.path, runfiles.CheckpointState))
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{State: m.State}
	for _, part := range []struct {
		name string
		into *[]weights.Tensor
	}{{runfiles.CheckpointModel, &c.Parameters}, {runfiles.CheckpointOptimizer, &c.Optimizer}} {
		f, err := openFile(filepath.Join(p.path, part.name), m.Files[part.name])
		if err != nil {
			c.Close()
			return nil, err
		}
		c.files = append(c.files, f)
		*part.into = f.Tensors
	}
	return c, nil
}

// readManifest reads state.json and verifies the state in it.
func readManifest(path string) (*manifest, error) {
	b, err := regular.ReadFile(path, runfiles.MaxState)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing, so this is no checkpoint, or a part of one: %s", runfiles.CheckpointState,
			advice)
	}
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("%s is damaged (%w): %s", runfiles.CheckpointState, err, advice)
	}
	if m.Format > formatVersion {
		return nil, fmt.Errorf("%s has format %d, newer than %d, the newest known: update this program",
			runfiles.CheckpointState, m.Format, formatVersion)
	}
	if m.Format < 1 {
		return nil, fmt.Errorf("%s has no format version, so this is no checkpoint: %s", runfiles.CheckpointState, advice)
	}
	if s, err := stateSum(m.State); err != nil || s != m.StateSum {
		return nil, fmt.Errorf("%s is damaged (its checksum differs): %s", runfiles.CheckpointState, advice)
	}
	return &m, nil
}

// openFile opens a file of tensors. It returns an error if its sum is not want.
func openFile(path string, want fileSum) (*weights.File, error) {
	name := filepath.Base(path)
	got, err := sumFile(path, want.Size)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s is missing: %s", name, advice)
	case err != nil:
		return nil, err
	case got.Size != want.Size:
		return nil, fmt.Errorf("%s is damaged (%d bytes instead of %d): %s", name, got.Size, want.Size, advice)
	case got.CRC != want.CRC:
		return nil, fmt.Errorf("%s is damaged (its checksum differs): %s", name, advice)
	}
	return weights.Open(path)
}
