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

// Join returns the path of an entry of a folder, as [filepath.Join] does. Paths of objects are not cleaned: a key may
// have any form.
func Join(dir, name string) string {
	if Remote(dir) {
		return strings.TrimSuffix(dir, "/") + "/" + name
	}
	return filepath.Join(dir, name)
}
