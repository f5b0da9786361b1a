package pacing

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"bidhawk/internal/eventlog"
)

// runner drives one shard: it reads the log, appends what the shard decides,
// and writes snapshots. One goroutine does all of it; a second one fetches.
type runner struct {
	p          *Pacer
	partitions int32
	requests   chan *request
	records    chan []eventlog.Record
	claimValue []byte
	log        *zap.Logger

	// mu guards the shard against readers: only run's goroutine changes it, and
	// never while it waits for the log.
	mu struct {
		sync.Mutex
		shard     *shard
		err       error // why it has stopped
		outcomes  map[Outcome]int64
		records   int64
		snapshots int64
		leases    int64
		retries   int64
		begun     bool // it was ready once: what the catalogue adds later does not stop bids
	}
}

var errStopping = errors.New("the pacer is stopping")

func (r *runner) run(ctx context.Context) error {
	err := r.serve(ctx)
	r.mu.Lock()
	if r.mu.err = err; err == nil {
		r.mu.err = errStopping
	}
	r.mu.Unlock()
	if err != nil {
		r.log.Error("a shard of the ledger has stopped: no leases, no postings of its advertisers", zap.Error(err))
	}
	for { // nobody waits for an answer that never comes
		select {
		case rq := <-r.requests:
			rq.done(ErrNotReady)
			continue
		default:
		}
		return err
	}
}

func (r *runner) serve(ctx context.Context) error {
	reader, err := r.open(ctx)
	for err != nil && r.again(ctx, "the log can't be opened; trying again", err) {
		reader, err = r.open(ctx)
	}
	if err != nil {
		return err
	}
	fetching, stop := context.WithCancel(ctx)
	fetched := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { fetched <- r.fetch(fetching, reader) })
	err = r.loop(ctx, fetched)
	stop()
	wg.Wait()
	return errors.Join(err, reader.Close())
}

// open claims the partition and reads from the snapshot's offset.
func (r *runner) open(ctx context.Context) (eventlog.Reader, error) {
	s := r.mu.shard
	first, next, err := r.p.deps.Log.Bounds(ctx, eventlog.TopicMoney, s.partition)
	if err != nil {
		return nil, fmt.Errorf("bounds of %s: %w", eventlog.TopicMoney, err)
	}
	from := s.ledger.next
	if from > next || from < first {
		return nil, fmt.Errorf("%w: it stands at offset %d; the log holds %d to %d", ErrSnapshot, from, first, next)
	}
	msg, err := s.claim(r.p.deps.Clock())
	if err != nil {
		return nil, err
	}
	r.claimValue = msg.Value
	if err := r.append(ctx, []eventlog.Message{msg}); err != nil {
		return nil, err
	}
	return r.p.deps.Log.Read(ctx, eventlog.TopicMoney, s.partition, from)
}

