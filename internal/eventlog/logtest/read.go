package logtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"bidhawk/internal/eventlog"
)

func (h *harness) bounds(topic string, p int32) ([2]int64, error) {
	first, next, err := h.log.Bounds(h.ctx, topic, p)
	return [2]int64{first, next}, err
}

func bounds(h *harness) {
	f := func(topic string, p int32, first, next int64) {
		h.Helper()
		got, err := h.bounds(topic, p)
		if err != nil || got != [2]int64{first, next} {
			h.Errorf("bounds of %s/%d are %v, error %v; want [%d %d]", topic, p, got, err, first, next)
		}
	}
	for p := range int32(4) {
		f(plain, p, 0, 0)
	}
	h.append(numbered(single, "a", 0, 3)...)
	f(single, 0, 0, 3)
	h.append(numbered(plain, "a", 0, 5)...)
	for p := range int32(4) {
		if p == eventlog.PartitionOf([]byte("a"), 4) {
			f(plain, p, 0, 5)
		} else {
			f(plain, p, 0, 0)
		}
	}
	f(single, 0, 0, 3)
}

func offsets(h *harness) {
	h.append(numbered(single, "a", 0, 10)...)
	f := func(offset int64, want string) {
		h.Helper()
		r := h.take(h.reader(single, 0, offset), 1)[0]
		if string(r.Value) != want {
			h.Errorf("first record at offset %d is %q; want %q", offset, r.Value, want)
		}
	}
	f(eventlog.FirstOffset, "a 000000")
	f(0, "a 000000")
	f(4, "a 000004")
	f(9, "a 000009")
	atEnd, tail := h.reader(single, 0, 10), h.reader(single, 0, eventlog.NextOffset)
	h.append(numbered(single, "a", 10, 1)...)
	for _, r := range []eventlog.Reader{atEnd, tail} {
		if got := h.take(r, 1)[0]; string(got.Value) != "a 000010" || got.Offset != 10 {
			h.Errorf("reader at the end got %q at offset %d; want what was appended after it", got.Value, got.Offset)
		}
	}
	for _, bad := range []int64{12, 1 << 40, -3} {
		_, err := h.log.Read(h.ctx, single, 0, bad)
		h.wantError(fmt.Sprintf("read at offset %d of 11", bad), err, eventlog.ErrOffsetOutOfRange)
	}
}

func fetchMaxAndLag(h *harness) {
	h.append(numbered(single, "a", 0, 25)...)
	r := h.reader(single, 0, eventlog.FirstOffset)
	next := int64(0)
	for _, max := range []int{1, 10, 3} {
		rs, err := r.Fetch(h.ctx, max)
		if err != nil {
			h.Fatal(err)
		}
		if len(rs) == 0 || len(rs) > max || rs[0].Offset != next {
			h.Fatalf("fetch of at most %d returned %d records from %d; want some from %d", max, len(rs), rs[0].Offset, next)
		}
		next += int64(len(rs))
		if want := 25 - next; r.Lag() != want {
			h.Errorf("lag after offset %d is %d; want %d", next-1, r.Lag(), want)
		}
	}
	h.take(r, int(25-next))
	if r.Lag() != 0 {
		h.Errorf("lag at the end is %d; want 0", r.Lag())
	}
}

func tailBlocksAndWakes(h *harness) {
	r := h.reader(single, 0, eventlog.NextOffset)
	// It blocks: a deadline is the only thing that ends it.
	short, cancel := context.WithTimeout(h.ctx, 100*time.Millisecond)
	defer cancel()
	if rs, err := r.Fetch(short, 10); !errors.Is(err, context.DeadlineExceeded) {
		h.Fatalf("fetch at the end returned %d records, error %v; want it to wait for the deadline", len(rs), err)
	}
	// It wakes, again and again, and sees each append soon.
	for i := range 20 {
		got := make(chan []eventlog.Record, 1)
		go func() {
			rs, err := r.Fetch(h.ctx, 10)
			if err != nil {
				h.Errorf("fetch %d: %v", i, err)
			}
			got <- rs
		}()
		h.append(numbered(single, "a", i, 1)...)
		select {
		case rs := <-got:
			if len(rs) != 1 || rs[0].Offset != int64(i) {
				h.Fatalf("fetch %d woke with %d records", i, len(rs))
			}
		case <-h.ctx.Done():
			h.Fatalf("fetch %d did not wake", i)
		}
	}
}

func tailUnblocks(h *harness) {
	f := func(what string, unblock func(eventlog.Reader, context.CancelFunc), want error) {
		h.Helper()
		r := h.reader(single, 0, eventlog.NextOffset)
		ctx, cancel := context.WithCancel(h.ctx)
		defer cancel()
		done := make(chan struct{})
		var err error
		go func() {
			defer close(done)
			_, err = r.Fetch(ctx, 1)
		}()
		unblock(r, cancel)
		h.wait("fetch ending by "+what, done)
		h.wantError("fetch ended by "+what, err, want)
	}
	f("its context", func(_ eventlog.Reader, cancel context.CancelFunc) { cancel() }, context.Canceled)
	f("closing the reader", func(r eventlog.Reader, _ context.CancelFunc) { r.Close() }, eventlog.ErrClosed)
	f("closing the log", func(eventlog.Reader, context.CancelFunc) { h.log.Close() }, eventlog.ErrClosed)
}

