package profiles

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/local"
	"bidhawk/internal/ids"
)

// openLog is the real local log with the topics of the house, in memory.
func openLog(t testing.TB, fs vfs.FS, partitions int32) *local.Log {
	t.Helper()
	l, err := local.Open(local.Config{Dir: "log", FS: fs, Clock: func() time.Time { return testNow }, MaintainEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil && !errors.Is(err, eventlog.ErrClosed) {
			t.Errorf("close log: %v", err)
		}
	})
	if err := l.EnsureTopics(t.Context(), eventlog.Topics(partitions)...); err != nil {
		t.Fatal(err)
	}
	return l
}

// flakyLog fails some appends, after having appended or without, as the
// contract allows.
type flakyLog struct {
	eventlog.Log
	fail func() (before, after bool)
}

var errFlaky = errors.New("broker away")

func (l flakyLog) Append(ctx context.Context, msgs ...eventlog.Message) error {
	before, after := l.fail()
	if before {
		return errFlaky
	}
	if err := l.Log.Append(ctx, msgs...); err != nil {
		return err
	}
	if after {
		return errFlaky
	}
	return nil
}

// testNumbers is a taxonomy of a few tags.
type testNumbers map[string]campaigns.TagNumber

func (n testNumbers) Number(path string) (campaigns.TagNumber, bool) {
	v, ok := n[path]
	return v, ok
}

var someTags = testNumbers{"auto": 1, "auto/suv": 2, "travel": 3, "list/vip": 1<<31 | 77, "list/\"odd\" é": 1<<31 | 78}

func appendFull(t testing.TB, l eventlog.Log, f Full) {
	t.Helper()
	_, m := f.appendMessage(nil)
	appendAll(t, l, m)
}

func appendAll(t testing.TB, l eventlog.Log, msgs ...eventlog.Message) {
	t.Helper()
	if err := l.Append(t.Context(), msgs...); err != nil {
		t.Fatal(err)
	}
}

func userKey(u ids.UserKey) []byte { return appendUser(nil, u) }

// eventually waits until ok; nothing depends on how long it sleeps between.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// runner runs a Feed or Builder until the returned stop, which waits for it.
func runner(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}
