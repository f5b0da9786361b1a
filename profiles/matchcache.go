package profiles

import (
	"sync"

	"bidhawk/internal/ids"
)

// matchCache keeps the hot rows of the match table: a set-associative table of
// fixed size that never allocates once its shards are in use.
//
// It only holds what the store holds: a writer bars inserts into the shards of
// the rows it changes until it is done, and a reader inserts what it read only
// if no write to that shard began or ended since it took its ticket.
type matchCache struct {
	shards [matchShards]matchShard
}

// 65,536 rows in 1.5 MB.
const (
	matchShards = 64
	matchSets   = 256
	matchWays   = 4
)

type matchShard struct {
	mu      sync.Mutex
	rows    []match // nil before the first insert; set i is rows[i*matchWays:]
	seq     uint32  // counts beginnings and ends of writes
	writing int     // writes under way
	victim  uint32  // which way of a full set goes next
	hits    uint64
	misses  uint64
	_       [64]byte
}

func (c *matchCache) place(foreign ids.UserKey) (*matchShard, int) {
	h := uint64(foreign) * 0x9e3779b97f4a7c15
	return &c.shards[h>>58], int(h>>40) % matchSets * matchWays
}

// set is the ways where foreign may be; nil before the first insert.
func (s *matchShard) set(at int) []match {
	if s.rows == nil {
		return nil
	}
	return s.rows[at : at+matchWays]
}

// get returns the row, or user 0 and a ticket for insert.
func (c *matchCache) get(foreign ids.UserKey) (match, uint32) {
	s, at := c.place(foreign)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.set(at) {
		if m.foreign == foreign && m.user != 0 {
			s.hits++
			return m, 0
		}
	}
	s.misses++
	return match{}, s.seq
}

// insert offers what was read from the store after the ticket was taken.
func (c *matchCache) insert(m match, ticket uint32) {
	s, at := c.place(m.foreign)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing == 0 && s.seq == ticket {
		s.put(m, at)
	}
}

// put overwrites foreign's row, a free one, or the next victim. mu is held.
func (s *matchShard) put(m match, at int) {
	if s.rows == nil {
		s.rows = make([]match, matchSets*matchWays)
	}
	set, free := s.set(at), -1
	for i := range set {
		if set[i].foreign == m.foreign {
			set[i] = m
			return
		}
		if set[i].user == 0 {
			free = i
		}
	}
	if free < 0 {
		free = int(s.victim % matchWays)
		s.victim++
	}
	set[free] = m
}

func (s *matchShard) drop(foreign ids.UserKey, at int) {
	set := s.set(at)
	for i := range set {
		if set[i].foreign == foreign {
			set[i] = match{}
		}
	}
}

// beginWrite takes the rows' old copies away and bars inserts until endWrite.
func (c *matchCache) beginWrite(rows []match) {
	for _, m := range rows {
		s, at := c.place(m.foreign)
		s.mu.Lock()
		s.writing++
		s.seq++
		s.drop(m.foreign, at)
		s.mu.Unlock()
	}
}

// endWrite puts the rows in, where they were written.
func (c *matchCache) endWrite(rows []match, written bool) {
	for _, m := range rows {
		s, at := c.place(m.foreign)
		s.mu.Lock()
		s.writing--
		s.seq++ // a reader that began meanwhile may have read what was before
		if written && m.user != 0 {
			s.put(m, at)
		}
		s.mu.Unlock()
	}
}

func (c *matchCache) counts() (hits, misses uint64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		hits, misses = hits+s.hits, misses+s.misses
		s.mu.Unlock()
	}
	return hits, misses
}
