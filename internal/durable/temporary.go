package durable

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"fovea/internal/lock"
)

// mark stands in the names of temporary files, behind a dot and the name that the file will have.
const mark = ".fovea-tmp-"

// Create creates a temporary file in the folder dir for a file that will be called base. The process holds a lock on it
// until it is closed, by which [Clean] knows that it is in use. [Commit] gives it its name, or the caller closes and
// removes it.
func Create(dir, base string) (*os.File, error) {
	for {
		f, err := os.CreateTemp(dir, "."+base+mark+"*")
		if err != nil {
			return nil, err
		}
		free, err := lock.Try(f)
		if err != nil { // a file system without locks, where Clean finds none to be free
			return f, nil
		}
		mine, err := f.Stat()
		there, gone := os.Lstat(f.Name())
		if free && err == nil && gone == nil && os.SameFile(mine, there) {
			return f, nil
		}
		f.Close() // another process has just cleaned it away
		if err != nil {
			return nil, err
		}
	}
}

// Commit closes a file of [Create] and puts it in the place of path, in the same folder.
func Commit(f *os.File, path string) error {
	if runtime.GOOS == "windows" { // which renames no file that is open
		if err := f.Close(); err != nil {
			return err
		}
		return os.Rename(f.Name(), path)
	}
	err := os.Rename(f.Name(), path) // before the lock ends
	if failed := f.Close(); err == nil {
		err = failed
	}
	return err
}

// MakeFolder makes a folder to write to if it is missing, and removes what killed processes left in it.
func MakeFolder(dir string) error {
	err := os.MkdirAll(dir, 0o755)
	Clean(dir, "")
	return err
}

// Clean removes the temporary files that killed processes left in the folder dir: those of the file base, or all if
// base is "". It spares files that a process is writing.
func Clean(dir, base string) {
	pattern := ".*" + mark + "*"
	names, _ := fs.Glob(os.DirFS(dir), pattern) // the folder's own name is no pattern
	for _, name := range names {
		if at := len("." + base + mark); base != "" && (len(name) < at || name[:at] != "."+base+mark) {
			continue
		}
		path := filepath.Join(dir, name)
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			continue
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if free, err := lock.Try(f); err == nil && free {
			if runtime.GOOS == "windows" { // which removes no file that is open
				f.Close()
			}
			os.Remove(path)
		}
		f.Close()
	}
}
