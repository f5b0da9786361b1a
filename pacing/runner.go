package pacing

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"bidhawk/internal/eventlog"
)

// runner drives one shard: it reads the log, appends what the shard decides,
// and writes snapshots. One goroutine does all of it; a second one fetches.
type runner struct {
	p          *Pacer
	partition  int32
	partitions int32
	owner      string
	requests   chan *request
	records    chan []eventlog.Record
	turned     chan struct{} // the proposal has changed
	log        *zap.Logger

	proposed atomic.Bool // the partition is to be ours
	resumed  atomic.Bool // it was ours in the last life, and there is no proposal yet
	warm     atomic.Bool // it is folded up to what was the log's end

	// Of run's goroutine alone.
	loaded     bool  // the snapshot is read
	owned      int64 // the last epoch that was ours, of the snapshot; -1: none
	claimed    bool  // our claim is in the log, and no newer one was read
	claimValue []byte
	reclaim    time.Time // fenced though proposed: claim again then; zero: not fenced
	trimmed    time.Time // when trim last looked
	upTo       int64     // the last money record whose posting is known to be published; -1: none

	// mu guards the shard against readers: only run's goroutine changes it, and
	// never while it waits for the log.
	mu struct {
		sync.Mutex
		shard     *shard
		pending   []decision // postings that are not published yet
		err       error      // why it has stopped
		outcomes  map[Outcome]int64
		records   int64
		snapshots int64
		leases    int64
		retries   int64
		fenced    int64
		begun     bool // it was ready once: what the catalogue adds later does not stop bids
	}
}

var errStopping = errors.New("the pacer is stopping")

func newRunner(p *Pacer, partition, partitions int32, owner string) *runner {
	r := &runner{
		p: p, partition: partition, partitions: partitions, owner: owner, owned: -1, upTo: -1,
		requests: make(chan *request, 64), records: make(chan []eventlog.Record, 1), turned: make(chan struct{}, 1),
		log: p.deps.Logger.With(zap.Int32("partition", partition)),
	}
	r.mu.outcomes = map[Outcome]int64{}
	r.mu.shard = newShard(p.cfg, partition, partitions, owner, newLedger(partition))
	r.proposed.Store(p.deps.Ownership == nil)
	return r
}

// load reads the snapshot, once.
func (r *runner) load() error {
	if r.loaded {
		return nil
	}
	l, err := loadLedger(r.p.store, r.partition, r.partitions)
	if err != nil {
		return fmt.Errorf("%s: %w; with the node stopped, \"bidhawk ledger rebuild\" restores it from the log", r.p.deps.Dir, err)
	}
	if r.owned, err = readOwned(r.p.store, r.partition); err != nil {
		return err
	}
	s := newShard(r.p.cfg, r.partition, r.partitions, r.owner, l)
	if err := s.plan.load(r.p.store, r.partition); err != nil {
		return fmt.Errorf("%w: partition %d: plans: %w", ErrSnapshot, r.partition, err)
	}
	r.mu.Lock()
	r.mu.shard = s
	r.mu.Unlock()
	r.loaded = true
	return nil
}

// unload lets go of the state of a partition that is somebody else's.
func (r *runner) unload() {
	r.loaded = false
	r.warm.Store(false)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.shard = newShard(r.p.cfg, r.partition, r.partitions, r.owner, newLedger(r.partition))
	r.mu.pending = nil
}

func (r *runner) run(ctx context.Context) error {
	err := r.live(ctx)
	r.mu.Lock()
	if r.mu.err = err; err == nil {
		r.mu.err = errStopping
	}
	r.mu.Unlock()
	if err != nil {
		r.log.Error("a shard of the ledger has stopped: no leases, no postings of its advertisers", zap.Error(err))
	}
	r.refuse()
	return err
}

// refuse answers who waits: nobody waits for an answer that never comes.
func (r *runner) refuse() {
	for {
		select {
		case rq := <-r.requests:
			rq.done(ErrNotReady)
		default:
			return
		}
	}
}

// live follows the partition while it is this process's business.
func (r *runner) live(ctx context.Context) error {
	for {
		for !r.wanted() && !r.p.follows() {
			select {
			case <-ctx.Done():
				return nil
			case <-r.turned:
			}
		}
		if err := r.load(); err != nil {
			return err
		}
		if err := r.follow(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		r.refuse()
		r.unload()
	}
}

// follow reads the partition until ctx ends or it is nobody's business here.
func (r *runner) follow(ctx context.Context) error {
	reader, end, err := r.open(ctx)
	for err != nil && r.again(ctx, "the log can't be opened; trying again", err) {
		reader, end, err = r.open(ctx)
	}
	if ctx.Err() != nil {
		return nil
	} else if err != nil {
		return err
	}
	if !r.wanted() {
		r.trim(ctx) // a standby need not keep what was published long ago
	}
	fetching, stop := context.WithCancel(ctx)
	fetched := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { fetched <- r.fetch(fetching, reader) })
	if err = r.turn(ctx); err == nil {
		err = r.loop(ctx, fetched, end)
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // an append was cut off: the snapshot before it stands
	}
	stop()
	wg.Wait()
	select {
	case <-r.records: // of the reader that ends here
	default:
	}
	return errors.Join(err, reader.Close())
}

