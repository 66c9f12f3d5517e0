package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"fovea/internal/durable"
)

// swap puts the folder fresh in the place of dir and syncs. An earlier folder dir is then called fresh, or is gone.
func swap(fresh, dir, old string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return rename(fresh, dir)
	}
	err := exchange(fresh, dir)
	if errors.Is(err, errors.ErrUnsupported) {
		return swapByRenaming(fresh, dir, old)
	}
	if err != nil {
		return err
	}
	return durable.SyncFolder(filepath.Dir(dir))
}

// swapByRenaming does what swap does where folders cannot be exchanged. Between its two renames the earlier checkpoint
// is called old, where Read looks too.
func swapByRenaming(fresh, dir, old string) error {
	if err := rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := rename(fresh, dir); err != nil {
		return errors.Join(err, rename(old, dir))
	}
	return os.RemoveAll(old)
}

// rename renames a folder and syncs.
func rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return durable.SyncFolder(filepath.Dir(to))
}
