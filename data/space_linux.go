package data

import (
	"cmp"
	"golang.org/x/sys/unix"
)

// freeSpace returns the bytes that this user may still write to the disk of a folder.
func freeSpace(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return available(&s), nil
}

// available returns the free bytes, counted in fragments as statvfs does. On network and FUSE file systems a block may
// be larger: there it is the best size of a transfer.
func available(s *unix.Statfs_t) uint64 {
	size := cmp.Or(uint64(s.Frsize), uint64(s.Bsize))
	return s.Bavail * size
}