// open reads from the snapshot's offset. end is the log's present one.
func (r *runner) open(ctx context.Context) (_ eventlog.Reader, end int64, err error) {
	first, next, err := r.p.deps.Log.Bounds(ctx, eventlog.TopicMoney, r.partition)
	if err != nil {
		return nil, 0, fmt.Errorf("bounds of %s: %w", eventlog.TopicMoney, err)
	}
	from := r.mu.shard.ledger.next
	if from > next || from < first {
		return nil, 0, fmt.Errorf("%w: it stands at offset %d; the log holds %d to %d", ErrSnapshot, from, first, next)
	}
	reader, err := r.p.deps.Log.Read(ctx, eventlog.TopicMoney, r.partition, from)
	return reader, next, err
}

// turn brings ownership in line with what is wanted.
func (r *runner) turn(ctx context.Context) error {
	switch want := r.wanted(); {
	case want && !r.claimed:
		return r.claim(ctx)
	case !want && r.claimed:
		r.yield()
		r.log.Info("the partition is another pacer's now")
	}
	return nil
}

// claim takes the partition: it counts once it is read back. What waits to be
// published goes first, which is harmless where the claim comes to nothing.
func (r *runner) claim(ctx context.Context) error {
	msg, err := r.mu.shard.claim(r.p.deps.Clock())
	if err != nil {
		return err
	}
	r.claimValue, r.claimed, r.reclaim = msg.Value, true, time.Time{}
	if err := r.append(ctx, []eventlog.Message{msg}); err != nil {
		return err
	}
	return r.publish(ctx)
}

// yield ends our ownership. The state stays: it is the log's.
func (r *runner) yield() {
	r.mu.Lock()
	r.claimed, r.mu.begun = false, false
	r.mu.shard.rest()
	r.mu.Unlock()
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

func (r *runner) loop(ctx context.Context, fetched <-chan error, end int64) error {
	tick := time.NewTicker(r.p.cfg.Tick)
	defer tick.Stop()
	save := saver{r: r, saved: r.p.deps.Clock()}
	requests := r.requests
	for {
		var err error
		records := r.records
		if save.holding || !r.claimed && len(r.mu.pending) > maxPending {
			records = nil
		}
		select {
		case <-ctx.Done():
			return save.last()
		case err = <-fetched:
			if ctx.Err() != nil {
				return save.last()
			}
			return fmt.Errorf("read %s: %w", eventlog.TopicMoney, err)
		case recs := <-records:
			err = r.fold(ctx, recs)
		case rq := <-requests:
			err = r.grant(ctx, rq)
		case <-r.turned:
			err = r.turn(ctx)
		case <-tick.C:
			err = r.tick(ctx)
		}
		if err == nil && !r.warm.Load() && r.mu.shard.ledger.next >= end {
			err = r.resume(ctx)
		}
		if err == nil {
			err = save.perhaps()
		}
		if err != nil {
			return err
		}
		if !r.wanted() && !r.p.follows() {
			return save.last()
		}
		// Grants are sized one round at a time: the next sees what this one gave.
		requests = r.requests
		if len(r.mu.shard.open) > 0 {
			requests = nil
		}
	}
}

// fold applies records, and publishes what they decided before any snapshot can
// stand after them. A standby leaves that to the owner.
func (r *runner) fold(ctx context.Context, recs []eventlog.Record) error {
	back, err := r.apply(recs)
	if err != nil {
		return errors.Join(err, r.publishOwn(ctx))
	}
	if err := r.publishOwn(ctx); err != nil {
		return err
	}
	return r.append(ctx, back)
}

func (r *runner) publishOwn(ctx context.Context) error {
	if !r.claimed {
		return nil
	}
	return r.publish(ctx)
}

func (r *runner) apply(recs []eventlog.Record) (back []eventlog.Message, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.p.deps.Clock()
	s := r.mu.shard
	for i := range recs {
		p, err := s.read(now, &recs[i], r.ours)
		if errors.Is(err, ErrFenced) && r.p.deps.Ownership != nil {
			r.lose(now, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		r.mu.records++
		if p == nil {
			continue
		}
		if r.claimed { // else they are the owner's to count
			r.mu.outcomes[p.Outcome]++
		}
		m, err := p.message()
		if err != nil {
			return nil, err
		}
		r.keep(recs[i].Offset, m)
	}
	back, err = s.takeBack(now)
	r.mu.leases += int64(s.granted)
	s.granted = 0
	return back, err
}

// lose ends our ownership by a newer claim, with mu held. The shard goes on
// as a standby: the next proposal, or after a while this one, has it claim again.
func (r *runner) lose(now time.Time, why error) {
	r.mu.fenced++
	r.mu.shard.rest()
	r.claimed, r.mu.begun = false, false
	r.reclaim = now.Add(r.p.cfg.Reclaim)
	r.resumed.Store(false)
	r.log.Warn("another pacer has claimed the partition: it grants nothing here any more", zap.Error(why))
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
	if !r.claimed {
		return r.standbyTick(ctx)
	}
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
	case !r.wanted():
		return ErrNotOwner
	case !s.serving():
		return fmt.Errorf("%w: still reading %s at offset %d", ErrNotReady, eventlog.TopicMoney, s.ledger.next)
	case !r.mu.begun && (s.synced < 0 || !s.begun()):
		return fmt.Errorf("%w: the catalogue's budgets are not in the ledger yet", ErrNotReady)
	}
	r.mu.begun = true
	return nil
}
