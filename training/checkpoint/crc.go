package checkpoint

import (
	"hash/crc32"
	"io"
	"os"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli) // has an instruction on amd64 and arm64

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// summer adds up what passes through it on the way to w.
type summer struct {
	w    io.Writer
	size int64
	crc  uint32
}

func (s *summer) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	s.size += int64(n)
	s.crc = crc32.Update(s.crc, castagnoli, b[:n])
	return n, err
}

func (s *summer) sum() sum { return sum{s.size, formatCRC(s.crc)} }

// sumFile reads a file through a small buffer, which leaves it in the page cache for the map that follows.
func sumFile(path string) (sum, error) {
	f, err := os.Open(path)
	if err != nil {
		return sum{}, err
	}
	defer f.Close()
	s := summer{w: io.Discard}
	buffer := make([]byte, 1<<20)
	for {
		n, err := f.Read(buffer)
		s.Write(buffer[:n])
		if err == io.EOF {
			return s.sum(), nil
		}
		if err != nil {
			return sum{}, err
		}
	}
}
