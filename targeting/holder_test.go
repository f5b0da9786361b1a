package targeting

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bidhawk/campaigns"
)

func TestHolderRebuildsOnChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cat atomic.Pointer[campaigns.Catalog]
		cat.Store(plain(1))
		changed := make(chan struct{}, 1)
		builds := 0
		h := NewHolder(HolderConfig{Tags: taxonomy(), Now: time.Now, Report: func(b Built) {
			builds++
			if b.Err != nil || b.Index == nil {
				t.Errorf("built %v, %v", b.Index, b.Err)
			}
		}})
		if h.Index() == nil || h.Index().Len() != 0 || h.Generation() != 0 {
			t.Errorf("before the first build: %v", h.Index())
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx, changed, cat.Load) }()
		f := func(lines, wantBuilds int) {
			t.Helper()
			synctest.Wait()
			if h.Index().Len() != lines || builds != wantBuilds || h.Generation() != cat.Load().Generation {
				t.Errorf("%d rows, %d builds, generation %d; want %d, %d, %d",
					h.Index().Len(), builds, h.Generation(), lines, wantBuilds, cat.Load().Generation)
			}
		}
		f(1, 1)
		next := plain(3)
		next.Generation = 2
		cat.Store(next)
		f0 := h.Index()
		synctest.Wait()
		if h.Index() != f0 {
			t.Error("rebuilt without a signal")
		}
		changed <- struct{}{}
		f(3, 2)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v; want %v", err, context.Canceled)
		}
	})
}

func TestHolderEndsWithTheFeed(t *testing.T) {
	changed := make(chan struct{})
	close(changed)
	h := NewHolder(HolderConfig{Tags: taxonomy(), Now: func() time.Time { return epoch }})
	if err := h.Run(t.Context(), changed, func() *campaigns.Catalog { return plain(1) }); err != nil {
		t.Errorf("Run = %v", err)
	}
}

// TestHolderRestsAfterABuild: edits in a stream leave the processor to bidding half of the time.
func TestHolderRestsAfterABuild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const building = 100 * time.Millisecond
		changed := make(chan struct{}, 1)
		builds := 0
		h := NewHolder(HolderConfig{Tags: taxonomy(), Now: time.Now, Report: func(Built) { builds++ }})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		catalog := func() *campaigns.Catalog {
			select {
			case changed <- struct{}{}: // there is always one more edit
			default:
			}
			return plain(1)
		}
		// The clock of a build: each reading takes half of it.
		h.cfg.Now = func() time.Time { time.Sleep(building / 2); return time.Now() }
		if err := h.Run(ctx, changed, catalog); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run = %v", err)
		}
		// A build takes 100 ms as seen from outside and 50 ms by its clock.
		if builds < 6 || builds > 8 {
			t.Errorf("%d builds in a second of which two thirds may be spent building; want 6 to 8", builds)
		}
	})
}

// TestMatchingDuringRebuilds runs readers against a writer for the race detector;
// whatever index a reader has must be whole.
func TestMatchingDuringRebuilds(t *testing.T) {
	h := NewHolder(HolderConfig{Tags: taxonomy(), Now: func() time.Time { return epoch }})
	small, large := plain(10), plain(1000)
	large.Generation = 2
	var stop atomic.Bool
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			var s Scratch
			var rows []int32
			for !stop.Load() {
				ix := h.Index()
				rows = ix.Match(rows[:0], &s, &RequestFacts{Now: epoch}, &ImpFacts{})
				if len(rows) != ix.Len() {
					t.Errorf("%d of %d rows match", len(rows), ix.Len())
					return
				}
			}
		})
	}
	for range 50 {
		h.Rebuild(small)
		h.Rebuild(large)
	}
	stop.Store(true)
	readers.Wait()
}
