//go:build !linux

package main

import "syscall"

// ownGroup keeps Ctrl-C from the child, which is stopped in order.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