func reopen(h *harness) {
	if h.suite.Reopen == nil {
		h.Skip("this backend's suite cannot reopen")
	}
	h.append(numbered(plain, "a", 0, 30)...)
	h.append(eventlog.Message{Topic: compacted, Key: []byte("gone")})
	p := eventlog.PartitionOf([]byte("a"), 4)
	before, _ := h.bounds(plain, p)
	h.log = h.suite.Reopen(h.T, h.log)

	if err := h.log.EnsureTopics(h.ctx, topics()...); err != nil {
		h.Fatalf("ensure topics again: %v", err)
	}
	err := h.log.EnsureTopics(h.ctx, eventlog.TopicConfig{Name: plain, Partitions: 8})
	h.wantError("another partition count after reopening", err, eventlog.ErrPartitionCount)
	if after, err := h.bounds(plain, p); after != before || err != nil {
		h.Errorf("bounds after reopening are %v, error %v; want %v", after, err, before)
	}
	h.append(numbered(plain, "a", 30, 1)...)
	h.wantSequences(h.all(plain), 1, 31)
	// A consumer goes on where its own state says.
	if r := h.take(h.reader(plain, p, before[1]), 1)[0]; string(r.Value) != "a 000030" {
		h.Errorf("reader resumed at offset %d got %q", before[1], r.Value)
	}
	if rs := h.all(compacted); len(rs) != 1 || rs[0].Value != nil {
		h.Errorf("the tombstone came back as %v", rs)
	}
}

func closed(h *harness) {
	h.append(numbered(single, "a", 0, 1)...)
	r := h.reader(single, 0, 0)
	if err := h.log.Close(); err != nil {
		h.Fatalf("close: %v", err)
	}
	if err := h.log.Close(); err != nil {
		h.Errorf("second close: %v", err)
	}
	h.wantError("append", h.log.Append(h.ctx, message(single, "k", "v")), eventlog.ErrClosed)
	h.wantError("ensure", h.log.EnsureTopics(h.ctx, topics()...), eventlog.ErrClosed)
	_, err := h.log.Partitions(h.ctx, single)
	h.wantError("partitions", err, eventlog.ErrClosed)
	_, err = h.bounds(single, 0)
	h.wantError("bounds", err, eventlog.ErrClosed)
	_, err = h.log.Read(h.ctx, single, 0, 0)
	h.wantError("read", err, eventlog.ErrClosed)
	_, err = r.Fetch(h.ctx, 1)
	h.wantError("fetch", err, eventlog.ErrClosed)
	if err := r.Close(); err != nil {
		h.Errorf("close reader: %v", err)
	}
	if err := r.Close(); err != nil {
		h.Errorf("close reader twice: %v", err)
	}

	// Close while everybody is busy: nobody hangs, and the only error is ErrClosed.
	h.log = h.suite.Open(h.T)
	if err := h.log.EnsureTopics(h.ctx, topics()...); err != nil {
		h.Fatal(err)
	}
	var busy sync.WaitGroup
	started := make(chan struct{}, 8)
	for a := range 8 {
		busy.Go(func() {
			for i := 0; ; i++ {
				if err := h.log.Append(h.ctx, numbered(single, fmt.Sprint(a), i, 1)...); err != nil {
					h.wantError("append during close", err, eventlog.ErrClosed)
					return
				}
				if i == 0 {
					started <- struct{}{}
				}
			}
		})
	}
	for range 8 {
		<-started
	}
	if err := h.log.Close(); err != nil {
		h.Errorf("close while busy: %v", err)
	}
	busy.Wait()
}

func endedContext(h *harness) {
	r := h.reader(single, 0, eventlog.FirstOffset)
	ctx, cancel := context.WithCancel(h.ctx)
	cancel()
	h.wantError("append", h.log.Append(ctx, message(single, "k", "v")), context.Canceled)
	_, _, err := h.log.Bounds(ctx, single, 0)
	h.wantError("bounds", err, context.Canceled)
	_, err = h.log.Read(ctx, single, 0, 0)
	h.wantError("read", err, context.Canceled)
	_, err = r.Fetch(ctx, 1)
	h.wantError("fetch", err, context.Canceled)
	if got, _ := h.bounds(single, 0); got != [2]int64{0, 0} {
		h.Errorf("an append with an ended context left bounds %v", got)
	}
	// The reader survives a fetch that was given up.
	h.append(numbered(single, "a", 0, 1)...)
	h.take(r, 1)
}
