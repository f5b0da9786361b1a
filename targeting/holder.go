package targeting

import (
	"context"
	"sync/atomic"
	"time"

	"bidhawk/campaigns"
)

// HolderConfig is what a Holder needs.
type HolderConfig struct {
	Tags TagNumbers                    // see Params
	Rank func(campaigns.Lineage) int64 // see Params
	Now  func() time.Time
	// Report hears of every build, on Run's goroutine; nil hears nothing.
	Report func(Built)
}

// Built tells of a build. The index is already in use.
type Built struct {
	Index *Index
	Err   error // what is wrong with line items that were left out
	Took  time.Duration
}

// Holder holds the index that bids use now and replaces it when the catalog
// changes. Matching never waits for a build.
type Holder struct {
	cfg   HolderConfig
	index atomic.Pointer[Index]
}

// NewHolder returns a Holder of an index without line items.
func NewHolder(cfg HolderConfig) *Holder {
	h := &Holder{cfg: cfg}
	h.index.Store(&Index{})
	return h
}

// Index is the index in use, never nil. Keep it for one request, no longer.
func (h *Holder) Index() *Index { return h.index.Load() }

// Generation is the catalog's that the index in use was built from; 0 before the first build.
func (h *Holder) Generation() int64 { return h.Index().Generation() }

// restMax bounds how long Run rests after a build.
const restMax = 250 * time.Millisecond

// Run builds the index of cat() at once and again after each signal of changed,
// until ctx is done; it then returns ctx's error, or nil when changed is closed.
// A signal during a build leads to one more build, so the index is never older
// than the last signal for longer than a build, a rest and a build.
//
// After a build it rests for as long as the build took (at most restMax): a
// stream of edits may not take a whole core away from bidding.
func (h *Holder) Run(ctx context.Context, changed <-chan struct{}, cat func() *campaigns.Catalog) error {
	rest := time.NewTimer(0)
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-rest.C:
		}
		rest.Reset(min(h.Rebuild(cat()), restMax))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case _, open := <-changed:
			if !open {
				return nil
			}
		}
	}
}

// Rebuild builds the index of cat, puts it in use and says how long that took.
// One goroutine at a time may call it.
func (h *Holder) Rebuild(cat *campaigns.Catalog) time.Duration {
	start := h.cfg.Now()
	ix, err := Build(cat, Params{Tags: h.cfg.Tags, Now: start, Rank: h.cfg.Rank})
	h.index.Store(ix)
	built := Built{Index: ix, Err: err, Took: h.cfg.Now().Sub(start)}
	if h.cfg.Report != nil {
		h.cfg.Report(built)
	}
	return built.Took
}
