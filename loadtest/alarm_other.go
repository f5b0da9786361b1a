//go:build !linux

package loadtest

import (
	"context"
	"time"
)

type runtimeAlarm struct{}

func newAlarm() (alarm, error) { return runtimeAlarm{}, nil }

func (runtimeAlarm) sleep(ctx context.Context, d time.Duration) { pause(ctx, d) }

func (runtimeAlarm) close() error { return nil }
