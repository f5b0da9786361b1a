package eventlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bidhawk/internal/eventlog/group"
	"bidhawk/internal/eventlog/spill"
)

// PublisherConfig bounds a Publisher. Zero fields take the default in brackets.
type PublisherConfig struct {
	// Topics are the only ones taken; another is ErrUnknownTopic.
	Topics []string
	// SpillAfter is how long Publish waits for the log before it spills [250 ms].
	SpillAfter time.Duration
	// OfferMaxMessages and OfferMaxBytes bound what Offer holds [65,536; 16 MiB].
	OfferMaxMessages int
	OfferMaxBytes    int
	// OfferLinger is how long offered messages gather into one append [20 ms].
	OfferLinger time.Duration
	// RetryMin and RetryMax bound the pause before the log is tried again after
	// an error [50 ms; 5 s].
	RetryMin, RetryMax time.Duration
	// AppendTimeout bounds one background append, of offered or spilled messages [10 s].
	AppendTimeout time.Duration
}

func (c PublisherConfig) withDefaults() PublisherConfig {
	or(&c.SpillAfter, 250*time.Millisecond)
	or(&c.OfferMaxMessages, 1<<16)
	or(&c.OfferMaxBytes, 16<<20)
	or(&c.OfferLinger, 20*time.Millisecond)
	or(&c.RetryMin, 50*time.Millisecond)
	or(&c.RetryMax, 5*time.Second)
	or(&c.AppendTimeout, 10*time.Second)
	return c
}

func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate names the first field that cannot be used.
func (c PublisherConfig) Validate() error {
	c = c.withDefaults()
	switch {
	case len(c.Topics) == 0:
		return errors.New("publisher: Topics is empty; it must name at least one topic")
	case slices.Contains(c.Topics, ""):
		return errors.New("publisher: Topics has an empty name")
	case c.OfferMaxMessages < 0 || c.OfferMaxBytes < 0:
		return fmt.Errorf("publisher: OfferMaxMessages is %d and OfferMaxBytes %d; they must not be negative", c.OfferMaxMessages, c.OfferMaxBytes)
	case min(c.SpillAfter, c.OfferLinger, c.RetryMin, c.AppendTimeout) < 0 || c.RetryMax < c.RetryMin:
		return fmt.Errorf("publisher: SpillAfter %v, OfferLinger %v, RetryMin %v, RetryMax %v, AppendTimeout %v; none may be negative, nor RetryMax below RetryMin",
			c.SpillAfter, c.OfferLinger, c.RetryMin, c.RetryMax, c.AppendTimeout)
	}
	return nil
}

// Publisher hands messages to a log for callers who must not wait for it for
// long. Offer is for what may be lost under pressure, Publish for what may not.
// It is safe for concurrent use and owns three goroutines: the committer of
// Publish, the flusher of Offer and the drainer of the spill.
//
// Order: published messages of one key reach the log in the order in which
// their Publish calls were made one after the other (and within a call, in the
// slice's order), also across a spill: while anything is spilled, everything
// published goes behind it. An append that was given up may still arrive, so a
// message may be there twice; its first copy is in order. Offered messages keep
// their order among themselves, not with published ones.
type Publisher struct {
	cfg     PublisherConfig
	log     Log
	spill   *spill.Queue
	topics  map[string]*publisherTopic // read-only
	commits *group.Committer[[]Message]
	offers  *offerBuffer

	// mode says where Publish writes. The committer takes it to spill, the
	// drainer to end spilling.
	mode struct {
		sync.Mutex
		spilling bool
		drained  chan struct{} // closed when spilling ends
	}
	wakeDrainer chan struct{} // capacity 1

	stopDrainer, stopFlusher context.CancelFunc
	background               sync.WaitGroup
	counts                   publisherCounts
	once                     sync.Once
}

type publisherTopic struct {
	name    string
	dropped atomic.Uint64 // offers
}

