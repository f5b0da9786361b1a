package attribution

import (
	"syscall"
	"time"
)

// cpuTime is what the process has used, of the user's and the system's: on a machine
// that others use too it says more than a clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
