package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"fovea/onnx"
)

// swap puts the folder fresh in the place of dir, durably, and leaves what was there under the name fresh or nowhere.
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
	return onnx.SyncFolder(filepath.Dir(dir))
}

// swapByRenaming is swap where folders cannot be exchanged: between the two renames the earlier checkpoint is the one
// called old, which Read knows.
func swapByRenaming(fresh, dir, old string) error {
	if err := rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := rename(fresh, dir); err != nil {
		return errors.Join(err, rename(old, dir))
	}
	return os.RemoveAll(old)
}

// rename renames a folder and makes that durable.
func rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return onnx.SyncFolder(filepath.Dir(to))
}
