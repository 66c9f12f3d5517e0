package mmap

import (
	"fmt"
	"fovea/internal/regular"
	"math"
	"os"
)

// A File is an open mapping.
type File struct {
	data  []byte
	close func([]byte) error
}

// Open maps the regular file at path.
func Open(path string) (*File, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Map(f)
}

// Map maps the regular file f, which the caller may close at once.
func Map(f *os.File) (*File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", f.Name())
	}
	size := info.Size()
	if size == 0 {
		return &File{}, nil
	}
	if size > math.MaxInt {
		return nil, fmt.Errorf("%s has %d bytes, too many for this machine's address space", f.Name(), size)
	}
	data, unmap, err := mapFile(f, int(size))
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", f.Name(), err)
	}
	return &File{data, unmap}, nil
}

// Bytes returns the file's content, valid until Close.
func (f *File) Bytes() []byte { return f.data }

// Close releases the mapping; a second Close does nothing.
func (f *File) Close() error {
	if f.data == nil {
		return nil
	}
	data := f.data
	f.data = nil
	return f.close(data)
}
