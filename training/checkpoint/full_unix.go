//go:build unix

package checkpoint

import (
	"errors"
	"syscall"
)

// isFull reports whether err means a full disk, a used-up quota or the limit on a file's size.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
