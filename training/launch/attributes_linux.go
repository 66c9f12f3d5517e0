package launch

import "syscall"

// attributes keep the terminal's signals from the other processes, since the first tells them to stop, and end them with
// it even where it is killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
