package profiles

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/ristretto/v2"

	"bidhawk/internal/ids"
)

// hotCache is the read-through cache in front of the store: it only ever holds
// copies of what the store holds.
//
// Ristretto applies a Set some time after it returned, keeps the older of two
// quick Sets of a new key, and may insert what was deleted meanwhile. A plain
// "write the store, then delete the key" would thus serve stale profiles. So a
// writer goes around the cache instead, in this order:
//
//  1. beginWrite closes the slots of the users it is about to change: readers
//     may not insert into a closed slot; then it deletes the keys and waits
//     until the cache has worked off everything queued before. Now no copy is
//     in the cache nor on its way to it, and none can get there.
//  2. it writes the store.
//  3. endWrite opens the slots.
//
// A reader that misses takes the slot's ticket before it reads the store, and
// inserts only if the slot is open and its ticket unchanged: no write began in
// between, so what it read is what the store holds. Any copy found in the cache
// is therefore what the store holds at that moment: hits need no check.
//
// Slots are shared by many users; a collision costs an insert, never freshness.
type hotCache struct {
	cache *ristretto.Cache[uint64, []byte]
	slots []slot
	// pending is how many inserts the cache has queued. Its bound keeps
	// beginWrite's wait short when many readers miss at once.
	pending atomic.Int64
}

// maxPending inserts take the cache about a millisecond; further ones are
// skipped. maxDeletes is how many deletes are queued before a wait: both
// together stay below ristretto's queue of 32 Ki, where it would drop inserts.
const (
	maxPending = 1 << 10
	maxDeletes = 1 << 14
)

// slot guards the inserts of the users that fall on it.
type slot struct {
	mu  sync.Mutex
	seq uint32 // odd: closed by the one writer
}

const hotSlotBits = 16

// entryOverhead is what a cached record takes beside its bytes: its map
// entries, its counters, and the rounding up of its allocation.
const entryOverhead = 200

// newHotCache holds about maxBytes, overhead included.
func newHotCache(maxBytes int64) (*hotCache, error) {
	const typical = entryOverhead + 100
	h := &hotCache{slots: make([]slot, 1<<hotSlotBits)}
	c, err := ristretto.NewCache(&ristretto.Config[uint64, []byte]{
		NumCounters:        max(10*maxBytes/typical, 1000), // ten per entry, as its authors advise
		MaxCost:            maxBytes,
		BufferItems:        64,
		IgnoreInternalCost: true, // entryOverhead has it
		// User keys are uniform already: they come out of an HMAC.
		KeyToHash: func(k uint64) (uint64, uint64) { return k, 0 },
		// Called once for each insert, when it leaves the queue.
		Cost: func(rec []byte) int64 {
			h.pending.Add(-1)
			return int64(len(rec)) + entryOverhead
		},
	})
	if err != nil {
		return nil, fmt.Errorf("profile cache: %w", err)
	}
	h.cache = c
	return h, nil
}

func (h *hotCache) get(user ids.UserKey) (Record, bool) {
	v, ok := h.cache.Get(uint64(user))
	return v, ok
}

func (h *hotCache) slotOf(user ids.UserKey) *slot {
	return &h.slots[uint64(user)*0x9e3779b97f4a7c15>>(64-hotSlotBits)]
}

// ticket is taken before the store is read, and handed to insert.
func (h *hotCache) ticket(user ids.UserKey) uint32 {
	s := h.slotOf(user)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq
}

// insert offers what was read from the store; the cache may refuse it. It
// copies rec and never blocks on the cache.
func (h *hotCache) insert(user ids.UserKey, ticket uint32, rec Record) {
	if h.pending.Load() >= maxPending {
		return
	}
	own := append(make([]byte, 0, len(rec)), rec...)
	s := h.slotOf(user)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seq != ticket || ticket&1 == 1 {
		return
	}
	h.pending.Add(1)
	if !h.cache.Set(uint64(user), own, 0) { // 0: ask Cost
		h.pending.Add(-1)
	}
}

// beginWrite makes sure that no copy of the users' records is in the cache, or
// gets there before endWrite. There is one writer at a time.
func (h *hotCache) beginWrite(users []ids.UserKey) {
	for _, u := range users {
		s := h.slotOf(u)
		s.mu.Lock()
		if s.seq&1 == 0 { // an earlier user of this write may have closed it
			s.seq++
		}
		s.mu.Unlock()
	}
	for i, u := range users {
		if i%maxDeletes == maxDeletes-1 {
			h.cache.Wait()
		}
		h.cache.Del(uint64(u))
	}
	h.cache.Wait()
}

// endWrite undoes beginWrite's closing of slots, for the same users.
func (h *hotCache) endWrite(users []ids.UserKey) {
	for _, u := range users {
		s := h.slotOf(u)
		s.mu.Lock()
		if s.seq&1 == 1 {
			s.seq++
		}
		s.mu.Unlock()
	}
}

// close stops the cache's goroutines. No other call may be under way.
func (h *hotCache) close() { h.cache.Close() }
