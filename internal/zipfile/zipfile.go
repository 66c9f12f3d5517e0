// Package zipfile opens zip archives whose list of members has a limited size.
package zipfile

import (
	"archive/zip"
	"fmt"
	"io"
)

// NewReader lists the archive r of size bytes. It is an error if more than directory bytes are read for that: each
// member costs memory, and an archive lists as many as are read of it.
func NewReader(r io.ReaderAt, size, directory int64) (*zip.Reader, error) {
	limit := &limited{ReaderAt: r, left: directory, most: directory}
	archive, err := zip.NewReader(limit, size)
	limit.listed = true
	return archive, err
}

type limited struct {
	io.ReaderAt
	left, most int64
	listed     bool
}

func (l *limited) ReadAt(p []byte, offset int64) (int, error) {
	if l.listed {
		return l.ReaderAt.ReadAt(p, offset)
	}
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, fmt.Errorf("its directory has more than %d bytes", l.most)
	}
	return l.ReaderAt.ReadAt(p, offset)
}
