package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"bidhawk/internal/eventlog"
)

// fetchMaxBytes ends a Fetch early: a thousand records may be a gigabyte.
const fetchMaxBytes = 4 << 20

// reader implements eventlog.Reader.
type reader struct {
	log    *Log
	part   *partition
	next   int64 // the offset to read next
	lag    int64
	closed chan struct{}
	once   sync.Once
}

// Read implements eventlog.Log.
func (l *Log) Read(ctx context.Context, name string, id int32, offset int64) (eventlog.Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	_, release, err := l.hold()
	if err != nil {
		return nil, err
	}
	defer release()
	p, err := l.partition(name, id)
	if err != nil {
		return nil, err
	}
	first, next, _ := p.bounds()
	switch offset {
	case eventlog.FirstOffset:
		offset = first
	case eventlog.NextOffset:
		offset = next
	}
	if offset < first || offset > next {
		return nil, p.outOfRange(offset, first, next)
	}
	return &reader{log: l, part: p, next: offset, closed: make(chan struct{})}, nil
}

func (p *partition) outOfRange(offset, first, next int64) error {
	return fmt.Errorf("read topic %q partition %d at offset %d; it holds [%d, %d): %w",
		p.topic.name, p.id, offset, first, next, eventlog.ErrOffsetOutOfRange)
}

// Fetch implements eventlog.Reader.
func (r *reader) Fetch(ctx context.Context, max int) ([]eventlog.Record, error) {
	if max < 1 {
		return nil, fmt.Errorf("fetch of topic %q: max is %d; it must be at least 1", r.part.topic.name, max)
	}
	for {
		if err := r.alive(ctx); err != nil {
			return nil, err
		}
		first, next, changed := r.part.bounds()
		if r.next < first {
			return nil, r.part.outOfRange(r.next, first, next)
		}
		if r.next < next {
			records, err := r.scan(next, max)
			if err != nil {
				return nil, fmt.Errorf("read topic %q partition %d at offset %d: %w", r.part.topic.name, r.part.id, r.next, err)
			}
			if len(records) > 0 {
				r.next = records[len(records)-1].Offset + 1
				r.lag = next - r.next
				return records, nil
			}
			if !r.part.topic.stored.compacted {
				continue // retention overtook us; the bounds now say so
			}
			r.next = next // compaction left nothing in between
		}
		r.lag = 0
		select {
		case <-changed:
		case <-ctx.Done():
		case <-r.closed:
		case <-r.log.closed:
		}
	}
}

// alive says whether a Fetch may go on.
func (r *reader) alive(ctx context.Context) error {
	select {
	case <-r.closed:
		return eventlog.ErrClosed
	case <-r.log.closed:
		return eventlog.ErrClosed
	default:
		return ctx.Err()
	}
}

// scan reads up to max records in [r.next, end).
func (r *reader) scan(end int64, max int) (records []eventlog.Record, err error) {
	db, release, err := r.log.hold()
	if err != nil {
		return nil, err
	}
	defer release()
	p := r.part
	span := p.span(kindRecord, r.next)
	span.UpperBound = offsetKey(kindRecord, p.topic.stored.id, p.id, end)
	it, err := db.NewIter(span)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	size := 0
	for ok := it.First(); ok && len(records) < max && size < fetchMaxBytes; ok = it.Next() {
		offset := keyOffset(it.Key())
		if len(records) == 0 && offset != r.next && !p.topic.stored.compacted {
			// Retention overtook us since we looked at the bounds.
			return nil, p.outOfRange(r.next, offset, end)
		}
		size += len(it.Value())
		parsed, err := parseRecord(bytes.Clone(it.Value()))
		if err != nil {
			return nil, fmt.Errorf("offset %d: %w", offset, err)
		}
		records = append(records, eventlog.Record{
			Topic: p.topic.name, Partition: p.id, Offset: offset,
			Time: nanosTime(parsed.nanos), Key: parsed.key, Value: parsed.value,
		})
	}
	return records, it.Error()
}

// Lag implements eventlog.Reader.
func (r *reader) Lag() int64 { return r.lag }

// Close implements eventlog.Reader; it may be called while Fetch blocks.
func (r *reader) Close() error {
	r.once.Do(func() { close(r.closed) })
	return nil
}
