package eventlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// offerBuffer holds encoded messages in one of two buffers of fixed capacity:
// Offer fills one while the flusher empties the other, so steady traffic
// allocates nothing and memory is 2 x OfferMaxBytes at most.
type offerBuffer struct {
	wake        chan struct{} // capacity 1; closed by close
	maxMessages int
	maxBytes    int
	spare       []byte // the flusher's
	lostAtClose int    // the flusher's; read after it ended

	mu struct {
		sync.Mutex
		buf    []byte
		n      int
		closed bool
	}
}

func newOfferBuffer(maxMessages, maxBytes int) *offerBuffer {
	b := &offerBuffer{
		wake: make(chan struct{}, 1), maxMessages: maxMessages, maxBytes: maxBytes,
		spare: make([]byte, 0, maxBytes),
	}
	b.mu.buf = make([]byte, 0, maxBytes)
	return b
}

// Offer takes m if there is room and says whether it did; it never waits for
// the log or the disk. What the log refuses or never acknowledges is retried
// until Close, then lost. A message that is not taken is counted by its topic,
// unless the topic is not one of the publisher's. m is not retained.
func (p *Publisher) Offer(m Message) bool {
	t := p.topics[m.Topic]
	if t == nil {
		return false
	}
	if Check(&m) != nil || !p.offers.add(&m) {
		t.dropped.Add(1)
		return false
	}
	return true
}

func (b *offerBuffer) add(m *Message) bool {
	size := encodedMax(m)
	b.mu.Lock()
	if b.mu.closed || b.mu.n >= b.maxMessages || len(b.mu.buf)+size > b.maxBytes {
		b.mu.Unlock()
		return false
	}
	b.mu.buf = appendMessage(b.mu.buf, m)
	b.mu.n++
	if b.mu.n == 1 {
		select {
		case b.wake <- struct{}{}:
		default:
		}
	}
	b.mu.Unlock()
	return true
}

// swap gives the flusher what was offered; the flusher gives it back by its
// next swap.
func (b *offerBuffer) swap() (encoded []byte, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	encoded, n = b.mu.buf, b.mu.n
	b.mu.buf, b.mu.n = b.spare[:0], 0
	b.spare = encoded
	return encoded, n
}

func (b *offerBuffer) depth() (messages, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.n, len(b.mu.buf)
}

// close refuses further offers and ends the flusher once it has emptied the buffer.
func (b *offerBuffer) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.closed = true
	close(b.wake) // under the lock: add does not send on a closed channel
}

// flushLoop moves offered messages to the log until the buffer is closed and
// empty, or ctx ends.
func (p *Publisher) flushLoop(ctx context.Context) {
	linger := time.NewTimer(0)
	defer linger.Stop()
	var msgs []Message
	for open := true; open; {
		if _, open = <-p.offers.wake; open {
			linger.Reset(p.cfg.OfferLinger)
			select {
			case <-linger.C:
			case <-p.offers.wake: // closed: add sends only into an empty buffer
				open = false
			}
		}
		encoded, n := p.offers.swap()
		msgs = p.decodeOffers(msgs[:0], encoded, n)
		p.flush(ctx, msgs)
		clear(msgs)
	}
}

func (p *Publisher) decodeOffers(msgs []Message, encoded []byte, n int) []Message {
	for range n {
		m, rest, err := parseMessage(encoded, p.intern)
		if err != nil {
			// We encoded it ourselves, in memory: this is a bug, not weather.
			p.failed(&p.counts.appendErrors, fmt.Errorf("offered message: %w", err))
			return msgs
		}
		msgs, encoded = append(msgs, m), rest
	}
	return msgs
}

// intern returns the configured name equal to b, without allocating it.
func (p *Publisher) intern(b []byte) string {
	if t := p.topics[string(b)]; t != nil {
		return t.name
	}
	return string(b)
}

// flush appends msgs in bounded pieces, each until it succeeds, is refused for
// good, or ctx ends.
func (p *Publisher) flush(ctx context.Context, msgs []Message) {
	for len(msgs) > 0 {
		n := prefixWithin(msgs, backlogMaxCount, backlogMaxBytes)
		if err := p.appendUntil(ctx, msgs[:n]); err != nil {
			for i := range msgs[:n] {
				p.topics[msgs[i].Topic].dropped.Add(1)
			}
			if ctx.Err() != nil {
				p.offers.lostAtClose += n
			}
		}
		msgs = msgs[n:]
	}
}

// prefixWithin is how many of msgs one append takes: at least one.
func prefixWithin(msgs []Message, maxCount, maxBytes int) int {
	size := 0
	for i := range msgs {
		size += len(msgs[i].Key) + len(msgs[i].Value)
		if i > 0 && (i == maxCount || size > maxBytes) {
			return i
		}
	}
	return len(msgs)
}

// appendUntil appends msgs, again and again with growing pauses while the log
// fails. It gives up when ctx ends or the log's answer cannot change.
func (p *Publisher) appendUntil(ctx context.Context, msgs []Message) error {
	pause := backoff{next: p.cfg.RetryMin, max: p.cfg.RetryMax}
	for {
		err := p.appendOnce(ctx, msgs)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || permanent(err) {
			return err
		}
		pause.wait(ctx)
	}
}

func (p *Publisher) appendOnce(ctx context.Context, msgs []Message) error {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.AppendTimeout)
	defer cancel()
	if err := p.log.Append(ctx, msgs...); err != nil {
		p.failed(&p.counts.appendErrors, err)
		return err
	}
	p.counts.appended.Add(uint64(len(msgs)))
	return nil
}

// permanent reports an error that the same append will get again.
func permanent(err error) bool {
	return errors.Is(err, ErrUnknownTopic) || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrClosed)
}

// backoff doubles a pause up to a bound.
type backoff struct{ next, max time.Duration }

func (b *backoff) wait(ctx context.Context) {
	t := time.NewTimer(b.next)
	defer t.Stop()
	b.next = min(2*b.next, b.max)
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
