package main

import "syscall"

// ownGroup keeps Ctrl-C from the child, which is stopped in order, and ends it
// where its parent is killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
