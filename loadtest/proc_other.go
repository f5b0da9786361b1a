//go:build !linux

package loadtest

import (
	"errors"
	"fmt"
	"time"
)

// processCPU needs Linux's /proc.
func processCPU(pid int) (time.Duration, error) {
	return 0, fmt.Errorf("CPU time of process %d: %w: it is read from Linux's /proc", pid, errors.ErrUnsupported)
}

func listenerPID(addr string) (int, error) {
	return 0, fmt.Errorf("process listening on %s: %w: it is found by Linux's /proc", addr, errors.ErrUnsupported)
}
