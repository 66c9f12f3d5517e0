package tars

import (
	"errors"
	"io"
)

// windowSize is a few small members, and little beside a large one that is passed over, in bytes.
const windowSize = 16 << 10

// A window reads and seeks in a file without asking the system for what it has read already.
type window struct {
	file   io.ReaderAt
	buffer []byte
	start  int64 // of the buffer in the file
	filled int   // bytes of the buffer
	at     int64 // of the next byte to read
}

func (w *window) Read(p []byte) (int, error) {
	if w.at < w.start || w.at >= w.start+int64(w.filled) {
		n, err := w.file.ReadAt(w.buffer, w.at)
		if w.start, w.filled = w.at, n; n == 0 {
			return 0, err
		}
	}
	n := copy(p, w.buffer[w.at-w.start:w.filled])
	w.at += int64(n)
	return n, nil
}

func (w *window) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += w.at
	default:
		return 0, errors.New("a window has no end")
	}
	if offset < 0 {
		return 0, errors.New("a position before the start")
	}
	w.at = offset
	return offset, nil
}
