package pacing

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
)

// Config sets a pacer.
type Config struct {
	Window        time.Duration // a lease may be reserved from this long; default 10 s
	CloseAfter    time.Duration // and its notices post normally this long after that: win plus billing deadline; default 5 min
	HardAfter     time.Duration // and, late, this long after the close; default 48 h
	Tick          time.Duration // how often budgets, days and phases are looked at; default 50 ms
	SnapshotEvery time.Duration // default 2 s
	AppendRetry   time.Duration // wait between tries to append while the log refuses; default 200 ms
	// Standby reads partitions that others own along, so that a takeover waits for
	// nothing but its claim; without it a partition is read when it is owned. It
	// means something only beside other pacers.
	Standby bool
	Reclaim time.Duration // a fenced shard that is still proposed claims again after this; default 10 s
	// Deadlines are those of a class (exchange/format); nil, and zero fields: as
	// CloseAfter and HardAfter say.
	Deadlines func(class string) Deadlines
}

// DefaultConfig is the configuration for production.
func DefaultConfig() Config {
	return Config{
		Window: 10 * time.Second, CloseAfter: 5 * time.Minute, HardAfter: 48 * time.Hour, Tick: 50 * time.Millisecond,
		SnapshotEvery: 2 * time.Second, AppendRetry: 200 * time.Millisecond, Standby: true, Reclaim: 10 * time.Second,
	}
}

// Validate names the first field that breaks a rule.
func (c Config) Validate() error {
	for _, f := range []struct {
		name  string
		value time.Duration
		least time.Duration
	}{
		{"window", c.Window, 100 * time.Millisecond}, {"close_after", c.CloseAfter, 100 * time.Millisecond},
		{"hard_after", c.HardAfter, 100 * time.Millisecond}, {"tick", c.Tick, time.Millisecond},
		{"snapshot_every", c.SnapshotEvery, time.Millisecond}, {"append_retry", c.AppendRetry, time.Millisecond},
		{"reclaim", c.Reclaim, time.Millisecond},
	} {
		if f.value < f.least {
			return fmt.Errorf("pacer %s: got %v; want at least %v", f.name, f.value, f.least)
		}
	}
	return nil
}

// Deps is what a pacer needs.
type Deps struct {
	Log     eventlog.Log
	Dir     string                    // of the snapshots; the pacer owns it
	Catalog func() *campaigns.Catalog // the newest; nil until there is one
	Clock   func() time.Time          // monotonic where it can be
	Logger  *zap.Logger
	// Ownership proposes this process's partitions; nil: all, for good.
	Ownership Ownership

	store snapStore // in place of Dir's, in tests
}

// Pacer owns the ledger: every partition of money, or those that it is proposed.
// It grants leases, folds the log, writes postings and keeps snapshots. It is
// safe for concurrent use.
type Pacer struct {
	cfg    Config
	deps   Deps
	store  snapStore
	shards []*runner
	joined atomic.Bool // Ownership has proposed something
}

// NewPacer opens the snapshots and loads every partition. Run starts it; Close
// releases the directory.
func NewPacer(ctx context.Context, cfg Config, deps Deps) (*Pacer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Log == nil || deps.Dir == "" || deps.Catalog == nil || deps.Clock == nil || deps.Logger == nil {
		return nil, errors.New("pacer: log, dir, catalog, clock and logger are needed")
	}
	partitions, err := deps.Log.Partitions(ctx, eventlog.TopicMoney)
	if err != nil {
		return nil, fmt.Errorf("pacer: partitions of %s: %w", eventlog.TopicMoney, err)
	}
	owner, err := ids.RandomUint64()
	if err != nil {
		return nil, err
	}
	store := deps.store
	if store == nil {
		if store, err = openPebble(deps.Dir, false); err != nil {
			return nil, err
		}
	}
	p := &Pacer{cfg: cfg, deps: deps, store: store}
	for i := range partitions {
		p.shards = append(p.shards, newRunner(p, i, partitions, fmt.Sprintf("%016x", owner)))
	}
	if p.follows() {
		if err := p.load(); err != nil {
			return nil, errors.Join(fmt.Errorf("pacer: %s: %w", deps.Dir, err), store.Close())
		}
	}
	return p, nil
}

// load reads every partition's snapshot, several at a time.
func (p *Pacer) load() error {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, r := range p.shards {
		g.Go(r.load)
	}
	return g.Wait()
}

