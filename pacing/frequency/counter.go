// Package frequency caps how often one user meets one line item in a day.
package frequency

import (
	"sync"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
	"bidhawk/pacing"
)

// Key is what a count is kept for.
type Key struct {
	User     ids.UserKey
	LineItem campaigns.ID
	Day      pacing.Day // in the advertiser's zone
}

// Config bounds a Counter.
type Config struct {
	// MaxKeys bounds memory; beyond it new users of capped line items are
	// refused (about 64 B a key). Users whose bids were all lost make room.
	MaxKeys int
	// HoldFor is how long a bid counts against the cap before its impression is
	// known: a page loads several slots within a second, so a few seconds.
	HoldFor time.Duration
}

const shardCount = 64

// Counter holds today's counts in memory. A count is impressions that were
// shown plus bids in flight. It is safe for concurrent use; a lock guards one
// shard of the users only.
type Counter struct {
	cfg    Config
	shards [shardCount]shard
}

type shard struct {
	mu      sync.Mutex
	counts  map[Key]entry
	sweepAt int64 // unix milliseconds: no sweep before
}

// entry counts impressions and the bids in flight; holds end together at
// holdUntil (unix milliseconds), which every new one moves on.
type entry struct {
	shown     uint16
	inFlight  uint16
	holdUntil int64
}

// New returns an empty Counter.
func New(cfg Config) *Counter {
	c := &Counter{cfg: cfg}
	for i := range c.shards {
		c.shards[i].counts = make(map[Key]entry)
	}
	return c
}

// full says whether s takes no new key; s.mu is held.
func (c *Counter) full(s *shard) bool { return len(s.counts) >= c.cfg.MaxKeys/shardCount }

func (c *Counter) shard(u ids.UserKey) *shard { return &c.shards[uint64(u)%shardCount] }

// Take counts a bid in flight for k unless that would pass max; ok is false
// then, and where memory is full. What is taken comes back by itself after
// HoldFor, or turns into an impression by Shown.
func (c *Counter) Take(k Key, max int, now time.Time) (ok bool) {
	ms := now.UnixMilli()
	s := c.shard(k.User)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, known := s.counts[k]
	if e.holdUntil <= ms {
		e.inFlight = 0
	}
	if int(e.shown)+int(e.inFlight) >= max {
		return false
	}
	if full := c.cfg.MaxKeys / shardCount; !known && len(s.counts) >= full {
		if s.sweep(ms, c.cfg.HoldFor.Milliseconds()); len(s.counts) >= full {
			return false
		}
	}
	e.inFlight++
	e.holdUntil = ms + c.cfg.HoldFor.Milliseconds()
	s.counts[k] = e
	return true
}

// Allows says whether Take would count a bid for k. It changes nothing.
func (c *Counter) Allows(k Key, max int, now time.Time) bool {
	s := c.shard(k.User)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.counts[k]
	if e.holdUntil <= now.UnixMilli() {
		e.inFlight = 0
	}
	return int(e.shown)+int(e.inFlight) < max
}

// sweep drops the keys of bids that were lost: most bids are, and their keys
// would fill the memory for days. It runs in Take, when a shard is full, and at
// most once in holdFor: sooner there is little to find. mu is held.
func (s *shard) sweep(ms, holdFor int64) {
	if ms < s.sweepAt {
		return
	}
	s.sweepAt = ms + holdFor
	for k, e := range s.counts {
		if e.shown == 0 && e.holdUntil <= ms {
			delete(s.counts, k)
		}
	}
}

// Release ends one bid in flight that was not sent after all.
func (c *Counter) Release(k Key) {
	s := c.shard(k.User)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.counts[k]
	switch {
	case e.inFlight == 0:
	case e.inFlight == 1 && e.shown == 0:
		delete(s.counts, k)
	default:
		e.inFlight--
		s.counts[k] = e
	}
}

// Shown counts an impression that was shown; it ends one bid in flight. Where
// memory is full a new key is left out: Take refuses it as long as that lasts.
func (c *Counter) Shown(k Key) {
	s := c.shard(k.User)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, known := s.counts[k]
	if !known && c.full(s) {
		return
	}
	if e.inFlight > 0 {
		e.inFlight--
	}
	if e.shown < 1<<16-1 {
		e.shown++
	}
	s.counts[k] = e
}

// Restore sets the impressions of k, as a restart reads them back; bounded as Shown.
func (c *Counter) Restore(k Key, shown int) {
	s := c.shard(k.User)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, known := s.counts[k]
	if !known && c.full(s) {
		return
	}
	e.shown = uint16(min(shown, 1<<16-1))
	s.counts[k] = e
}

// Count is the impressions shown for k.
func (c *Counter) Count(k Key) int {
	s := c.shard(k.User)
	s.mu.Lock()
	defer s.mu.Unlock()
	return int(s.counts[k].shown)
}

// Forget drops every day before day; two days back is safe in every zone.
func (c *Counter) Forget(day pacing.Day) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for k := range s.counts {
			if k.Day < day {
				delete(s.counts, k)
			}
		}
		s.mu.Unlock()
	}
}

// Len is the number of keys held.
func (c *Counter) Len() (n int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += len(s.counts)
		s.mu.Unlock()
	}
	return n
}
