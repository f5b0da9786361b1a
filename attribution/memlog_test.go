package attribution

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"bidhawk/internal/eventlog"
)

// memLog is an eventlog.Log in memory, whose clock and faults a test chooses.
type memLog struct {
	mu         sync.Mutex
	partitions int32
	now        time.Time
	logs       map[partition][]eventlog.Record
	first      map[partition]int64 // retention deleted what is before
	grown      chan struct{}
	appendErr  error
	fetchErr   error // returned by the next fetch, once
}

func newMemLog(partitions int32) *memLog {
	return &memLog{
		partitions: partitions, now: t0, logs: map[partition][]eventlog.Record{},
		first: map[partition]int64{}, grown: make(chan struct{}),
	}
}

func (l *memLog) EnsureTopics(context.Context, ...eventlog.TopicConfig) error { return nil }
func (l *memLog) Close() error                                                { return nil }

func (l *memLog) Partitions(context.Context, string) (int32, error) { return l.partitions, nil }

func (l *memLog) Append(_ context.Context, msgs ...eventlog.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.appendErr != nil {
		return l.appendErr
	}
	for _, m := range msgs {
		l.put(m.Topic, m.Key, m.Value, l.now)
	}
	close(l.grown)
	l.grown = make(chan struct{})
	return nil
}

func (l *memLog) put(topic string, key, value []byte, at time.Time) {
	p := partition{topic, eventlog.PartitionOf(key, l.partitions)}
	l.logs[p] = append(l.logs[p], eventlog.Record{
		Topic: topic, Partition: p.n, Offset: int64(len(l.logs[p])), Time: at, Key: key, Value: value,
	})
}

func (l *memLog) Bounds(_ context.Context, topic string, n int32) (first, next int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := partition{topic, n}
	return l.first[p], int64(len(l.logs[p])), nil
}

func (l *memLog) Read(_ context.Context, topic string, n int32, offset int64) (eventlog.Reader, error) {
	return &memReader{log: l, p: partition{topic, n}, next: offset}, nil
}

// failAppends makes appends fail, or work again.
func (l *memLog) failAppends(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.appendErr = err
}

type memReader struct {
	log  *memLog
	p    partition
	next int64
	lag  int64
}

func (r *memReader) Fetch(ctx context.Context, max int) ([]eventlog.Record, error) {
	for {
		r.log.mu.Lock()
		if err := r.log.fetchErr; err != nil {
			r.log.fetchErr = nil
			r.log.mu.Unlock()
			return nil, err
		}
		all, grown := r.log.logs[r.p], r.log.grown
		if r.next < r.log.first[r.p] {
			r.log.mu.Unlock()
			return nil, fmt.Errorf("offset %d: %w", r.next, eventlog.ErrOffsetOutOfRange)
		}
		if r.next < int64(len(all)) {
			out := all[r.next:min(int64(len(all)), r.next+int64(max))]
			r.next += int64(len(out))
			r.lag = int64(len(all)) - r.next
			r.log.mu.Unlock()
			return append([]eventlog.Record(nil), out...), nil
		}
		r.log.mu.Unlock()
		select {
		case <-grown:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (r *memReader) Lag() int64   { return r.lag }
func (r *memReader) Close() error { return nil }

var errFlaky = errors.New("the network is down")
