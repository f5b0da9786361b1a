package eventlog_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/spill"
)

var errDown = errors.New("broker is down")

// weather is how a fakeLog treats an append.
type weather int

const (
	fine    weather = iota
	refuses         // appends nothing, answers an error
	partial         // appends the first half, answers an error
	hangs           // appends nothing, answers when the context ends
	late            // appends everything, but only after the caller gave up
)

// fakeLog is an event log in memory with weather. Only Append and Close do anything.
type fakeLog struct {
	eventlog.Log
	mu      sync.Mutex
	weather func() weather
	msgs    []eventlog.Message
	calls   int
}

func newFakeLog() *fakeLog { return &fakeLog{weather: func() weather { return fine }} }

func (l *fakeLog) set(w weather) { l.setFunc(func() weather { return w }) }

func (l *fakeLog) setFunc(f func() weather) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.weather = f
}

func (l *fakeLog) Append(ctx context.Context, msgs ...eventlog.Message) error {
	l.mu.Lock()
	l.calls++
	w := l.weather()
	l.mu.Unlock()
	switch w {
	case refuses:
		return errDown
	case partial:
		l.keep(msgs[:len(msgs)/2])
		return errDown
	case hangs:
		<-ctx.Done()
		return ctx.Err()
	case late:
		<-ctx.Done()
		l.keep(msgs)
		return ctx.Err()
	}
	l.keep(msgs)
	return nil
}

func (l *fakeLog) keep(msgs []eventlog.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range msgs {
		l.msgs = append(l.msgs, eventlog.Message{
			Topic: m.Topic, Key: append([]byte(nil), m.Key...), Value: append([]byte{}, m.Value...),
		})
	}
}

// values returns the values of key in the order of their first arrival.
func (l *fakeLog) values(key string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	seen := map[string]bool{}
	for _, m := range l.msgs {
		if v := string(m.Value); string(m.Key) == key && !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

func (l *fakeLog) appends() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}

const (
	money    = "money"
	auctions = "auctions"
)

// quick is a configuration for tests: everything in milliseconds.
func quick() eventlog.PublisherConfig {
	return eventlog.PublisherConfig{
		Topics:        []string{money, auctions},
		SpillAfter:    5 * time.Millisecond,
		OfferLinger:   time.Millisecond,
		RetryMin:      time.Millisecond,
		RetryMax:      2 * time.Millisecond,
		AppendTimeout: 5 * time.Millisecond,
	}
}

func openSpill(t testing.TB, fs vfs.FS, maxBytes int64) *spill.Queue {
	t.Helper()
	q, err := spill.Open(spill.Config{Dir: "spill", MaxBytes: maxBytes, FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}

func newPublisher(t testing.TB, cfg eventlog.PublisherConfig, log eventlog.Log, q *spill.Queue) *eventlog.Publisher {
	t.Helper()
	p, err := eventlog.NewPublisher(cfg, log, q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(context.Background()) })
	return p
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}