// Run runs every partition until ctx ends; then it writes a last snapshot. A
// partition that cannot go on stops alone and loudly: Ready says why, and Run
// returns the errors of all of them at its end. Run is called once.
func (p *Pacer) Run(ctx context.Context) error {
	errs := make([]error, len(p.shards)+1)
	var wg sync.WaitGroup
	wg.Go(func() { errs[len(p.shards)] = p.owning(ctx) })
	for i, r := range p.shards {
		wg.Go(func() { errs[i] = r.run(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Close releases the state directory. Run must have returned.
func (p *Pacer) Close() error { return p.store.Close() }

// Ready is nil when the partitions grant and know the catalogue's budgets; or
// else it says what is missing. A partition that has stopped for good stops its
// own advertisers, not the node's others: it is an alert (Stats.Stopped), and
// unreadiness only where no partition is left.
func (p *Pacer) Ready() error {
	var stopped error
	left := 0
	for i, r := range p.shards {
		if !r.wanted() && r.stopped() == nil {
			left++ // somebody else's
			if !p.joined.Load() {
				return fmt.Errorf("pacer: partition %d: %w: no word yet on who owns it", i, ErrNotReady)
			}
			continue
		}
		if err := r.stopped(); err != nil {
			stopped = fmt.Errorf("pacer: partition %d: %w", i, err)
			continue
		}
		left++
		if err := r.ready(); err != nil {
			return fmt.Errorf("pacer: partition %d: %w", i, err)
		}
	}
	if left == 0 {
		return stopped
	}
	return nil
}

// RequestLease implements LeaseSource.
func (p *Pacer) RequestLease(ctx context.Context, req LeaseRequest) (LeaseGrant, error) {
	var out LeaseGrant
	if err := req.check(); err != nil {
		return out, err
	}
	c := p.deps.Catalog()
	if c == nil {
		return out, fmt.Errorf("lease request: no catalogue yet: %w", ErrNotReady)
	}
	byShard := make([][]LeaseDemand, len(p.shards))
	for _, d := range req.Items {
		l, ok := c.Lineage(d.LineItem)
		if !ok {
			out.Refused = append(out.Refused, LeaseRefusal{LineItem: d.LineItem, Reason: RefusedInactive})
			continue
		}
		i := eventlog.PartitionOf(MoneyKey(l.Advertiser.ID), int32(len(p.shards)))
		byShard[i] = append(byShard[i], d)
	}
	var waiting []*call
	for i, items := range byShard {
		if len(items) > 0 {
			waiting = append(waiting, p.shards[i].ask(ctx, req.Bidder, items))
		}
	}
	var failed error
	answered := len(out.Refused) > 0
	for _, w := range waiting {
		if err := w.wait(ctx); err != nil {
			failed = err
			continue
		}
		answered = true
		out.Leases = append(out.Leases, w.rq.leases...)
		out.Refused = append(out.Refused, w.rq.refused...)
	}
	if !answered && failed != nil {
		return LeaseGrant{}, failed
	}
	return out, nil
}

func (r LeaseRequest) check() error {
	if r.Bidder == 0 || len(r.Items) > MaxLeaseItems {
		return fmt.Errorf("lease request: bidder %d with %d line items: want a bidder and at most %d", r.Bidder, len(r.Items), MaxLeaseItems)
	}
	return nil
}

// ErrNotOwner reports a request for a partition that is not this pacer's.
var ErrNotOwner = fmt.Errorf("%w: another pacer owns the partition", ErrNotReady)

// call is a request on its way through a shard. Exactly one side settles it.
type call struct {
	rq      *request
	settled atomic.Bool // by the answer, or by the caller who gives up
	done    chan error
}

// ask hands a request to the shard's goroutine.
func (r *runner) ask(ctx context.Context, bidder uint64, items []LeaseDemand) *call {
	c := &call{done: make(chan error, 1)}
	c.rq = &request{bidder: bidder, items: items, done: func(err error) bool {
		if !c.settled.CompareAndSwap(false, true) {
			return false
		}
		c.done <- err
		return true
	}}
	if err := r.stopped(); err != nil {
		c.rq.done(fmt.Errorf("%w: %w", ErrNotReady, err))
		return c
	}
	if !r.wanted() {
		c.rq.done(fmt.Errorf("partition %d: %w", r.partition, ErrNotOwner))
		return c
	}
	select {
	case r.requests <- c.rq:
	case <-ctx.Done():
		c.rq.done(ctx.Err())
	}
	return c
}

func (c *call) wait(ctx context.Context) error {
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
	}
	if c.settled.CompareAndSwap(false, true) {
		return fmt.Errorf("lease request: %w", ctx.Err()) // what is granted later goes back at once
	}
	return <-c.done
}
