package campaigns

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"bidhawk/internal/eventlog"
)

// FeedConfig configures a Feed.
type FeedConfig struct {
	// BatchMax bounds how many records are applied before a catalogue is
	// published; 0 is 1,000.
	BatchMax int
	// RetryWait is the pause before the topic is read again after an error; 0 is 200 ms.
	RetryWait time.Duration
}

// FeedDeps is what a Feed needs.
type FeedDeps struct {
	Log eventlog.Log
	// DeadLetter, if not nil, gets every record that was skipped because it
	// cannot be read, and why. It must not block.
	DeadLetter func(rec eventlog.Record, reason error)
	// OnError, if not nil, gets the errors of reading, which Run retries.
	OnError func(error)
}

// Feed follows the campaigns topic from its beginning and keeps the newest
// Catalog. The catalogue of a bad moment (the log is away) stays in use: bids go
// on with what is known. All methods but Run are safe for concurrent use.
type Feed struct {
	cfg  FeedConfig
	deps FeedDeps

	catalog atomic.Pointer[Catalog]
	ready   atomic.Bool
	skipped atomic.Int64

	mu struct {
		sync.Mutex
		brakes      brakes          // and the order of catalogues
		subscribers []chan struct{} // cap 1 each
	}
}

// NewFeed returns a feed with an empty catalogue; Run fills it.
func NewFeed(cfg FeedConfig, deps FeedDeps) *Feed {
	if cfg.BatchMax <= 0 {
		cfg.BatchMax = 1_000
	}
	if cfg.RetryWait <= 0 {
		cfg.RetryWait = 200 * time.Millisecond
	}
	f := &Feed{cfg: cfg, deps: deps}
	f.mu.brakes.stored = map[string]KillSwitch{}
	f.catalog.Store(newCatalog())
	return f
}

// Catalog is the newest catalogue, never nil. It may be kept; it never changes.
func (f *Feed) Catalog() *Catalog { return f.catalog.Load() }

// Ready says whether everything that was on the topic when Run began has been applied.
func (f *Feed) Ready() bool { return f.ready.Load() }

// Skipped counts the records that could not be read.
func (f *Feed) Skipped() int64 { return f.skipped.Load() }

// Subscribe returns a channel that holds a signal whenever the catalogue or
// Ready has changed since the last receive; changes in between are one signal.
// The channel lives as long as the feed.
func (f *Feed) Subscribe() <-chan struct{} {
	ch := make(chan struct{}, 1)
	f.mu.Lock()
	f.mu.subscribers = append(f.mu.subscribers, ch)
	f.mu.Unlock()
	return ch
}

// Run follows the topic until ctx ends (it returns nil) or the log is closed
// (eventlog.ErrClosed). Call it once.
func (f *Feed) Run(ctx context.Context) error {
	next, target := eventlog.FirstOffset, int64(-1)
	for {
		err := f.follow(ctx, &next, &target)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, eventlog.ErrClosed):
			return err
		case errors.Is(err, eventlog.ErrOffsetOutOfRange):
			next = eventlog.FirstOffset
		}
		if f.deps.OnError != nil {
			f.deps.OnError(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(f.cfg.RetryWait):
		}
	}
}

// follow reads from *next on until an error. *target is the end that Ready
// waits for; -1 until it is known.
func (f *Feed) follow(ctx context.Context, next, target *int64) error {
	if *target < 0 {
		first, end, err := f.deps.Log.Bounds(ctx, eventlog.TopicCampaigns, 0)
		if err != nil {
			return fmt.Errorf("bounds of %s: %w", eventlog.TopicCampaigns, err)
		}
		*target = end
		if first == end {
			f.setReady()
		}
	}
	r, err := f.deps.Log.Read(ctx, eventlog.TopicCampaigns, 0, *next)
	if err != nil {
		return fmt.Errorf("read %s at %d: %w", eventlog.TopicCampaigns, *next, err)
	}
	defer r.Close()
	for {
		recs, err := r.Fetch(ctx, f.cfg.BatchMax)
		if err != nil {
			return fmt.Errorf("fetch %s at %d: %w", eventlog.TopicCampaigns, *next, err)
		}
		if len(recs) == 0 {
			continue
		}
		f.apply(recs)
		*next = recs[len(recs)-1].Offset + 1
		// The store publishes no tombstones, so compaction keeps the last record
		// and the target is reached; Lag is for logs that hide offsets at the end.
		if *next >= *target || r.Lag() == 0 {
			f.setReady()
		}
	}
}

// apply publishes one catalogue with all of recs.
func (f *Feed) apply(recs []eventlog.Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := newDraft(f.catalog.Load(), &f.mu.brakes)
	for _, rec := range recs {
		if err := d.apply(rec); err != nil {
			f.skipped.Add(1)
			if f.deps.DeadLetter != nil {
				f.deps.DeadLetter(rec, err)
			}
		}
	}
	if d.changed() {
		f.catalog.Store(d.catalog())
		f.signal()
	}
}

func (f *Feed) setReady() {
	if f.ready.CompareAndSwap(false, true) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.signal()
	}
}

// Fix puts switches in force here, whatever the topic says, in place of those of
// the call before. They are on until a call leaves them out.
func (f *Feed) Fix(on []KillSwitch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fixed := make(map[string]KillSwitch, len(on))
	for _, k := range on {
		k.On = true
		fixed[k.Name()] = k
	}
	f.mu.brakes.fixed = fixed
	next := *f.catalog.Load()
	f.mu.brakes.in(&next)
	next.Generation++
	f.catalog.Store(&next)
	f.signal()
}

// signal tells the subscribers; mu is held.
func (f *Feed) signal() {
	for _, ch := range f.mu.subscribers {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}
