package checkpoint

import (
	"hash/crc32"
	"io"

	"fovea/internal/regular"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli) // has an instruction on amd64 and arm64

// checksum returns the CRC-32C of b.
func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// A summingWriter writes to w, and keeps the size and the CRC-32C of all that passes.
type summingWriter struct {
	w    io.Writer
	size int64
	crc  uint32
}

func (s *summingWriter) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	s.size += int64(n)
	s.crc = crc32.Update(s.crc, castagnoli, b[:n])
	return n, err
}

func (s *summingWriter) sum() fileSum { return fileSum{s.size, formatCRC(s.crc)} }

// sumFile returns the size of a file and, if that is size, its checksum. It reads through a small buffer, which leaves
// the file in the page cache for the map that follows.
func sumFile(path string, size int64) (fileSum, error) {
	f, err := regular.Open(path)
	if err != nil {
		return fileSum{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fileSum{}, err
	}
	if info.Size() != size { // at once: it may be gigabytes that nobody wrote
		return fileSum{Size: info.Size()}, err
	}
	s := summingWriter{w: io.Discard}
	// Without its WriteTo, which has a smaller buffer, the file is copied through this one.
	_, err = io.CopyBuffer(&s, struct{ io.Reader }{f}, make([]byte, 1<<20))
	return s.sum(), err
}
