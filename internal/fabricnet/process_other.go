//go:build !linux

package fabricnet

import "syscall"

// attributes gives a process a group of its own, to be killed with its children.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
