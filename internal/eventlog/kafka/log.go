// Package kafka is the event log on Apache Kafka, through segmentio/kafka-go's
// Client: plain requests, whose errors and offsets we see. Its Writer and Reader
// are not used: a Writer lingers and defaults to no acknowledgement, a Reader
// skips silently over records that retention took.
//
// Appends wait for all in-sync replicas. Each partition has one produce request
// under way, shared by whoever waits (package group), which keeps the order.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"bidhawk/internal/eventlog"
)

// Log implements eventlog.Log. It is safe for concurrent use. It keeps a
// goroutine per partition that was ever appended to, and kafka-go's for
// metadata and connections, until Close.
type Log struct {
	cfg       Config
	transport *kafkago.Transport
	client    *kafkago.Client

	// open ends when Close begins: readers and queries give up.
	open      context.Context
	stopOpen  context.CancelFunc
	appending context.Context // ends CloseTimeout later: appends give up
	stopAll   context.CancelFunc
	once      sync.Once

	mu struct {
		sync.Mutex
		closed     bool
		partitions map[string]int32 // topics seen, by their own name
		lanes      map[lane]*laneCommitter
	}
}

var _ eventlog.Log = (*Log)(nil)

// Open checks cfg. It does not connect: brokers may come later.
func Open(cfg Config) (*Log, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	l := &Log{cfg: cfg, transport: cfg.transport()}
	l.client = &kafkago.Client{Addr: kafkago.TCP(cfg.Brokers...), Timeout: cfg.RequestTimeout, Transport: l.transport}
	l.open, l.stopOpen = context.WithCancel(context.Background())
	l.appending, l.stopAll = context.WithCancel(context.Background())
	l.mu.partitions = make(map[string]int32)
	l.mu.lanes = make(map[lane]*laneCommitter)
	return l, nil
}

// during returns a context for one call: ctx, ended early by Close. The second
// result is ErrClosed after Close.
func (l *Log) during(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if l.open.Err() != nil {
		return nil, nil, eventlog.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.open, func() { cancel(eventlog.ErrClosed) })
	return ctx, func() { stop(); cancel(nil) }, nil
}

// closedOr says ErrClosed where Close is why err happened.
func (l *Log) closedOr(err error) error {
	if err != nil && l.open.Err() != nil {
		return fmt.Errorf("%w: %w", eventlog.ErrClosed, err)
	}
	return err
}

// Partitions implements eventlog.Log. A topic that another process made within
// the last MetadataTTL may still be unknown.
func (l *Log) Partitions(ctx context.Context, topic string) (int32, error) {
	ctx, cancel, err := l.during(ctx)
	if err != nil {
		return 0, err
	}
	defer cancel()
	n, err := l.partitions(ctx, topic)
	return n, l.closedOr(err)
}

func (l *Log) partitions(ctx context.Context, topic string) (int32, error) {
	l.mu.Lock()
	n := l.mu.partitions[topic]
	l.mu.Unlock()
	if n > 0 { // the count never changes
		return n, nil
	}
	found, err := l.describe(ctx, []string{topic})
	if err != nil {
		return 0, err
	}
	if found[topic] == 0 {
		return 0, fmt.Errorf("topic %q: %w", topic, eventlog.ErrUnknownTopic)
	}
	return found[topic], nil
}

// describe asks for the partition counts of topics; those that do not exist are
// not in the answer.
func (l *Log) describe(ctx context.Context, topics []string) (map[string]int32, error) {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = l.cfg.TopicPrefix + t
	}
	found := make(map[string]int32, len(topics))
	err := l.retry(ctx, fmt.Sprintf("metadata of topics %q", names), func(ctx context.Context) error {
		res, err := l.client.Metadata(ctx, &kafkago.MetadataRequest{Topics: names})
		if err != nil {
			return err
		}
		for i, t := range res.Topics {
			switch {
			case errors.Is(t.Error, kafkago.UnknownTopicOrPartition):
			case t.Error != nil:
				return t.Error
			default:
				found[topics[i]] = int32(len(t.Partitions))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for t, n := range found {
		l.mu.partitions[t] = n
	}
	return found, nil
}

// checkPartition says ErrUnknownTopic unless the topic has that partition.
func (l *Log) checkPartition(ctx context.Context, topic string, partition int32) error {
	n, err := l.partitions(ctx, topic)
	if err != nil {
		return err
	}
	if partition < 0 || partition >= n {
		return fmt.Errorf("topic %q partition %d; it has %d: %w", topic, partition, n, eventlog.ErrUnknownTopic)
	}
	return nil
}

// Bounds implements eventlog.Log.
func (l *Log) Bounds(ctx context.Context, topic string, partition int32) (first, next int64, err error) {
	ctx, cancel, err := l.during(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer cancel()
	first, next, err = l.bounds(ctx, topic, partition)
	return first, next, l.closedOr(err)
}

func (l *Log) bounds(ctx context.Context, topic string, partition int32) (first, next int64, err error) {
	if err := l.checkPartition(ctx, topic, partition); err != nil {
		return 0, 0, err
	}
	name := l.cfg.TopicPrefix + topic
	err = l.retry(ctx, fmt.Sprintf("offsets of topic %q partition %d", name, partition), func(ctx context.Context) error {
		res, err := l.client.ListOffsets(ctx, &kafkago.ListOffsetsRequest{Topics: map[string][]kafkago.OffsetRequest{
			name: {kafkago.FirstOffsetOf(int(partition)), kafkago.LastOffsetOf(int(partition))},
		}})
		if err != nil {
			return err
		}
		for _, p := range res.Topics[name] {
			if p.Partition == int(partition) {
				first, next = p.FirstOffset, p.LastOffset
				return p.Error
			}
		}
		return fmt.Errorf("the answer has no partition %d", partition)
	})
	return first, next, err
}

// Close implements eventlog.Log. Appends under way get CloseTimeout to finish.
// A second Close returns nil.
func (l *Log) Close() error {
	l.once.Do(func() {
		l.stopOpen()
		l.mu.Lock()
		l.mu.closed = true
		lanes := l.mu.lanes
		l.mu.Unlock()
		late := time.AfterFunc(l.cfg.CloseTimeout, l.stopAll)
		for _, c := range lanes {
			c.Close()
		}
		late.Stop()
		l.stopAll()
		l.transport.CloseIdleConnections()
	})
	return nil
}
