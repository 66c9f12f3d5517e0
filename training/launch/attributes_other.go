//go:build !linux

package launch

import "syscall"

// attributes are those of any process: the end of their standard input ends the others.
func attributes() *syscall.SysProcAttr { return nil }
