package store

import (
	"path/filepath"
	"strings"
)

// schemes begin the paths of objects.
var schemes = []string{"s3://", "gs://", "azblob://", "https://", "http://"}

// Remote reports whether path is that of an object.
func Remote(path string) bool {
	_, ok := schemeOf(path)
	return ok
}

func schemeOf(path string) (scheme string, ok bool) {
	for _, s := range schemes {
		if len(path) >= len(s) && strings.EqualFold(path[:len(s)], s) {
			return s, true
		}
	}
	return "", false
}

// Resolve returns a path that stands in a table of a folder, with slashes: itself if it is absolute or that of an object,
// else below the folder.
func Resolve(dir, path string) string {
	if Remote(path) {
		return path
	}
	if local := filepath.FromSlash(path); filepath.IsAbs(local) {
		return local
	}
	return Join(dir, path)
}

// Rel returns the path of an entry below a folder, relative to it, with slashes.
func Rel(dir, path string) (string, error) {
	if Remote(dir) {
		return strings.TrimPrefix(path, strings.TrimSuffix(dir, "/")+"/"), nil
	}
	rel, err := filepath.Rel(dir, path)
	return filepath.ToSlash(rel), err
}

// Join returns the path of an entry of a folder, as [filepath.Join] does. Paths of objects are not cleaned: a key may
// have any form.
func Join(dir, name string) string {
	if Remote(dir) {
		return strings.TrimSuffix(dir, "/") + "/" + name
	}
	return filepath.Join(dir, filepath.FromSlash(name))
}
