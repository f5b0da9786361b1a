// Package logtest is the contract of eventlog.Log as tests. Every backend runs
// the same suite.
package logtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"bidhawk/internal/eventlog"
)

// Suite says how to get a log to test.
type Suite struct {
	// Open returns an empty log of its own for each call; the suite closes it.
	Open func(t *testing.T) eventlog.Log
	// Reopen closes l and opens what it stored again.
	Reopen func(t *testing.T, l eventlog.Log) eventlog.Log
	// Patience bounds every wait; 0 is 20 seconds.
	Patience time.Duration
}

const (
	plain     = "plain"     // 4 partitions, kept forever
	compacted = "compacted" // 2 partitions
	single    = "single"    // 1 partition
)

func topics() []eventlog.TopicConfig {
	return []eventlog.TopicConfig{
		{Name: plain, Partitions: 4},
		{Name: compacted, Partitions: 2, Compacted: true},
		{Name: single, Partitions: 1, Retention: 24 * time.Hour},
	}
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	if s.Patience == 0 {
		s.Patience = 20 * time.Second
	}
	for _, c := range []struct {
		name string
		f    func(*harness)
	}{
		{"Contents", contents},
		{"OrderPerKey", orderPerKey},
		{"LargeAppend", largeAppend},
		{"ArgumentsAreNotRetained", argumentsNotRetained},
		{"Bounds", bounds},
		{"Offsets", offsets},
		{"FetchMaxAndLag", fetchMaxAndLag},
		{"TailBlocksAndWakes", tailBlocksAndWakes},
		{"TailUnblocks", tailUnblocks},
		{"Concurrency", concurrency},
		{"Refusals", refusals},
		{"UnknownTopic", unknownTopic},
		{"EnsureTopics", ensureTopics},
		{"Reopen", reopen},
		{"Close", closed},
		{"EndedContext", endedContext},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), s.Patience)
			defer cancel()
			h := &harness{T: t, suite: s, ctx: ctx, log: s.Open(t)}
			defer func() {
				if err := h.log.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}()
			if err := h.log.EnsureTopics(ctx, topics()...); err != nil {
				t.Fatalf("ensure topics: %v", err)
			}
			c.f(h)
		})
	}
}

// harness is one log under test.
type harness struct {
	*testing.T
	suite Suite
	ctx   context.Context
	log   eventlog.Log
}

func (h *harness) append(msgs ...eventlog.Message) {
	h.Helper()
	if err := h.log.Append(h.ctx, msgs...); err != nil {
		h.Fatalf("append %d messages: %v", len(msgs), err)
	}
}

func (h *harness) reader(topic string, partition int32, offset int64) eventlog.Reader {
	h.Helper()
	r, err := h.log.Read(h.ctx, topic, partition, offset)
	if err != nil {
		h.Fatalf("read %s/%d at %d: %v", topic, partition, offset, err)
	}
	h.Cleanup(func() { r.Close() })
	return r
}

// take fetches exactly n records.
func (h *harness) take(r eventlog.Reader, n int) []eventlog.Record {
	h.Helper()
	var got []eventlog.Record
	for len(got) < n {
		more, err := r.Fetch(h.ctx, n-len(got))
		if err != nil {
			h.Fatalf("fetch after %d of %d records: %v", len(got), n, err)
		}
		if len(more) == 0 || len(more) > n-len(got) {
			h.Fatalf("fetch returned %d records; want 1 to %d", len(more), n-len(got))
		}
		got = append(got, more...)
	}
	return got
}

// all reads everything that topic holds now, partition by partition.
func (h *harness) all(topic string) []eventlog.Record {
	h.Helper()
	n, err := h.log.Partitions(h.ctx, topic)
	if err != nil {
		h.Fatalf("partitions of %s: %v", topic, err)
	}
	var got []eventlog.Record
	for p := range n {
		_, next, err := h.log.Bounds(h.ctx, topic, p)
		if err != nil {
			h.Fatalf("bounds of %s/%d: %v", topic, p, err)
		}
		r := h.reader(topic, p, eventlog.FirstOffset)
		for last := int64(-1); last+1 < next; {
			more, err := r.Fetch(h.ctx, 100)
			if err != nil {
				h.Fatalf("fetch %s/%d after %d of %d: %v", topic, p, last, next, err)
			}
			for _, rec := range more {
				if rec.Offset <= last || rec.Topic != topic || rec.Partition != p {
					h.Fatalf("record %s/%d@%d after offset %d of %s/%d", rec.Topic, rec.Partition, rec.Offset, last, topic, p)
				}
				last = rec.Offset
			}
			got = append(got, more...)
		}
	}
	return got
}

func (h *harness) wantError(what string, err, want error) {
	h.Helper()
	if !errors.Is(err, want) {
		h.Errorf("%s: got error %v; want %v", what, err, want)
	}
}

// wait bounds a test that must not block for ever.
func (h *harness) wait(what string, done <-chan struct{}) {
	h.Helper()
	select {
	case <-done:
	case <-h.ctx.Done():
		h.Fatalf("%s did not happen in %v", what, h.suite.Patience)
	}
}

func message(topic, key, value string) eventlog.Message {
	return eventlog.Message{Topic: topic, Key: []byte(key), Value: []byte(value)}
}

func random(n int, seed uint64) []byte {
	b := make([]byte, n)
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func numbered(topic string, key string, from, n int) []eventlog.Message {
	msgs := make([]eventlog.Message, n)
	for i := range msgs {
		msgs[i] = message(topic, key, fmt.Sprintf("%s %06d", key, from+i))
	}
	return msgs
}
