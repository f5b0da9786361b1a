package profiles

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"bidhawk/internal/eventlog"
)

// How a partition is read.
const (
	maxFetch   = 1000 // records of one batch
	backoffMin = 50 * time.Millisecond
	backoffMax = 5 * time.Second
	// idleFetch is how long a partition that has not caught up waits for a
	// record before it believes a reader that says there is none: on Kafka the
	// last offsets need not be records.
	idleFetch = 5 * time.Second
)

// fatalError is a fault of the node's own store: reading on would lose the
// order of offsets. Faults of the log are retried instead.
type fatalError struct{ err error }

func (e fatalError) Error() string { return e.err.Error() }
func (e fatalError) Unwrap() error { return e.err }

func fatal(err error) error {
	if err == nil {
		return nil
	}
	return fatalError{err}
}

// progress is how far a partition has been applied. One goroutine writes it,
// any may read it.
type progress struct {
	lag      atomic.Int64
	caughtUp atomic.Bool
	retries  atomic.Uint64
}

// consumer applies one partition in order.
type consumer struct {
	log       eventlog.Log
	store     *Store
	topic     string
	partition int32
	// handle applies records and commits the offset after the last of them.
	handle   func(ctx context.Context, recs []eventlog.Record) error
	progress *progress
	target   int64 // where the partition ended when the consumer first saw it; -1 before
	backoff  time.Duration
}

// run reads until ctx ends (nil), or the store or the log is closed or broken.
func (c *consumer) run(ctx context.Context) error {
	c.target, c.backoff = -1, backoffMin
	for {
		err := c.read(ctx)
		var f fatalError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &f), errors.Is(err, eventlog.ErrClosed):
			return fmt.Errorf("consume %s/%d: %w", c.topic, c.partition, err)
		}
		c.progress.retries.Add(1)
		if !pause(ctx, c.backoff) {
			return nil
		}
		c.backoff = min(2*c.backoff, backoffMax)
	}
}

// pause waits for d; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// read opens the partition at the stored offset and applies what comes.
func (c *consumer) read(ctx context.Context) (err error) {
	offset, err := c.start(ctx)
	if err != nil {
		return err
	}
	reader, err := c.log.Read(ctx, c.topic, c.partition, offset)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	for {
		recs, err := c.fetch(ctx, reader)
		if err != nil {
			return err
		}
		if len(recs) == 0 { // idle before it caught up
			if _, _, err := c.log.Bounds(ctx, c.topic, c.partition); err != nil {
				return err // the log is away: silence says nothing
			}
		} else if err := c.handle(ctx, recs); err != nil {
			return err
		} else {
			c.backoff = backoffMin
			offset = recs[len(recs)-1].Offset + 1
		}
		lag := reader.Lag()
		c.progress.lag.Store(lag)
		if lag == 0 || offset >= c.target {
			c.progress.caughtUp.Store(true)
		}
	}
}

// start is the offset to read from: the stored one, or the first held where
// there is none or the log does not hold it (it was cut off, or made anew).
func (c *consumer) start(ctx context.Context) (int64, error) {
	first, next, err := c.log.Bounds(ctx, c.topic, c.partition)
	if err != nil {
		return 0, err
	}
	offset, ok, err := c.store.Offset(c.topic, c.partition)
	if err != nil {
		return 0, fatal(err)
	}
	if !ok || offset < first || offset > next {
		offset = first
	}
	if c.target < 0 {
		c.target = next
	}
	c.progress.lag.Store(next - offset)
	if offset >= c.target {
		c.progress.caughtUp.Store(true)
	}
	return offset, nil
}

// fetch waits for records; it may return none while the partition has not
// caught up.
func (c *consumer) fetch(ctx context.Context, r eventlog.Reader) ([]eventlog.Record, error) {
	if c.progress.caughtUp.Load() {
		return r.Fetch(ctx, maxFetch)
	}
	short, cancel := context.WithTimeout(ctx, idleFetch)
	defer cancel()
	recs, err := r.Fetch(short, maxFetch)
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		return nil, nil // idle: the caller looks at the lag
	}
	return recs, err
}

// partitionsOf asks the log, again and again until ctx ends: a node must start
// while the log is away.
func partitionsOf(ctx context.Context, log eventlog.Log, topic string) (int32, error) {
	for backoff := backoffMin; ; backoff = min(2*backoff, backoffMax) {
		n, err := log.Partitions(ctx, topic)
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, eventlog.ErrClosed), errors.Is(err, eventlog.ErrUnknownTopic):
			return 0, fmt.Errorf("partitions of %s: %w", topic, err)
		}
		if !pause(ctx, backoff) {
			return 0, ctx.Err()
		}
	}
}
