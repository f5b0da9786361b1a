package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"bidhawk/internal/eventlog"
)

const topic = "money"

// rig is a log with one topic of 2 partitions on a stand-in that can be broken.
type rig struct {
	*testing.T
	cluster *kfake.Cluster
	log     *Log
	ctx     context.Context
	name    string // the topic's, with prefix
	conns   *breaker
}

func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	r := &rig{T: t, cluster: standIn(t), conns: &breaker{}}
	cfg := testConfig(r.cluster.ListenAddrs())
	cfg.Dial = r.conns.dial
	cfg.RetryMin, cfg.RetryMax = time.Millisecond, 20*time.Millisecond
	if change != nil {
		change(&cfg)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	r.ctx, r.name, r.log = ctx, cfg.TopicPrefix+topic, openLog(t, cfg)
	if err := r.log.EnsureTopics(ctx, eventlog.TopicConfig{Name: topic, Partitions: 2}); err != nil {
		t.Fatal(err)
	}
	return r
}

func numbered(key string, i int) eventlog.Message {
	return eventlog.Message{Topic: topic, Key: []byte(key), Value: fmt.Append(nil, i)}
}

// read returns the values of key in the order of their first copies.
func (r *rig) read(key string) []string {
	r.Helper()
	p := eventlog.PartitionOf([]byte(key), 2)
	_, next, err := r.log.Bounds(r.ctx, topic, p)
	if err != nil {
		r.Fatal(err)
	}
	reader, err := r.log.Read(r.ctx, topic, p, eventlog.FirstOffset)
	if err != nil {
		r.Fatal(err)
	}
	defer reader.Close()
	var values []string
	for last := int64(-1); last+1 < next; {
		records, err := reader.Fetch(r.ctx, 100)
		if err != nil {
			r.Fatal(err)
		}
		for _, rec := range records {
			if rec.Offset != last+1 {
				r.Fatalf("offset %d follows %d", rec.Offset, last)
			}
			last = rec.Offset
			if string(rec.Key) == key && !slices.Contains(values, string(rec.Value)) {
				values = append(values, string(rec.Value))
			}
		}
	}
	return values
}

func (r *rig) wantNumbers(key string, n int) {
	r.Helper()
	var want []string
	for i := range n {
		want = append(want, fmt.Sprint(i))
	}
	if got := r.read(key); !slices.Equal(got, want) {
		r.Errorf("key %s has %v; want 0 to %d in order", key, got, n-1)
	}
}

// breaker dials connections that the test can break or silence.
type breaker struct {
	mu     sync.Mutex
	conns  []net.Conn
	silent bool
}

func (b *breaker) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conns = append(b.conns, c)
	return &breakable{c, b}, nil
}

// breakAll drops every connection there is.
func (b *breaker) breakAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.conns {
		c.Close()
	}
	b.conns = nil
}

func (b *breaker) silence(silent bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.silent = silent
}

type breakable struct {
	net.Conn
	b *breaker
}

// Write swallows requests while the breaker is silent: no answer ever comes.
func (c *breakable) Write(p []byte) (int, error) {
	c.b.mu.Lock()
	silent := c.b.silent
	c.b.mu.Unlock()
	if silent {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// Answers that may pass are retried until the append is acknowledged.
func TestAppendRetries(t *testing.T) {
	f := func(e *kerr.Error) {
		t.Run(e.Message, func(t *testing.T) {
			r := newRig(t, nil)
			fault := r.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: r.name, Err: e, Count: 3})
			for i := range 5 {
				if err := r.log.Append(r.ctx, numbered("k", i)); err != nil {
					t.Fatal(err)
				}
			}
			if fault.Hits() != 3 {
				t.Errorf("the fault hit %d times; want 3", fault.Hits())
			}
			r.wantNumbers("k", 5)
		})
	}
	f(kerr.NotLeaderForPartition)
	f(kerr.LeaderNotAvailable)
	f(kerr.NotEnoughReplicas)
	f(kerr.NotEnoughReplicasAfterAppend) // was written: twice in the end
	f(kerr.RequestTimedOut)              // may have been written
	f(kerr.UnknownTopicOrPartition)      // a broker that has not heard of it yet
}

