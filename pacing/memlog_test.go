package pacing

import (
	"context"
	"errors"
	"sync"
	"time"

	"bidhawk/internal/eventlog"
)

// memLog is an eventlog.Log in memory. fail makes the next appends fail after
// they have taken half of their messages; away makes every read fail.
type memLog struct {
	mu         sync.Mutex
	partitions int32
	topics     map[string][][]eventlog.Record
	grown      chan struct{} // closed and replaced with each append
	fail       int
	away       bool
	clock      func() time.Time
}

func newMemLog(partitions int32, clock func() time.Time) *memLog {
	return &memLog{partitions: partitions, topics: map[string][][]eventlog.Record{}, grown: make(chan struct{}), clock: clock}
}

func (m *memLog) topic(name string) [][]eventlog.Record {
	if m.topics[name] == nil {
		m.topics[name] = make([][]eventlog.Record, m.partitions)
	}
	return m.topics[name]
}

func (m *memLog) failNext(appends int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = appends
}

// goAway makes reads fail until the log comes back; those that wait fail now.
func (m *memLog) goAway(away bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = away
	close(m.grown)
	m.grown = make(chan struct{})
}

func (m *memLog) isAway() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return errors.New("the log is away")
	}
	return nil
}

func (m *memLog) EnsureTopics(context.Context, ...eventlog.TopicConfig) error { return nil }

func (m *memLog) Append(_ context.Context, msgs ...eventlog.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	failing := m.fail > 0
	if failing {
		m.fail--
		msgs = msgs[:len(msgs)/2]
	}
	for _, msg := range msgs {
		ps := m.topic(msg.Topic)
		p := eventlog.PartitionOf(msg.Key, m.partitions)
		ps[p] = append(ps[p], eventlog.Record{Topic: msg.Topic, Partition: p, Offset: int64(len(ps[p])), Time: m.clock(), Key: msg.Key, Value: msg.Value})
	}
	close(m.grown)
	m.grown = make(chan struct{})
	if failing {
		return errors.New("the log is away")
	}
	return nil
}

func (m *memLog) Partitions(context.Context, string) (int32, error) { return m.partitions, nil }

func (m *memLog) Bounds(_ context.Context, topic string, p int32) (int64, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return 0, int64(len(m.topic(topic)[p])), nil
}

func (m *memLog) Read(_ context.Context, topic string, p int32, offset int64) (eventlog.Reader, error) {
	if err := m.isAway(); err != nil {
		return nil, err
	}
	return &memReader{m: m, topic: topic, p: p, next: max(offset, 0)}, nil
}

func (m *memLog) Close() error { return nil }

func (m *memLog) records(topic string) (out []eventlog.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.topic(topic) {
		out = append(out, p...)
	}
	return out
}

type memReader struct {
	m     *memLog
	topic string
	p     int32
	next  int64
}

func (r *memReader) Fetch(ctx context.Context, limit int) ([]eventlog.Record, error) {
	for {
		if err := r.m.isAway(); err != nil {
			return nil, err
		}
		r.m.mu.Lock()
		recs := r.m.topic(r.topic)[r.p]
		grown := r.m.grown
		if r.next < int64(len(recs)) {
			out := append([]eventlog.Record(nil), recs[r.next:min(int64(len(recs)), r.next+int64(limit))]...)
			r.next += int64(len(out))
			r.m.mu.Unlock()
			return out, nil
		}
		r.m.mu.Unlock()
		select {
		case <-grown:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (r *memReader) Lag() int64   { return 0 }
func (r *memReader) Close() error { return nil }
