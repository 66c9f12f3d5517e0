//go:build unix

package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkOwner returns an error if another user than this one and root can change a file or folder.
func checkOwner(info fs.FileInfo) error {
	if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Uid != 0 && int(s.Uid) != os.Geteuid() {
		return fmt.Errorf("belongs to user %d, not to you", s.Uid)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return errors.New("can be written by other users")
	}
	return nil
}
