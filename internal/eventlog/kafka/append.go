package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/eventlog/group"
)

// lane is a partition to append to; its committer has one produce under way.
type lane struct {
	topic     string
	partition int32
}

type laneCommitter struct {
	*group.Committer[part]
	trouble atomic.Pointer[error] // why the produce under way is being retried; nil: it is not
}

// part is what one Append has for one partition. Its bytes are a copy, since
// the connection may still read them after the caller gave up.
type part struct {
	records  []record
	bytes    int
	deadline time.Time // of its caller
}

type record struct {
	key, value []byte
	time       time.Time
}

const (
	// chunkBytes bounds one produce request below maxBatchBytes; the largest
	// message fits.
	chunkBytes = 980_000
	// recordOverhead is more than what a record adds to its key and value.
	recordOverhead = 48
	laneMaxCalls   = 4096
)

// Append implements eventlog.Log. Messages for several partitions go in
// parallel. It retries what may pass until ctx or RetryFor ends.
func (l *Log) Append(ctx context.Context, msgs ...eventlog.Message) error {
	for i := range msgs {
		if err := eventlog.Check(&msgs[i]); err != nil {
			return err
		}
	}
	ctx, cancelTimeout := context.WithTimeout(ctx, l.cfg.RetryFor)
	defer cancelTimeout()
	query, cancel, err := l.during(ctx)
	if err != nil {
		return err
	}
	parts, err := l.split(query, msgs)
	cancel()
	if err != nil {
		return l.closedOr(err)
	}
	// Not ended by Close: what its lane accepted may finish.
	if len(parts) == 1 {
		for to, p := range parts {
			return l.send(ctx, to, p)
		}
	}
	answers := make(chan error, len(parts))
	for to, p := range parts {
		go func() { answers <- l.send(ctx, to, p) }()
	}
	for range parts {
		err = errors.Join(err, <-answers)
	}
	return err
}

// split copies msgs into the parts of their partitions.
func (l *Log) split(ctx context.Context, msgs []eventlog.Message) (map[lane]*part, error) {
	size := 0
	for i := range msgs {
		size += len(msgs[i].Key) + len(msgs[i].Value)
	}
	buf := make([]byte, 0, size)
	keep := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		start := len(buf)
		buf = append(buf, b...)
		return buf[start:len(buf):len(buf)]
	}
	now := l.cfg.Clock()
	deadline, _ := ctx.Deadline()
	parts := make(map[lane]*part)
	for i := range msgs {
		m := &msgs[i]
		n, err := l.partitions(ctx, m.Topic)
		if err != nil {
			return nil, fmt.Errorf("append: %w", err)
		}
		to := lane{m.Topic, eventlog.PartitionOf(m.Key, n)}
		p := parts[to]
		if p == nil {
			p = &part{deadline: deadline}
			parts[to] = p
		}
		p.records = append(p.records, record{key: keep(m.Key), value: keep(m.Value), time: now})
		p.bytes += len(m.Key) + len(m.Value) + recordOverhead
	}
	return parts, nil
}

func (l *Log) send(ctx context.Context, to lane, p *part) error {
	c, err := l.committer(to)
	if err != nil {
		return err
	}
	err = c.Do(ctx, *p)
	switch {
	case errors.Is(err, group.ErrClosed):
		return eventlog.ErrClosed
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		if why := c.trouble.Load(); why != nil {
			err = fmt.Errorf("%w: %w", err, *why)
		}
		return l.wrap(fmt.Sprintf("append to topic %q partition %d", l.cfg.TopicPrefix+to.topic, to.partition), err)
	}
	return err
}

func (l *Log) committer(to lane) (*laneCommitter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.closed {
		return nil, eventlog.ErrClosed
	}
	c := l.mu.lanes[to]
	if c == nil {
		c = new(laneCommitter)
		c.Committer = group.New(group.Config[part]{
			Commit:   func(parts []part) error { return l.commit(to, &c.trouble, parts) },
			Size:     func(p part) int { return p.bytes },
			MaxItems: laneMaxCalls,
			MaxBytes: chunkBytes,
		})
		l.mu.lanes[to] = c
	}
	return c, nil
}

// commit runs on the lane's goroutine: it produces the records of all parts in
// order, one request after the other, until the last caller's deadline.
func (l *Log) commit(to lane, trouble *atomic.Pointer[error], parts []part) error {
	var records []record
	deadline := parts[0].deadline
	for _, p := range parts {
		records = append(records, p.records...)
		if p.deadline.After(deadline) {
			deadline = p.deadline
		}
	}
	ctx, cancel := context.WithDeadline(l.appending, deadline)
	defer cancel()
	for len(records) > 0 {
		n := chunk(records)
		if err := l.produce(ctx, to, trouble, records[:n]); err != nil {
			return l.closedOr(err)
		}
		records = records[n:]
	}
	return nil
}

// chunk is how many records fit one request: at least one.
func chunk(records []record) int {
	size := 0
	for i, r := range records {
		size += recordOverhead + len(r.key) + len(r.value)
		if i > 0 && size > chunkBytes {
			return i
		}
	}
	return len(records)
}

func (l *Log) produce(ctx context.Context, to lane, trouble *atomic.Pointer[error], records []record) error {
	name := l.cfg.TopicPrefix + to.topic
	what := fmt.Sprintf("append of %d records to topic %q partition %d", len(records), name, to.partition)
	return l.retry(ctx, what, func(ctx context.Context) error {
		res, err := l.client.Produce(ctx, &kafkago.ProduceRequest{
			Topic:        name,
			Partition:    int(to.partition),
			RequiredAcks: kafkago.RequireAll,
			Records:      recordSet(records),
		})
		if err == nil {
			err = res.Error
		}
		if err == nil {
			trouble.Store(nil)
		} else if !over(ctx) {
			trouble.Store(&err)
		}
		return err
	})
}

// recordSet is made anew for each try: a try that failed has consumed its set,
// or is still being read by a connection that was given up.
func recordSet(records []record) kafkago.RecordReader {
	out := make([]kafkago.Record, len(records))
	for i, r := range records {
		out[i] = kafkago.Record{Time: r.time, Key: kafkago.NewBytes(r.key), Value: kafkago.NewBytes(r.value)}
	}
	return kafkago.NewRecordReader(out...)
}
