package checkpoint

import (
	"io"
	"os"
	"path/filepath"

	"fovea/internal/durable"
	"fovea/internal/regular"
	"fovea/internal/runfiles"
)

// Copy makes the checkpoint to the same as the checkpoint from, with the guarantees of Write. It links files where the
// file system can, which takes no room: the files of a checkpoint never change.
func Copy(from, to string) error {
	source := locate(from).path
	return replace(to, func(fresh string) error {
		for _, name := range []string{runfiles.CheckpointModel, runfiles.CheckpointOptimizer, runfiles.CheckpointState} {
			if err := link(filepath.Join(source, name), filepath.Join(fresh, name)); err != nil {
				return err
			}
		}
		return durable.SyncFolder(fresh)
	}, swap)
}

// link links a file, or copies it where it cannot be linked.
func link(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := regular.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = writeFile(to, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
	return err
}
