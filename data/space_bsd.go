//go:build darwin || freebsd

package data

import "golang.org/x/sys/unix"

// freeSpace returns the bytes that this user may still write to the disk of a folder.
func freeSpace(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return uint64(max(s.Bavail, 0)) * uint64(s.Bsize), nil // FreeBSD counts below 0 what only root may use
}
