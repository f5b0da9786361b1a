package logtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"bidhawk/internal/eventlog"
)

func contents(h *harness) {
	big := random(300<<10, 7)
	in := []eventlog.Message{
		{Topic: plain, Key: []byte("k"), Value: []byte("v")},
		{Topic: plain, Key: []byte{0}, Value: []byte{0, 1, 255}},
		{Topic: plain, Key: []byte("empty"), Value: []byte{}},
		{Topic: plain, Key: []byte("tombstone"), Value: nil},
		{Topic: plain, Key: random(1000, 1), Value: big},
		{Topic: compacted, Key: []byte("user"), Value: nil},
	}
	h.append(in...)
	got := append(h.all(plain), h.all(compacted)...)
	if len(got) != len(in) {
		h.Fatalf("read %d records; appended %d", len(got), len(in))
	}
	for _, m := range in {
		i := slices.IndexFunc(got, func(r eventlog.Record) bool { return r.Topic == m.Topic && bytes.Equal(r.Key, m.Key) })
		if i < 0 {
			h.Errorf("key %.20q is missing", m.Key)
			continue
		}
		r := got[i]
		if !bytes.Equal(r.Value, m.Value) || (r.Value == nil) != (m.Value == nil) {
			h.Errorf("key %.20q: read value %.20q (nil %t); appended %.20q (nil %t)", m.Key, r.Value, r.Value == nil, m.Value, m.Value == nil)
		}
		n, _ := h.log.Partitions(h.ctx, m.Topic)
		if want := eventlog.PartitionOf(m.Key, n); r.Partition != want {
			h.Errorf("key %.20q is in partition %d; want %d", m.Key, r.Partition, want)
		}
		if r.Time.Year() < 2000 {
			h.Errorf("key %.20q has time %v", m.Key, r.Time)
		}
	}
}

// orderPerKey interleaves keys within and across appends.
func orderPerKey(h *harness) {
	const keys, appends = 20, 25
	for a := range appends {
		var msgs []eventlog.Message
		for k := range keys {
			msgs = append(msgs, numbered(plain, fmt.Sprintf("key-%d", k), 2*a, 2)...)
		}
		h.append(msgs...)
	}
	h.wantSequences(h.all(plain), keys, 2*appends)
}

// wantSequences checks that records hold, for each of keys keys, its n numbered
// messages in order, and nothing else.
func (h *harness) wantSequences(records []eventlog.Record, keys, n int) {
	h.Helper()
	seen := map[string]int{}
	for _, r := range records {
		key := string(r.Key)
		if want := fmt.Sprintf("%s %06d", key, seen[key]); string(r.Value) != want {
			h.Fatalf("partition %d offset %d has %q; want %q", r.Partition, r.Offset, r.Value, want)
		}
		seen[key]++
	}
	if len(seen) != keys {
		h.Errorf("read %d keys; want %d", len(seen), keys)
	}
	for key, got := range seen {
		if got != n {
			h.Errorf("key %s has %d records; want %d", key, got, n)
		}
	}
}

// largeAppend is more than one protocol message can carry.
func largeAppend(h *harness) {
	const n = 6000
	pad := random(600, 3)
	msgs := make([]eventlog.Message, n)
	for i := range msgs {
		msgs[i] = eventlog.Message{Topic: single, Key: fmt.Append(nil, i), Value: append(fmt.Appendf(nil, "%06d", i), pad...)}
	}
	h.append(msgs...)
	got := h.take(h.reader(single, 0, eventlog.FirstOffset), n)
	for i, r := range got {
		if want := fmt.Sprintf("%06d", i); string(r.Value[:6]) != want || !bytes.Equal(r.Value[6:], pad) {
			h.Fatalf("record %d is %.20q; want %s and the padding", i, r.Value, want)
		}
	}
}

func argumentsNotRetained(h *harness) {
	key, value := []byte("key"), []byte("value one")
	h.append(eventlog.Message{Topic: single, Key: key, Value: value})
	copy(key, "xxx")
	copy(value, "scribbled")
	rs := h.take(h.reader(single, 0, 0), 1)
	if string(rs[0].Key) != "key" || string(rs[0].Value) != "value one" {
		h.Errorf("read %q=%q after the caller reused its buffers", rs[0].Key, rs[0].Value)
	}
	// The records are the reader's to change.
	copy(rs[0].Value, "scribbled")
	if again := h.take(h.reader(single, 0, 0), 1); string(again[0].Value) != "value one" {
		h.Errorf("a second reader sees %q, which the first one wrote", again[0].Value)
	}
}