type publisherCounts struct {
	appended, spilled, drained atomic.Uint64
	appendErrors, spillErrors  atomic.Uint64
	lastError                  atomic.Pointer[error]
}

// limits of one shared append.
const (
	publishMaxCalls  = 4096
	publishMaxBytes  = 4 << 20
	backlogMaxCount  = 2000
	backlogMaxBytes  = 1 << 20
	bufferedOverhead = 64 // per message, in Publish's copy
)

// NewPublisher starts a publisher onto log. What queue still holds from an
// earlier run goes first. The caller owns log and queue, and closes them after
// the publisher.
func NewPublisher(cfg PublisherConfig, log Log, queue *spill.Queue) (*Publisher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	p := &Publisher{
		cfg: cfg.withDefaults(), log: log, spill: queue,
		topics:      make(map[string]*publisherTopic),
		wakeDrainer: make(chan struct{}, 1),
	}
	for _, t := range cfg.Topics {
		p.topics[t] = &publisherTopic{name: t}
	}
	p.offers = newOfferBuffer(p.cfg.OfferMaxMessages, p.cfg.OfferMaxBytes)
	p.mode.drained = make(chan struct{})
	close(p.mode.drained)
	if left, _ := queue.Depth(); left > 0 {
		p.startSpillingLocked()
	}
	p.commits = group.New(group.Config[[]Message]{
		Commit: p.commit, Size: messagesSize, MaxItems: publishMaxCalls, MaxBytes: publishMaxBytes,
	})
	drain, stopDrainer := context.WithCancel(context.Background())
	flush, stopFlusher := context.WithCancel(context.Background())
	p.stopDrainer, p.stopFlusher = stopDrainer, stopFlusher
	p.background.Go(func() { p.drainLoop(drain) })
	p.background.Go(func() { p.flushLoop(flush) })
	return p, nil
}

func messagesSize(msgs []Message) int {
	n := 0
	for i := range msgs {
		n += bufferedOverhead + len(msgs[i].Key) + len(msgs[i].Value)
	}
	return n
}

// check is Check, and that the topic is one of the publisher's.
func (p *Publisher) check(m *Message) error {
	if err := Check(m); err != nil {
		return err
	}
	if p.topics[m.Topic] == nil {
		return fmt.Errorf("publish to topic %q: %w", m.Topic, ErrUnknownTopic)
	}
	return nil
}

// Publish returns nil only when every message is durable: the log has
// acknowledged it, or the spill's disk has. Concurrent calls share appends. A
// refused message (ErrTooLarge, ErrUnknownTopic, ErrNoKey) refuses the whole
// call before anything is written; after any other error some messages may be
// durable nevertheless. Once ctx ends Publish returns at once. Arguments are not
// retained.
func (p *Publisher) Publish(ctx context.Context, msgs ...Message) error {
	if len(msgs) == 0 {
		return ctx.Err()
	}
	for i := range msgs {
		if err := p.check(&msgs[i]); err != nil {
			return err
		}
	}
	// The committer may still be reading after ctx ends, so it gets a copy.
	err := p.commits.Do(ctx, cloneMessages(msgs))
	if errors.Is(err, group.ErrClosed) {
		return fmt.Errorf("publish to topic %q: %w", msgs[0].Topic, ErrClosed)
	}
	return err
}

// cloneMessages copies keys and values into one buffer.
func cloneMessages(msgs []Message) []Message {
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
	out := make([]Message, len(msgs))
	for i, m := range msgs {
		out[i] = Message{Topic: m.Topic, Key: keep(m.Key), Value: keep(m.Value)}
	}
	return out
}

