package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"

	kafkago "github.com/segmentio/kafka-go"

	"bidhawk/internal/eventlog"
)

// fetchMaxBytes is asked of the broker at once; it is more than one batch, so
// that an answer has at least one whole batch.
const fetchMaxBytes = 4 << 20

// reader implements eventlog.Reader.
type reader struct {
	log       *Log
	topic     string
	partition int32
	open      context.Context // ends when the reader or the log closes
	stop      context.CancelFunc

	buffer []eventlog.Record // fetched, not yet returned
	next   int64             // offset after the buffer
	end    int64             // the partition's next offset, as of the last answer
	lag    int64
}

// Read implements eventlog.Log.
func (l *Log) Read(ctx context.Context, topic string, partition int32, offset int64) (eventlog.Reader, error) {
	first, next, err := l.Bounds(ctx, topic, partition)
	if err != nil {
		return nil, err
	}
	switch offset {
	case eventlog.FirstOffset:
		offset = first
	case eventlog.NextOffset:
		offset = next
	}
	if offset < first || offset > next {
		return nil, l.wrap(fmt.Sprintf("read of topic %q partition %d at offset %d", l.cfg.TopicPrefix+topic, partition, offset),
			fmt.Errorf("it holds [%d, %d): %w", first, next, eventlog.ErrOffsetOutOfRange))
	}
	r := &reader{log: l, topic: topic, partition: partition, next: offset, end: next}
	r.open, r.stop = context.WithCancel(l.open)
	return r, nil
}

// Fetch implements eventlog.Reader. A broker that fails is retried until ctx or
// Config.RetryFor ends; after that error the reader goes on where it was.
func (r *reader) Fetch(ctx context.Context, max int) ([]eventlog.Record, error) {
	if max < 1 {
		return nil, fmt.Errorf("fetch of topic %q: max is %d; it must be at least 1", r.topic, max)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.open, cancel)()
	for {
		if r.open.Err() != nil {
			return nil, eventlog.ErrClosed
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if len(r.buffer) > 0 {
			return r.take(max), nil
		}
		if err := r.poll(ctx); err != nil {
			if r.open.Err() != nil {
				return nil, eventlog.ErrClosed
			}
			return nil, err
		}
	}
}

func (r *reader) take(max int) []eventlog.Record {
	n := min(max, len(r.buffer))
	records := r.buffer[:n:n]
	r.buffer = r.buffer[n:]
	r.lag = r.end - records[n-1].Offset - 1
	return records
}

// poll waits for the next answer with records, or for FetchWait to pass.
func (r *reader) poll(ctx context.Context) error {
	name := r.log.cfg.TopicPrefix + r.topic
	what := fmt.Sprintf("fetch of topic %q partition %d at offset %d", name, r.partition, r.next)
	return r.log.retry(ctx, what, func(ctx context.Context) error {
		res, err := r.log.client.Fetch(ctx, &kafkago.FetchRequest{
			Topic:     name,
			Partition: int(r.partition),
			Offset:    r.next,
			MinBytes:  1,
			MaxBytes:  fetchMaxBytes,
			MaxWait:   r.log.cfg.FetchWait,
		})
		if err != nil {
			return err
		}
		if res.Error != nil {
			return res.Error
		}
		r.end = res.HighWatermark
		return r.read(res.Records)
	})
}

// read moves the answer's records into the buffer. The first batch may begin
// before the offset we asked for.
func (r *reader) read(set kafkago.RecordReader) error {
	asked, seen := r.next, false
	for {
		rec, err := set.ReadRecord()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		seen = true
		out, err := r.copy(rec)
		if err != nil {
			return err
		}
		if out.Offset < r.next {
			continue
		}
		r.buffer = append(r.buffer, out)
		r.next = out.Offset + 1
	}
	if seen && r.next == asked {
		// Compaction took the end of the batch that held this offset, and kafka-go
		// does not tell where the batch ended: look at the next offset. The answer
		// begins with the batch of the offset asked for, so none is skipped.
		r.next++
	}
	if len(r.buffer) == 0 {
		r.lag = max(0, r.end-r.next)
	}
	return nil
}

// copy takes the record's bytes out of kafka-go's pages and releases them.
func (r *reader) copy(rec *kafkago.Record) (eventlog.Record, error) {
	key, keyErr := readAll(rec.Key)
	value, valueErr := readAll(rec.Value)
	return eventlog.Record{
		Topic: r.topic, Partition: r.partition, Offset: rec.Offset,
		Time: rec.Time.UTC(), Key: key, Value: value,
	}, errors.Join(keyErr, valueErr)
}

func readAll(b kafkago.Bytes) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	out, err := kafkago.ReadAll(b)
	return out, errors.Join(err, b.Close())
}

// Lag implements eventlog.Reader.
func (r *reader) Lag() int64 { return r.lag }

// Close implements eventlog.Reader; it may be called while Fetch blocks.
func (r *reader) Close() error {
	r.stop()
	return nil
}