func (r *runner) fetch(ctx context.Context, reader eventlog.Reader) error {
	for {
		recs, err := reader.Fetch(ctx, 4096)
		if err != nil {
			if !r.again(ctx, "the log can't be read; trying again", err) {
				return err
			}
			continue
		}
		select {
		case r.records <- recs:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// again waits before what failed with err is tried again; false: it is not,
// since ctx has ended or err stays. A log that is away stops no shard: leases
// end, and what bids cause is spilled until it comes back.
func (r *runner) again(ctx context.Context, what string, err error) bool {
	for _, final := range []error{eventlog.ErrClosed, eventlog.ErrOffsetOutOfRange, eventlog.ErrCorrupt, ErrSnapshot} {
		if errors.Is(err, final) {
			return false
		}
	}
	if ctx.Err() != nil {
		return false
	}
	r.mu.Lock()
	r.mu.retries++
	r.mu.Unlock()
	r.log.Warn(what, zap.Error(err))
	select {
	case <-time.After(r.p.cfg.AppendRetry):
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *runner) loop(ctx context.Context, fetched <-chan error) error {
	tick := time.NewTicker(r.p.cfg.Tick)
	defer tick.Stop()
	saved := r.p.deps.Clock()
	requests := r.requests
	for {
		var err error
		select {
		case <-ctx.Done():
			return r.snapshot()
		case err = <-fetched:
			if ctx.Err() != nil {
				return r.snapshot()
			}
			return fmt.Errorf("read %s: %w", eventlog.TopicMoney, err)
		case recs := <-r.records:
			err = r.fold(ctx, recs)
		case rq := <-requests:
			err = r.grant(ctx, rq)
		case <-tick.C:
			err = r.tick(ctx)
		}
		if now := r.p.deps.Clock(); err == nil && now.Sub(saved) >= r.p.cfg.SnapshotEvery {
			saved = now
			err = r.snapshot()
		}
		if err != nil {
			if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				return nil // an append was cut off: the snapshot before it stands
			}
			return err
		}
		// Grants are sized one round at a time: the next sees what this one gave.
		requests = r.requests
		if len(r.mu.shard.open) > 0 {
			requests = nil
		}
	}
}

// fold applies records, and publishes what they decided before any snapshot can
// stand after them.
func (r *runner) fold(ctx context.Context, recs []eventlog.Record) error {
	out, err := r.apply(recs)
	if appendErr := r.append(ctx, out); appendErr != nil {
		return errors.Join(err, appendErr)
	}
	return err
}

func (r *runner) apply(recs []eventlog.Record) ([]eventlog.Message, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.p.deps.Clock()
	s := r.mu.shard
	var out []eventlog.Message
	for i := range recs {
		p, err := s.read(now, &recs[i], r.ours)
		if err != nil {
			return out, err
		}
		r.mu.records++
		if p == nil {
			continue
		}
		r.mu.outcomes[p.Outcome]++
		m, err := p.message()
		if err != nil {
			return out, err
		}
		out = append(out, m)
	}
	back, err := s.takeBack(now)
	r.mu.leases += int64(s.granted)
	s.granted = 0
	return append(out, back...), err
}

func (r *runner) ours(rec *eventlog.Record) bool { return bytes.Equal(rec.Value, r.claimValue) }

// grant sizes the requests that wait, all in one round.
func (r *runner) grant(ctx context.Context, rq *request) error {
	r.mu.Lock()
	now := r.p.deps.Clock()
	s := r.mu.shard
	round := s.newRound(now)
	var out []eventlog.Message
	var err error
	for more := true; more && err == nil; {
		var msgs []eventlog.Message
		msgs, err = s.request(now, round, rq)
		out = append(out, msgs...)
		select {
		case rq = <-r.requests:
		default:
			more = false
		}
	}
	r.mu.Unlock()
	if err != nil {
		return err
	}
	return r.append(ctx, out)
}

func (r *runner) tick(ctx context.Context) error {
	c := r.p.deps.Catalog()
	r.mu.Lock()
	out, err := r.mu.shard.tick(r.p.deps.Clock(), c)
	problems := r.mu.shard.problems
	r.mu.shard.problems = nil
	r.mu.Unlock()
	for _, text := range problems {
		r.log.Error("the ledger cannot take an edit of the catalogue", zap.String("problem", text))
	}
	if err != nil {
		return err
	}
	return r.append(ctx, out)
}

// append tries until the log takes msgs or ctx ends. A repeat is harmless: see shard.
func (r *runner) append(ctx context.Context, msgs []eventlog.Message) error {
	for len(msgs) > 0 {
		err := r.p.deps.Log.Append(ctx, msgs...)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, eventlog.ErrClosed) || errors.Is(err, eventlog.ErrTooLarge) || errors.Is(err, eventlog.ErrUnknownTopic) {
			return fmt.Errorf("append %d records: %w", len(msgs), err)
		}
		if !r.again(ctx, "the log refuses the ledger's records; trying again", err) {
			return cmp.Or(ctx.Err(), err)
		}
	}
	return nil
}

// snapshot writes what changed since the last one, with the offset, in one batch.
func (r *runner) snapshot() error {
	err := r.p.store.commit(func(w snapWriter) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.mu.snapshots++
		return r.mu.shard.ledger.flush(w, r.partitions)
	})
	if err != nil {
		return fmt.Errorf("snapshot of partition %d: %w", r.mu.shard.partition, err)
	}
	return nil
}

func (r *runner) stopped() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.err
}

func (r *runner) ready() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.mu.shard
	switch {
	case r.mu.err != nil:
		return r.mu.err
	case !s.serving():
		return fmt.Errorf("%w: still reading %s at offset %d", ErrNotReady, eventlog.TopicMoney, s.ledger.next)
	case !r.mu.begun && (s.synced < 0 || !s.begun()):
		return fmt.Errorf("%w: the catalogue's budgets are not in the ledger yet", ErrNotReady)
	}
	r.mu.begun = true
	return nil
}