// Answers that do not pass are not retried.
func TestAppendPermanentErrors(t *testing.T) {
	f := func(e *kerr.Error, want error) {
		t.Run(e.Message, func(t *testing.T) {
			r := newRig(t, nil)
			fault := r.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: r.name, Err: e, Count: -1})
			err := r.log.Append(r.ctx, numbered("k", 0))
			if !errors.Is(err, want) || fault.Hits() != 1 {
				t.Errorf("after %d tries: %v; want %v after 1", fault.Hits(), err, want)
			}
			fault.Remove()
			if err := r.log.Append(r.ctx, numbered("k", 0)); err != nil {
				t.Errorf("the next append: %v", err)
			}
		})
	}
	f(kerr.MessageTooLarge, eventlog.ErrTooLarge)
	f(kerr.RecordListTooLarge, eventlog.ErrTooLarge)
	f(kerr.TopicAuthorizationFailed, kafkago.TopicAuthorizationFailed)
	f(kerr.InvalidRecord, kafkago.InvalidRecord)
}

// An error names topic, brokers and what the broker said, in time.
func TestAppendGivesUp(t *testing.T) {
	f := func(name string, break_ func(*rig), want error) {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			break_(r)
			ctx, cancel := context.WithTimeout(r.ctx, 150*time.Millisecond)
			defer cancel()
			err := r.log.Append(ctx, numbered("k", 0))
			if !errors.Is(err, context.DeadlineExceeded) || want != nil && !errors.Is(err, want) {
				t.Fatalf("error %v; want the deadline and %v", err, want)
			}
			for _, part := range []string{r.name, r.log.cfg.Brokers[0]} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not name %s", err, part)
				}
			}
		})
	}
	f("replicas", func(r *rig) {
		r.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: r.name, Err: kerr.NotEnoughReplicas, Count: -1})
	}, kafkago.NotEnoughReplicas)
	f("silence", func(r *rig) { r.conns.silence(true) }, nil)
	f("gone", func(r *rig) { r.cluster.Close() }, nil)
}

// RetryFor leaves a busy machine the time for one answer at least.
func TestRetryForEndsACallWithoutDeadline(t *testing.T) {
	r := newRig(t, func(c *Config) { c.RetryFor = time.Second })
	r.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce, kmsg.Fetch}, Topic: r.name, Err: kerr.NotLeaderForPartition, Count: -1})
	if err := r.log.Append(context.Background(), numbered("k", 0)); !errors.Is(err, kafkago.NotLeaderForPartition) {
		t.Errorf("append: %v", err)
	}
	reader, err := r.log.Read(r.ctx, topic, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Fetch(context.Background(), 1); !errors.Is(err, kafkago.NotLeaderForPartition) || !strings.Contains(err.Error(), "gave up after 1s") {
		t.Errorf("fetch: %v", err)
	}
}

// Connections break and leaders move while appenders append and readers read:
// every acknowledged message is there, in order; a reader sees each offset once.
func TestBrokenConnectionsAndMovingLeaders(t *testing.T) {
	r := newRig(t, nil)
	const appenders, each = 4, 60
	var appending, reading sync.WaitGroup
	progress := make(chan struct{}, appenders*each)
	for a := range appenders {
		appending.Go(func() {
			for i := range each {
				if err := r.log.Append(r.ctx, numbered(fmt.Sprint("key", a), i)); err != nil {
					t.Errorf("append: %v", err)
				}
				progress <- struct{}{}
			}
		})
	}
	ctx, stop := context.WithCancel(r.ctx)
	for p := range int32(2) {
		reader, err := r.log.Read(r.ctx, topic, p, eventlog.FirstOffset)
		if err != nil {
			t.Fatal(err)
		}
		reading.Go(func() { r.tail(ctx, reader) })
	}
	for n := range appenders * each {
		<-progress
		if n%20 == 0 {
			r.conns.breakAll()
		}
		if n%50 == 0 {
			if err := r.cluster.MoveTopicPartition(r.name, int32(n/50%2), int32(n/50%3)); err != nil {
				t.Error(err)
			}
		}
	}
	appending.Wait()
	stop()
	reading.Wait()
	for a := range appenders {
		r.wantNumbers(fmt.Sprint("key", a), each)
	}
}

