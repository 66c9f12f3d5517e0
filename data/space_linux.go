package data

import "golang.org/x/sys/unix"

// freeSpace is what this user may still write to the disk that a folder is on, in bytes.
func freeSpace(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return available(&s), nil
}

// available counts fragments, as statvfs does. Where files come over a network or through FUSE, a block, which is how
// much to transfer at once, may be larger.
func available(s *unix.Statfs_t) uint64 {
	size := uint64(s.Frsize)
	if size == 0 {
		size = uint64(s.Bsize)
	}
	return s.Bavail * size
}