// concurrency: many appenders and tailing readers; every record once, in order.
func concurrency(h *harness) {
	const appenders, each = 16, 40
	n, err := h.log.Partitions(h.ctx, plain)
	if err != nil {
		h.Fatal(err)
	}
	ctx, cancel := context.WithCancel(h.ctx)
	defer cancel()
	var (
		mu      sync.Mutex
		got     []eventlog.Record
		readers sync.WaitGroup
	)
	for p := range n {
		r := h.reader(plain, p, eventlog.FirstOffset)
		readers.Go(func() {
			for {
				records, err := r.Fetch(ctx, 7)
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						h.Errorf("tail of partition %d: %v", p, err)
					}
					return
				}
				mu.Lock()
				got = append(got, records...)
				if len(got) >= appenders*each {
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	var appending sync.WaitGroup
	for a := range appenders {
		appending.Go(func() {
			for i := range each {
				if err := h.log.Append(h.ctx, numbered(plain, fmt.Sprintf("appender-%d", a), i, 1)...); err != nil {
					h.Errorf("appender %d: %v", a, err)
				}
			}
		})
	}
	appending.Wait()
	readers.Wait()
	h.wantSequences(got, appenders, each)
	h.wantSequences(h.all(plain), appenders, each)
}

// refusals: one bad message refuses the whole append, before anything is written.
func refusals(h *harness) {
	good := message(single, "k", "v")
	f := func(what string, bad eventlog.Message, want error) {
		h.Helper()
		h.wantError(what, h.log.Append(h.ctx, good, bad), want)
	}
	f("one byte too large", eventlog.Message{Topic: single, Key: []byte("k"), Value: random(eventlog.MaxMessageBytes, 2)}, eventlog.ErrTooLarge)
	f("no key", eventlog.Message{Topic: single, Value: []byte("v")}, eventlog.ErrNoKey)
	f("no topic", eventlog.Message{Key: []byte("k")}, eventlog.ErrUnknownTopic)
	if got, _ := h.bounds(single, 0); got != [2]int64{0, 0} {
		h.Errorf("after refusals the partition holds %v; want nothing", got)
	}
	h.append(eventlog.Message{Topic: single, Key: []byte("k"), Value: random(eventlog.MaxMessageBytes-1, 2)})
	if err := h.log.Append(h.ctx); err != nil {
		h.Errorf("append of nothing: %v", err)
	}
	if _, err := h.log.Read(h.ctx, single, 0, 0); err != nil {
		h.Errorf("read after refusals: %v", err)
	}
	r := h.reader(single, 0, 0)
	if _, err := r.Fetch(h.ctx, 0); err == nil {
		h.Error("fetch of at most 0 records succeeded")
	}
	if rs := h.take(r, 1); len(rs[0].Value) != eventlog.MaxMessageBytes-1 {
		h.Errorf("the largest message came back with %d bytes", len(rs[0].Value))
	}
}

func unknownTopic(h *harness) {
	const missing = "missing"
	_, err := h.log.Partitions(h.ctx, missing)
	h.wantError("partitions", err, eventlog.ErrUnknownTopic)
	_, _, err = h.log.Bounds(h.ctx, missing, 0)
	h.wantError("bounds", err, eventlog.ErrUnknownTopic)
	_, err = h.log.Read(h.ctx, missing, 0, 0)
	h.wantError("read", err, eventlog.ErrUnknownTopic)
	h.wantError("append", h.log.Append(h.ctx, message(missing, "k", "v")), eventlog.ErrUnknownTopic)
	for _, p := range []int32{-1, 1, 99} {
		_, _, err = h.log.Bounds(h.ctx, single, p)
		h.wantError(fmt.Sprintf("bounds of partition %d", p), err, eventlog.ErrUnknownTopic)
		_, err = h.log.Read(h.ctx, single, p, 0)
		h.wantError(fmt.Sprintf("read of partition %d", p), err, eventlog.ErrUnknownTopic)
	}
	// Asking must not have made it.
	_, err = h.log.Partitions(h.ctx, missing)
	h.wantError("partitions again", err, eventlog.ErrUnknownTopic)
}

func ensureTopics(h *harness) {
	if err := h.log.EnsureTopics(h.ctx, topics()...); err != nil {
		h.Errorf("the same topics again: %v", err)
	}
	for _, t := range topics() {
		if n, err := h.log.Partitions(h.ctx, t.Name); err != nil || n != t.Partitions {
			h.Errorf("%s has %d partitions, error %v; want %d", t.Name, n, err, t.Partitions)
		}
	}
	err := h.log.EnsureTopics(h.ctx, eventlog.TopicConfig{Name: plain, Partitions: 5})
	h.wantError("4 partitions as 5", err, eventlog.ErrPartitionCount)
	err = h.log.EnsureTopics(h.ctx, eventlog.TopicConfig{Name: plain, Partitions: 3})
	h.wantError("4 partitions as 3", err, eventlog.ErrPartitionCount)
	f := func(what string, c eventlog.TopicConfig) {
		h.Helper()
		if err := h.log.EnsureTopics(h.ctx, c); err == nil {
			h.Errorf("%s was accepted", what)
		}
	}
	f("no name", eventlog.TopicConfig{Partitions: 1})
	f("no partitions", eventlog.TopicConfig{Name: "fresh"})
	f("negative retention", eventlog.TopicConfig{Name: "fresh", Partitions: 1, Retention: -time.Second})
	f("a compacted topic as a plain one", eventlog.TopicConfig{Name: compacted, Partitions: 2})
	f("a plain topic as a compacted one", eventlog.TopicConfig{Name: plain, Partitions: 4, Compacted: true})
}
