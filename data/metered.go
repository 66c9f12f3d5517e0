package data

import (
	"bytes"
	"errors"
	"io"
)

// metered is an image file for a decoder, which may read no more than a few times its bytes: the parts of a TIFF may
// all name the same, large piece of the file.
type metered struct {
	*bytes.Reader
	left int
}

func newMetered(file []byte) *metered { return &metered{bytes.NewReader(file), 8*len(file) + 1<<20} }

var errRepeats = errors.New("the file is damaged: its parts name the same bytes over and over")

// ReadAt is what the decoder of TIFFs uses.
func (m *metered) ReadAt(p []byte, off int64) (int, error) {
	n, err := m.Reader.ReadAt(p, off)
	if m.left -= n; m.left < 0 {
		return 0, errRepeats
	}
	return n, err
}

// Peek makes package image hand the file itself to the decoder.
func (m *metered) Peek(n int) ([]byte, error) {
	p := make([]byte, n)
	got, err := m.Reader.ReadAt(p, m.Size()-int64(m.Len()))
	if errors.Is(err, io.EOF) && got == n {
		err = nil
	}
	return p[:got], err
}
