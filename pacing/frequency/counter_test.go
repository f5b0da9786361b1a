package frequency

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bidhawk/internal/ids"
)

var (
	start = time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC)
	key   = Key{User: 7, LineItem: 3, Day: 20260329}
)

func newCounter() *Counter { return New(Config{MaxKeys: 64 * 100, HoldFor: 5 * time.Second}) }

func TestBidsInFlightCount(t *testing.T) {
	c := newCounter()
	f := func(at time.Duration, max int, want bool) {
		t.Helper()
		if got := c.Take(key, max, start.Add(at)); got != want {
			t.Fatalf("Take at %v with cap %d: got %v; want %v", at, max, got, want)
		}
	}
	f(0, 2, true)
	f(0, 2, true)
	f(time.Second, 2, false)  // both still in flight
	f(7*time.Second, 2, true) // the holds have ended
	c.Shown(key)
	f(8*time.Second, 2, true)
	c.Shown(key)
	f(60*time.Second, 2, false) // two shown: the day is full
	f(60*time.Second, 3, true)
}

func TestReleaseGivesTheBidBack(t *testing.T) {
	c := newCounter()
	c.Take(key, 1, start)
	c.Release(key)
	if !c.Take(key, 1, start) {
		t.Fatal("a released bid must not count")
	}
	c.Release(Key{User: 99}) // unknown: nothing to give back
	if n := c.Len(); n != 1 {
		t.Fatalf("got %d keys; want 1", n)
	}
	c.Release(key)
	if n := c.Len(); n != 0 {
		t.Fatalf("got %d keys; want none: nothing is known of the user", n)
	}
}

func TestConcurrentTakesNeverPassTheCap(t *testing.T) {
	c := newCounter()
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				if c.Take(key, 17, start) {
					taken.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if got := taken.Load(); got != 17 {
		t.Fatalf("got %d bids in flight; want the cap, 17", got)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	c := New(Config{MaxKeys: 64 * 4, HoldFor: time.Second})
	for u := range 10_000 {
		c.Take(Key{User: ids.UserKey(u), LineItem: 1, Day: 1}, 5, start)
	}
	if n := c.Len(); n != 64*4 {
		t.Fatalf("got %d keys; want the bound, 256", n)
	}
	for u := range 10_000 {
		c.Shown(Key{User: ids.UserKey(20_000 + u), LineItem: 1, Day: 1})
		c.Restore(Key{User: ids.UserKey(40_000 + u), LineItem: 1, Day: 1}, 3)
	}
	if n := c.Len(); n != 64*4 {
		t.Fatalf("got %d keys after impressions of others; want the bound, 256", n)
	}
	c.Forget(2)
	if n := c.Len(); n != 0 {
		t.Fatalf("got %d keys after the day was forgotten; want 0", n)
	}
}

func TestLostBidsMakeRoom(t *testing.T) {
	c := New(Config{MaxKeys: 64 * 4, HoldFor: time.Second})
	take := func(user int, at time.Duration) bool {
		return c.Take(Key{User: ids.UserKey(user), LineItem: 1, Day: 1}, 5, start.Add(at))
	}
	for u := range 64 * 4 {
		if !take(u, 0) {
			t.Fatalf("user %d was refused with room left", u)
		}
	}
	for u := range 64 { // one of four won
		c.Shown(Key{User: ids.UserKey(u), LineItem: 1, Day: 1})
	}
	if take(1000, time.Second/2) {
		t.Fatal("bids in flight must stay")
	}
	for u := 1000; u < 1000+64*3; u++ {
		if !take(u, 2*time.Second) {
			t.Fatalf("user %d was refused though the lost bids' holds have ended", u)
		}
	}
	if take(5000, 2*time.Second) || c.Len() != 64*4 {
		t.Fatalf("got %d keys; want the bound, 256", c.Len())
	}
	for u := range 64 {
		if n := c.Count(Key{User: ids.UserKey(u), LineItem: 1, Day: 1}); n != 1 {
			t.Fatalf("user %d: got %d impressions; want 1", u, n)
		}
	}
	c.Release(Key{User: 1000, LineItem: 1, Day: 1})
	if !take(1000+64*100, 2*time.Second) {
		t.Fatal("a released bid must make room")
	}
}

func TestRestoreCountsAgain(t *testing.T) {
	c := newCounter()
	c.Restore(key, 2)
	if c.Take(key, 2, start) {
		t.Fatal("a restored count must refuse the third")
	}
	if n := c.Count(key); n != 2 {
		t.Fatalf("got %d; want 2", n)
	}
}

func TestAllowsLooksAndTakesNothing(t *testing.T) {
	c := New(Config{MaxKeys: 1000, HoldFor: 5 * time.Second})
	k := Key{User: 1, LineItem: 2, Day: 20260302}
	now := time.Unix(1_800_000_000, 0)
	f := func(at time.Time, want bool) {
		t.Helper()
		for range 3 {
			if got := c.Allows(k, 1, at); got != want {
				t.Errorf("at %v: got %v; want %v", at, got, want)
			}
		}
	}
	f(now, true)
	if n := c.Len(); n != 0 {
		t.Errorf("%d keys were made; want none", n)
	}
	c.Take(k, 1, now)
	f(now, false)
	f(now.Add(6*time.Second), true) // the bid was lost
	c.Shown(k)
	f(now.Add(6*time.Second), false)
}
