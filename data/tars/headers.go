package tars

import (
	"archive/tar"
	"bytes"
	"io"
	"strconv"
)

// blockSize is the unit of a tar archive: of headers, and of contents with their padding, in bytes.
const blockSize = 512

// headers reads the headers of an archive. Those that nearly all members have are read here, in a third of the time of
// package archive/tar, which reads all others: a million members are listed by each process that takes a shard.
type headers struct {
	window *window
	next   int64 // position of the next header
	size   int64 // of the archive, in bytes
	block  [blockSize]byte
}

// read returns the next header. The window then stands at the content of the member. The error at the end is [io.EOF].
func (h *headers) read() (*tar.Header, error) {
	if h.next > h.size {
		return nil, io.ErrUnexpectedEOF
	}
	h.window.at = h.next
	if _, err := io.ReadFull(h.window, h.block[:]); err != nil {
		return nil, err
	}
	header := h.plain()
	if header == nil {
		h.window.at = h.next
		var err error
		if header, err = tar.NewReader(h.window).Next(); err != nil {
			return nil, err
		}
	}
	if header.Size > h.size-h.window.at && !isSparse(header) {
		return nil, io.ErrUnexpectedEOF
	}
	h.next = (h.window.at + header.Size + blockSize - 1) / blockSize * blockSize
	return header, nil
}

// plain returns the header in block if it is that of a file, in the form of POSIX or GNU, that one block describes, else
// nil. Fields: the name at 0, the size at 124, the sum of all bytes at 148, the kind at 156, the form at 257, and at 345
// what stands in front of the name.
func (h *headers) plain() *tar.Header {
	b := h.block[:]
	form := string(b[257:265])
	if b[156] != tar.TypeReg || form != "ustar\x0000" && form != "ustar  \x00" || b[345] != 0 {
		return nil
	}
	name, _, _ := bytes.Cut(b[:100], []byte{0})
	size, ok := octal(b[124:136])
	sum, known := octal(b[148:156])
	if len(name) == 0 || !ok || !known {
		return nil
	}
	for _, c := range b {
		sum -= int64(c)
	}
	for _, c := range b[148:156] { // the sum is made with spaces in its own place
		sum += int64(c) - ' '
	}
	if sum != 0 {
		return nil
	}
	return &tar.Header{Typeflag: tar.TypeReg, Name: string(name), Size: size}
}

// octal reads a number of digits alone, with spaces around it and zero bytes behind it.
func octal(field []byte) (int64, bool) {
	n, err := strconv.ParseUint(string(bytes.Trim(field, " \x00")), 8, 63)
	return int64(n), err == nil
}
