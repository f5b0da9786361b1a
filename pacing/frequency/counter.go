package frequency

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Config bounds a Counter.
type Config struct {
	// MaxKeys bounds memory, about 90 B a key: one for each cap that a user or
	// household was bid for under. Beyond it new users of capped line items are
	// refused. What no longer counts makes room.
	MaxKeys int
	// HoldFor is how long a bid counts against its caps before its impression is
	// known. It must cover the way of an impression from the bid through the log;
	// a page loads several slots within a second.
	HoldFor time.Duration
}

const shardCount = 64

// Counter holds the counts in memory. It is safe for concurrent use; a lock guards
// one shard of the subjects, and no two are held at once.
type Counter struct {
	holdFor int64 // milliseconds
	most    int   // entries of a shard
	full    atomic.Uint64
	shards  [shardCount]shard
}

type shard struct {
	mu sync.Mutex
	table
	_ [32]byte
}

// New returns an empty Counter.
func New(cfg Config) *Counter {
	return &Counter{holdFor: cfg.HoldFor.Milliseconds(), most: max(cfg.MaxKeys/shardCount, 1)}
}

// Refusal says why Take refused; the zero value that it did not.
type Refusal struct {
	Cap *Cap // that is reached, or finds no room
	// Full says that the memory is full: the cap may not be reached.
	Full bool
}

// hash of a subject chooses its shard.
func (u Subject) hash() uint64 { return mix(u.Key, uint64(u.Kind)) }

func (c *Counter) shard(hash uint64) *shard { return &c.shards[hash>>58] }

// Take counts a bid in flight for w towards every cap, or towards none where one of
// them refuses. What is taken comes back by itself after HoldFor, or turns into an
// impression by Put.
func (c *Counter) Take(caps *Caps, w Who, now time.Time) Refusal {
	ms := now.UnixMilli()
	if r := c.take(caps.User, w.User, ms); r.Cap != nil {
		return r
	}
	r := c.take(caps.Household, w.Household, ms)
	if r.Cap != nil {
		c.release(caps.User, w.User)
	}
	return r
}

func (c *Counter) take(caps []Cap, u Subject, ms int64) Refusal {
	if len(caps) == 0 || u.Kind == Nobody {
		return Refusal{}
	}
	var places [maxCaps]uint32
	hash := u.hash()
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range caps {
		places[i] = s.find(mix(hash, caps[i].id))
		if places[i] != 0 && s.at(places[i]).reached(&caps[i], ms) {
			return Refusal{Cap: &caps[i]}
		}
	}
	for i := range caps { // what is held is not swept to make room for the others
		if places[i] != 0 {
			s.at(places[i]).hold(ms, c.holdFor)
		}
	}
	for i := range caps {
		if places[i] != 0 {
			continue
		}
		if !s.room(c.most, ms) {
			for k := range caps {
				if places[k] != 0 {
					s.unhold(places[k])
				}
			}
			c.full.Add(1)
			return Refusal{Cap: &caps[i], Full: true}
		}
		places[i] = s.insert(mix(hash, caps[i].id))
		s.at(places[i]).hold(ms, c.holdFor)
	}
	return Refusal{}
}

// reached says whether the cap takes no further bid.
func (e *entry) reached(c *Cap, ms int64) bool {
	return e.count(c.Window, uint32(ms/1000))+e.heldAt(ms) >= c.Max
}

func (e *entry) hold(ms, holdFor int64) {
	e.held = uint16(min(e.heldAt(ms)+1, math.MaxUint16))
	e.holdUntil = ms + holdFor
}

// unhold ends one bid in flight; an entry that says nothing then is gone.
func (s *shard) unhold(place uint32) {
	e := s.at(place)
	if e.held > 0 {
		e.held--
	}
	if e.held == 0 && e.End == 0 {
		s.remove(place)
	}
}

// Looking at a few entries for each new one keeps at most about as many dead ones as
// live; where the memory is full more are looked at.
const (
	sweepAlways = 2
	sweepFull   = 64
)

// room says whether there is room for one more entry.
func (s *shard) room(most int, ms int64) bool {
	s.sweep(sweepAlways, ms)
	if s.used >= most {
		s.sweep(sweepFull, ms)
	}
	return s.used < most
}

// Allows is the first cap that would refuse a bid, nil where Take would count it.
// It changes nothing.
func (c *Counter) Allows(caps *Caps, w Who, now time.Time) *Cap {
	ms := now.UnixMilli()
	if r := c.allows(caps.User, w.User, ms); r != nil {
		return r
	}
	return c.allows(caps.Household, w.Household, ms)
}

func (c *Counter) allows(caps []Cap, u Subject, ms int64) *Cap {
	if len(caps) == 0 || u.Kind == Nobody {
		return nil
	}
	hash := u.hash()
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range caps {
		if p := s.find(mix(hash, caps[i].id)); p != 0 && s.at(p).reached(&caps[i], ms) {
			return &caps[i]
		}
	}
	return nil
}

// Release ends one bid in flight that was taken and not sent after all.
func (c *Counter) Release(caps *Caps, w Who) {
	c.release(caps.User, w.User)
	c.release(caps.Household, w.Household)
}

func (c *Counter) release(caps []Cap, u Subject) {
	if len(caps) == 0 || u.Kind == Nobody {
		return
	}
	hash := u.hash()
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range caps {
		if p := s.find(mix(hash, caps[i].id)); p != 0 {
			s.unhold(p)
		}
	}
}

// Put sets what u was shown towards a cap. own says that it has grown by a bid of
// this process, which is in flight no more. ok is false where memory has no room: the
// store keeps the count, and Put may come again.
func (c *Counter) Put(v *Cap, u Subject, st State, own bool, now time.Time) (ok bool) {
	ms := now.UnixMilli()
	hash := u.hash()
	key := mix(hash, v.id)
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	place := s.find(key)
	if place == 0 {
		if uint32(ms/1000) >= st.End {
			return true // nothing of it counts
		}
		if !s.room(c.most, ms) {
			return false
		}
		place = s.insert(key)
	}
	e := s.at(place)
	e.State = st
	if own && e.held > 0 {
		e.held--
	}
	return true
}

// Count is what u was shown towards a cap, bids in flight aside.
func (c *Counter) Count(v *Cap, u Subject, now time.Time) int {
	hash := u.hash()
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.find(mix(hash, v.id)); p != 0 {
		return s.at(p).count(v.Window, second(now))
	}
	return 0
}

// Len is the number of keys held, those that no longer count included.
func (c *Counter) Len() (n int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += s.used
		s.mu.Unlock()
	}
	return n
}

// Full is how many bids were refused because memory was full.
func (c *Counter) Full() uint64 { return c.full.Load() }
