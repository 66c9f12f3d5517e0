// Package regular opens the files that people name. A pipe, a socket, a device or a folder in the place of a file is an
// error at once, since reading it could wait for ever.
package regular

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Open opens a regular file for reading. The error is an [fs.PathError].
func Open(path string) (*os.File, error) {
	return open(path, os.Stat, func(flag int) (*os.File, error) { return os.OpenFile(path, flag, 0) })
}

// OpenIn opens a regular file below root for reading, as Open does.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	return open(name, root.Stat, func(flag int) (*os.File, error) { return root.OpenFile(name, flag, 0) })
}

// open asks before it opens: opening a device may have an effect. It asks again behind it: the name may stand for
// another file by then.
func open(path string, stat func(string) (fs.FileInfo, error), openFile func(flag int) (*os.File, error)) (*os.File, error) {
	if info, err := stat(path); err == nil {
		if err := Check(path, info); err != nil {
			return nil, err
		}
	}
	f, err := openFile(os.O_RDONLY | nonblocking)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = Check(path, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Check returns an [fs.PathError] unless info is that of a regular file.
func Check(path string, info fs.FileInfo) error {
	kind := "of a kind unknown here"
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return &fs.PathError{Op: "open", Path: path, Err: errors.New("this is a folder, not a file")}
	case mode&fs.ModeNamedPipe != 0:
		kind = "a named pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	case mode&(fs.ModeDevice|fs.ModeCharDevice) != 0:
		kind = "a device"
	}
	return &fs.PathError{Op: "open", Path: path,
		Err: fmt.Errorf("this is %s, not a file: write the content to a file, and name that", kind)}
}

// ReadFile returns the content of a regular file. A file of more than most bytes is an error.
func ReadFile(path string, most int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, tooLarge(path, most)
	}
	var content bytes.Buffer
	content.Grow(int(info.Size()) + bytes.MinRead) // ReadFrom wants this much room at the end
	if _, err := content.ReadFrom(io.LimitReader(f, most+1)); err != nil {
		return nil, err
	}
	if int64(content.Len()) > most { // it grew, or its system told no size
		return nil, tooLarge(path, most)
	}
	return content.Bytes(), nil
}

func tooLarge(path string, most int64) error {
	return &fs.PathError{Op: "open", Path: path,
		Err: fmt.Errorf("the file has more than %d bytes, the limit for files of its kind", most)}
}
