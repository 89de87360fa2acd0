package fabricnet

import "syscall"

// attributes gives a process a group of its own, to be killed with its
// children, and its death when we die, however we do.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