// tail checks that offsets are dense, until ctx ends.
func (r *rig) tail(ctx context.Context, reader eventlog.Reader) {
	for next := int64(0); ; {
		records, err := reader.Fetch(ctx, 10)
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				r.Errorf("tail: %v", err)
			}
			return
		}
		for _, rec := range records {
			if rec.Offset != next {
				r.Errorf("offset %d; want %d", rec.Offset, next)
			}
			next = rec.Offset + 1
		}
	}
}

func TestFetchErrors(t *testing.T) {
	r := newRig(t, nil)
	if err := r.log.Append(r.ctx, numbered("k", 0)); err != nil {
		t.Fatal(err)
	}
	p := eventlog.PartitionOf([]byte("k"), 2)
	reader, err := r.log.Read(r.ctx, topic, p, 0)
	if err != nil {
		t.Fatal(err)
	}
	gone := r.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: r.name, Err: kerr.OffsetOutOfRange, Count: -1})
	if _, err := reader.Fetch(r.ctx, 1); !errors.Is(err, eventlog.ErrOffsetOutOfRange) {
		t.Errorf("an offset that retention took: %v", err)
	}
	gone.Remove()
	passing := r.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: r.name, Err: kerr.NotLeaderForPartition, Count: 3})
	if rs, err := reader.Fetch(r.ctx, 1); err != nil || len(rs) != 1 || passing.Hits() != 3 {
		t.Errorf("after %d errors that pass: %d records, %v", passing.Hits(), len(rs), err)
	}
}

func TestUnreachableBrokers(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close() // nobody listens there now
	l := openLog(t, testConfig([]string{address}))
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	for what, err := range map[string]error{
		"ensure": l.EnsureTopics(ctx, eventlog.TopicConfig{Name: topic, Partitions: 1}),
		"append": l.Append(ctx, numbered("k", 0)),
	} {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := l.EnsureTopics(context.Background(), eventlog.TopicConfig{Name: "not a name", Partitions: 1}); err == nil {
		t.Error("a name that Kafka forbids was accepted")
	}
}

// Close waits for appends under way, but not for ever.
func TestCloseWithSilentBroker(t *testing.T) {
	r := newRig(t, func(c *Config) { c.CloseTimeout = 50 * time.Millisecond })
	r.conns.silence(true)
	done := make(chan error, 1)
	go func() { done <- r.log.Append(r.ctx, numbered("k", 0)) }()
	for p := eventlog.PartitionOf([]byte("k"), 2); ; {
		r.log.mu.Lock()
		_, sent := r.log.mu.lanes[lane{topic, p}]
		r.log.mu.Unlock()
		if sent || r.ctx.Err() != nil {
			break
		}
	}
	if err := r.log.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, eventlog.ErrClosed) {
		t.Errorf("the append under way: %v", err)
	}
}

func TestConfig(t *testing.T) {
	good := Config{Brokers: []string{"localhost:9092"}, Clock: time.Now}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	f := func(change func(*Config)) {
		t.Helper()
		bad := good
		change(&bad)
		if _, err := Open(bad); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
	f(func(c *Config) { c.Brokers = nil })
	f(func(c *Config) { c.Brokers = []string{"no-port"} })
	f(func(c *Config) { c.Clock = nil })
	f(func(c *Config) { c.TopicPrefix = "a b" })
	f(func(c *Config) { c.ReplicationFactor = -1 })
	f(func(c *Config) { c.RetryFor = -1 })
	f(func(c *Config) { c.RetryMax = time.Nanosecond })
	f(func(c *Config) { c.FetchWait = time.Hour })
}
