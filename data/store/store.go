// Package store opens images and archives wherever they lie: files, and objects of S3, Google Cloud Storage, Azure Blob
// Storage and web servers. The functions are those of package os, for both. A path of an object is s3://BUCKET/KEY,
// gs://BUCKET/KEY, azblob://CONTAINER/KEY or https://HOST/PATH; its slashes make folders. Nothing is written.
//
// Only what is asked for is read. Memory holds the versions of objects that were listed. A request that fails in passing
// is repeated; a connection that ends early is taken up where it ended. An object that changed since it was listed is an
// error.
package store

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"fovea/internal/naming"
	"fovea/internal/regular"
)

// A File is a file or object that is open. ReadAt and Close are safe for concurrent use.
type File interface {
	io.ReaderAt
	io.Closer
	Version() Version
}

// A Version says which content a path has. Versions that are equal by == have the same content.
type Version struct {
	Size     int64  // bytes
	Modified int64  // nanoseconds since 1970
	Tag      uint64 // digest of an object's ETag; 0: none
}

// versionOf returns the version of a file.
func versionOf(info fs.FileInfo) Version {
	return Version{Size: info.Size(), Modified: info.ModTime().UnixNano()}
}

// Open opens a file or an object for reading. Other kinds of files are errors, see [regular.Open].
func Open(path string) (File, error) {
	if Remote(path) {
		return openObject(path)
	}
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return localFile{f, versionOf(info)}, nil
}

type localFile struct {
	*os.File
	version Version
}

func (f localFile) Version() Version { return f.version }

// ReadFile returns the content of a file or an object. More than most bytes are an error.
func ReadFile(path string, most int64) ([]byte, error) {
	if Remote(path) {
		return readObject(path, most)
	}
	return regular.ReadFile(path, most)
}

// Stat describes a file, a folder, an object, or a folder of objects, which is there if an object lies below it. The
// error about what is not there wraps [fs.ErrNotExist].
func Stat(path string) (fs.FileInfo, error) {
	if Remote(path) {
		return statObject(path)
	}
	return os.Stat(path)
}

// IsFile reports whether path is a regular file or an object.
func IsFile(path string) bool {
	info, err := Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// ReadDir returns the names of the folders and of the other entries of a folder, sorted. Links to folders are folders.
func ReadDir(dir string) (folders, files []string, err error) {
	if Remote(dir) {
		return readFolder(dir)
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if isFolder(dir, e) {
			folders = append(folders, e.Name())
		} else {
			files = append(files, e.Name())
		}
	}
	return folders, files, err
}

func isFolder(dir string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := os.Stat(filepath.Join(dir, e.Name()))
	return err == nil && info.IsDir()
}

// Locate returns the path that an operand of a command line names: a file in another normal form of Unicode, see
// [naming.Locate], or an object. What stands behind "?" in the address of a web server, such as a signature, is kept for
// its requests and is no part of the path.
func Locate(operand string) (string, error) {
	if Remote(operand) {
		return locateObject(operand)
	}
	return naming.Locate(operand), nil
}

// info describes an object or a folder of objects.
type info struct {
	name    string
	version Version
	folder  bool
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.version.Size }
func (i info) ModTime() time.Time { return time.Unix(0, i.version.Modified) }
func (i info) IsDir() bool        { return i.folder }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.folder {
		return fs.ModeDir
	}
	return 0
}
