package profiles

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"bidhawk/internal/eventlog"
)

// Deps is what Feed and Builder work with; all but DeadLetter are required.
type Deps struct {
	Log     eventlog.Log
	Store   *Store // its own: a Feed and a Builder never share one
	Numbers TagNumbers
	// DeadLetter is told of each record that could not be read, and why. It may
	// be called from several goroutines, must not block for long, and may be
	// called again for the same record after a crash. The reason never has a raw
	// identifier.
	DeadLetter func(r eventlog.Record, reason string)
}

func (d *Deps) validate() error {
	switch {
	case d.Log == nil:
		return errors.New("profiles: Log: got nil; want an event log")
	case d.Store == nil:
		return errors.New("profiles: Store: got nil; want an open store")
	case d.Numbers == nil:
		return errors.New("profiles: Numbers: got nil; want the taxonomy")
	}
	if d.DeadLetter == nil {
		d.DeadLetter = func(eventlog.Record, string) {}
	}
	return nil
}

// Feed keeps a node's store up to date with the topic "profiles": it reads every
// partition from the offset kept in the store. Of a user's records the highest
// version wins; a tombstone erases. What the log delivers again changes nothing.
type Feed struct {
	deps    Deps
	counts  counts
	tracked tracked
}

// counts are the counters of a feed or builder.
type counts struct {
	applied, stale, dead, unknownTags, ignored, evicted atomic.Uint64
}

// tracked is the progress of the partitions being read, known once Run has
// learnt how many there are.
type tracked struct{ p atomic.Pointer[[]*progress] }

func (t *tracked) set(p []*progress) { t.p.Store(&p) }

// lag sums the partitions; ready is false before Run has seen them all.
func (t *tracked) state() (lag int64, retries uint64, ready bool) {
	p := t.p.Load()
	if p == nil {
		return 0, 0, false
	}
	ready = true
	for _, one := range *p {
		lag += one.lag.Load()
		retries += one.retries.Load()
		ready = ready && one.caughtUp.Load()
	}
	return lag, retries, ready
}

// NewFeed checks deps. Nothing runs before Run.
func NewFeed(deps Deps) (*Feed, error) {
	if err := deps.validate(); err != nil {
		return nil, err
	}
	return &Feed{deps: deps}, nil
}

// Run applies records until ctx ends (nil), or the store or log is closed or
// broken. A log that is away is retried. Call it once; the store may be closed
// only after it returned.
func (f *Feed) Run(ctx context.Context) error {
	n, err := partitionsOf(ctx, f.deps.Log, eventlog.TopicProfiles)
	if err != nil {
		return endOf(ctx, "profile feed", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	all := make([]*progress, n)
	for p := range n {
		all[p] = &progress{}
		w := &feedWorker{feed: f, partition: p, decoder: decoder{numbers: f.deps.Numbers}}
		c := consumer{
			log: f.deps.Log, store: f.deps.Store, topic: eventlog.TopicProfiles, partition: p,
			handle: w.handle, progress: all[p],
		}
		group.Go(func() error { return c.run(ctx) })
	}
	f.tracked.set(all)
	return endOf(ctx, "profile feed", group.Wait())
}

// endOf is nil for an orderly stop.
func endOf(ctx context.Context, who string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("%s: %w", who, err)
}

// Ready says whether every partition has been applied up to where it ended when
// Run first saw it. It stays true.
func (f *Feed) Ready() bool {
	_, _, ready := f.tracked.state()
	return ready
}

// feedWorker applies one partition; its buffers are reused.
type feedWorker struct {
	feed      *Feed
	partition int32
	decoder   decoder
	changes   []Change
	arena     []byte
}

func (w *feedWorker) handle(_ context.Context, recs []eventlog.Record) error {
	w.changes, w.arena = w.changes[:0], w.arena[:0]
	for i := range recs {
		if c, ok := w.change(&recs[i]); ok {
			w.changes = append(w.changes, c)
		}
	}
	applied, stale, err := w.feed.deps.Store.Apply(w.changes,
		Offset{Topic: eventlog.TopicProfiles, Partition: w.partition, Next: recs[len(recs)-1].Offset + 1})
	if err != nil {
		return fatal(err)
	}
	w.feed.counts.applied.Add(uint64(applied))
	w.feed.counts.stale.Add(uint64(stale))
	return nil
}

// change turns a log record into a change; false sent it to the dead letters.
func (w *feedWorker) change(r *eventlog.Record) (Change, bool) {
	c, unknown, err := w.convert(r)
	if err != nil {
		w.feed.counts.dead.Add(1)
		w.feed.deps.DeadLetter(*r, err.Error())
		return Change{}, false
	}
	w.feed.counts.unknownTags.Add(uint64(unknown))
	return c, true
}

func (w *feedWorker) convert(r *eventlog.Record) (c Change, unknown int, err error) {
	if r.Value == nil {
		user, ok := parseUser(r.Key)
		if !ok {
			return Change{}, 0, errors.New("key: want 16 hex digits, not all 0")
		}
		return Change{User: user}, 0, nil
	}
	p, err := w.decoder.profile(r)
	if err != nil {
		return Change{}, 0, err
	}
	start := len(w.arena)
	w.arena, err = AppendRecord(w.arena, p.version, p.at, p.tags)
	if err != nil {
		return Change{}, 0, err
	}
	return Change{User: p.user, Record: w.arena[start:len(w.arena):len(w.arena)]}, p.unknown, nil
}

// FeedStats is a feed's state for metrics. Counters start at 0 with the process.
type FeedStats struct {
	Applied     uint64 // records that changed the store
	Stale       uint64 // records not newer than what there was
	Dead        uint64 // records that could not be read
	UnknownTags uint64 // tags left out because the taxonomy does not have them
	Retries     uint64 // times the log had to be asked again
	Lag         int64  // offsets not yet applied, as of the last reads
	Ready       bool
}

// Stats reads the counters.
func (f *Feed) Stats() FeedStats {
	s := FeedStats{
		Applied:     f.counts.applied.Load(),
		Stale:       f.counts.stale.Load(),
		Dead:        f.counts.dead.Load(),
		UnknownTags: f.counts.unknownTags.Load(),
	}
	s.Lag, s.Retries, s.Ready = f.tracked.state()
	return s
}
