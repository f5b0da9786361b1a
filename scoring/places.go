package scoring

import "sync/atomic"

// places is a table of fixed size from places to tallies: sets of ways cells, the
// hash of the place choosing the set. One writes at a time, many read without a lock.
type places struct {
	cells []cell
	mask  uint64 // of sets
}

const ways = 8

// cell is one place, or none where its key is 0. A reader that finds its key before
// and after reading has read of its place: a writer takes the key out first.
type cell struct {
	creative  atomic.Int64
	placement atomic.Uint32 // 0: the cell is free, or being written
	tally
}

func newPlaces(n int) *places {
	sets := uint64(1)
	for int(sets)*ways < n {
		sets *= 2
	}
	return &places{cells: make([]cell, sets*ways), mask: sets - 1}
}

func (t *places) setOf(p Place) []cell {
	h := (uint64(p.Creative)<<32 ^ uint64(p.Placement)) * 0x9e3779b97f4a7c15 // Fibonacci hashing
	at := (h >> 32 & t.mask) * ways
	return t.cells[at : at+ways]
}

func (t *places) get(p Place) (s Seen, ok bool) {
	set := t.setOf(p)
	for i := range set {
		c := &set[i]
		if !c.is(p) {
			continue
		}
		if s = c.get(); c.is(p) {
			return s, true
		}
	}
	return Seen{}, false
}

func (c *cell) is(p Place) bool {
	return c.placement.Load() == p.Placement && c.creative.Load() == int64(p.Creative)
}

// set is called by one at a time.
func (t *places) set(p Place, s Seen) {
	set := t.setOf(p)
	victim := &set[0]
	for i := range set {
		c := &set[i]
		if c.is(p) {
			c.tally.set(s)
			return
		}
		if victim.placement.Load() == 0 {
			continue
		}
		if c.placement.Load() == 0 || c.last.Load() < victim.last.Load() {
			victim = c
		}
	}
	if victim.placement.Load() != 0 && victim.last.Load() > s.Last.Unix() {
		return // all are newer
	}
	victim.placement.Store(0)
	victim.creative.Store(int64(p.Creative))
	victim.tally.set(s)
	victim.placement.Store(p.Placement)
}