// commit runs on the committer's goroutine.
func (p *Publisher) commit(calls [][]Message) error {
	msgs := slices.Concat(calls...)
	var appendErr error
	if !p.isSpilling() { // only this goroutine sets it, so it stays false until we are done
		ctx, cancel := context.WithTimeout(context.Background(), p.cfg.SpillAfter)
		appendErr = p.log.Append(ctx, msgs...)
		cancel()
		if appendErr == nil {
			p.counts.appended.Add(uint64(len(msgs)))
			return nil
		}
		p.failed(&p.counts.appendErrors, appendErr)
	}
	if err := p.spillAll(msgs); err != nil {
		p.failed(&p.counts.spillErrors, err)
		return fmt.Errorf("publish %d messages: %w", len(msgs), errors.Join(appendErr, err))
	}
	p.counts.spilled.Add(uint64(len(msgs)))
	return nil
}

// spillAll makes msgs durable in the spill and Publish write there from now on.
func (p *Publisher) spillAll(msgs []Message) error {
	size := 0
	for i := range msgs {
		size += encodedMax(&msgs[i])
	}
	buf := make([]byte, 0, size)
	records := make([][]byte, len(msgs))
	for i := range msgs {
		start := len(buf)
		buf = appendMessage(buf, &msgs[i])
		records[i] = buf[start:]
	}
	p.mode.Lock()
	defer p.mode.Unlock()
	if err := p.spill.Add(records...); err != nil {
		return err
	}
	p.startSpillingLocked()
	return nil
}

func (p *Publisher) startSpillingLocked() {
	if !p.mode.spilling {
		p.mode.spilling = true
		p.mode.drained = make(chan struct{})
	}
	select {
	case p.wakeDrainer <- struct{}{}:
	default: // it has not looked yet
	}
}

func (p *Publisher) isSpilling() bool {
	p.mode.Lock()
	defer p.mode.Unlock()
	return p.mode.spilling
}

func (p *Publisher) failed(count *atomic.Uint64, err error) {
	count.Add(1)
	p.counts.lastError.Store(&err)
}

// PublisherStats is a publisher at one moment; counts are since its start.
type PublisherStats struct {
	OfferedMessages int               // waiting in Offer's buffer
	OfferedBytes    int               // of them, encoded
	SpillRecords    int64             // waiting in the spill
	SpillBytes      int64             // of them
	Dropped         map[string]uint64 // offers lost, by topic
	Appended        uint64            // messages the log acknowledged
	Spilled         uint64            // messages published into the spill
	Drained         uint64            // of them, moved to the log
	AppendErrors    uint64            // appends that failed or timed out
	SpillErrors     uint64            // Publish calls' batches that even the spill refused
	LastError       error             // the latest of either; nil if there was none
}

// Stats returns a snapshot. It is for dashboards, not for the path of a bid.
func (p *Publisher) Stats() PublisherStats {
	s := PublisherStats{
		Dropped:      make(map[string]uint64, len(p.topics)),
		Appended:     p.counts.appended.Load(),
		Spilled:      p.counts.spilled.Load(),
		Drained:      p.counts.drained.Load(),
		AppendErrors: p.counts.appendErrors.Load(),
		SpillErrors:  p.counts.spillErrors.Load(),
	}
	if err := p.counts.lastError.Load(); err != nil {
		s.LastError = *err
	}
	for name, t := range p.topics {
		s.Dropped[name] = t.dropped.Load()
	}
	s.OfferedMessages, s.OfferedBytes = p.offers.depth()
	s.SpillRecords, s.SpillBytes = p.spill.Depth()
	return s
}

// Close refuses new messages, finishes the Publish calls under way, and appends
// what was offered until ctx ends; offers left by then are dropped, counted and
// an error. What is spilled stays in the spill for the next start. Log and
// queue stay open: they are the caller's. A second Close returns nil.
func (p *Publisher) Close(ctx context.Context) error {
	var err error
	p.once.Do(func() {
		p.commits.Close()
		p.stopDrainer()
		p.offers.close()
		stop := context.AfterFunc(ctx, p.stopFlusher)
		p.background.Wait()
		stop()
		p.stopFlusher()
		if n := p.offers.lostAtClose; n > 0 {
			err = fmt.Errorf("close publisher: %d offered messages were dropped: %w", n, ctx.Err())
		}
	})
	return err
}
