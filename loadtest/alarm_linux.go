package loadtest

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// timerAlarm sleeps on a timerfd. The runtime's own timers wake an idle process
// to the millisecond, because its poller counts in those; at 5,000 requests/s
// that is five requests too late. A timerfd wakes the poller on its instant.
type timerAlarm struct {
	file *os.File
	buf  [8]byte
}

func newAlarm() (alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create timer: %w", err)
	}
	return &timerAlarm{file: os.NewFile(uintptr(fd), "timerfd")}, nil
}

func (a *timerAlarm) sleep(ctx context.Context, d time.Duration) {
	if d > maxSleep {
		pause(ctx, d-maxSleep/2) // long sleeps must end with ctx
		return
	}
	raw, err := a.file.SyscallConn()
	if err != nil {
		pause(ctx, d)
		return
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(int64(d), 1))}
	set := raw.Control(func(fd uintptr) { err = unix.TimerfdSettime(int(fd), 0, &spec, nil) })
	if set != nil || err != nil {
		pause(ctx, d)
		return
	}
	if _, err := a.file.Read(a.buf[:]); err != nil {
		pause(ctx, d)
	}
}

func (a *timerAlarm) close() error { return a.file.Close() }
