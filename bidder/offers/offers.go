// Package offers sees one impression that several exchanges offer as one: a
// line item bids for it on one path only, and its caps count it once.
//
// Header bidding sends the same impression to several exchanges within a second
// or two. Offers are one where they carry the same transaction id, or are made
// for the same user at the same placement in a short while.
package offers

import (
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"bidhawk/campaigns"
)

// Config bounds a Table and says how long offers are remembered, from the first
// claim on.
type Config struct {
	// Entries is how many claims are remembered, 16 B each; a power of two. A claim
	// takes up to two: by transaction, and by user and placement.
	Entries int
	// TransactionFor is for offers that carry a transaction id, PlacementFor for
	// those that are told by user and placement.
	TransactionFor time.Duration
	PlacementFor   time.Duration
}

// DefaultConfig remembers what 5,000 claims a second need: a quarter of the
// entries are in use then, and one claim in 10,000 pushes another out.
func DefaultConfig() Config {
	return Config{Entries: 1 << 18, TransactionFor: 10 * time.Second, PlacementFor: 2 * time.Second}
}

// Validate names the first field that breaks its rule.
func (c Config) Validate() error {
	f := func(field string, value any, rule string) error {
		return fmt.Errorf("offers.%s: got %v; want %s", field, value, rule)
	}
	span := func(d, most time.Duration) bool { return d >= 100*time.Millisecond && d <= most }
	switch {
	case c.Entries < shardCount*bucketSize || c.Entries > 1<<26 || bits.OnesCount(uint(c.Entries)) != 1:
		return f("entries", c.Entries, "a power of two of 512 to 67108864")
	case !span(c.TransactionFor, 10*time.Minute):
		return f("transaction_for", c.TransactionFor, "100ms to 10m")
	case !span(c.PlacementFor, time.Minute):
		return f("placement_for", c.PlacementFor, "100ms to 1m")
	}
	return nil
}

const (
	shardCount = 64
	bucketSize = 8 // two cache lines
)

// Table remembers who bids for which offer. Its memory is fixed; it is safe for
// concurrent use, and a lock guards one shard of the claims.
//
// Where a bucket is full, the claim that ends soonest is forgotten: an offer may
// then be bid for on two paths, never be lost to both. A claim is told from others
// by 64 bits of hash: with 10^5 live ones, a claim is taken for one of them with a
// probability below 10^-14.
type Table struct {
	transaction, placement uint32 // milliseconds
	mask                   uint64 // of a shard's buckets
	shards                 [shardCount]shard
	refused, evicted       atomic.Uint64
}

type shard struct {
	mu      sync.Mutex
	buckets []bucket // mu guards them
	_       [24]byte
}

type bucket [bucketSize]entry

// entry is a claim: hash is of the offer's key and the line item, 0 for none. Its
// end is in milliseconds and wraps around every 49 days. request is that of the
// last claim; its lowest bit says that several requests have claimed it.
type entry struct {
	hash    uint64
	ends    uint32
	path    uint16
	request uint16
}

// New returns an empty Table.
func New(cfg Config) (*Table, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	buckets := cfg.Entries / shardCount / bucketSize
	t := &Table{
		transaction: uint32(cfg.TransactionFor.Milliseconds()), placement: uint32(cfg.PlacementFor.Milliseconds()),
		mask: uint64(buckets) - 1,
	}
	for i := range t.shards {
		t.shards[i].buckets = make([]bucket, buckets)
	}
	return t, nil
}

// Claim asks whether line item li may bid on the offer k through path, the
// exchange that offers it here. The first path wins until the claim ends, and
// further bids through it do not move its end. fresh is false where the very
// same impression of the same request was claimed before: caps have counted it.
// Another request through the winning path is fresh: exchanges send the slots of
// a page one by one, and slots that look alike must not escape a cap.
//
// Ask last of all that can refuse before caps and money; where those refuse in
// the end, Release the claim, or the next one would be taken for counted.
func (t *Table) Claim(k Key, li campaigns.ID, path uint16, now time.Time) (ok, fresh bool) {
	if k.Unknown() {
		return true, true
	}
	ms := uint32(now.UnixMilli())
	first, second := held, held
	if k.transaction != 0 {
		if first = t.claim(hashOf(k.transaction, li), path, k.request, ms, t.transaction); first == lost {
			t.refused.Add(1)
			return false, false
		}
	}
	if k.placement != 0 {
		if second = t.claim(hashOf(k.placement, li), path, k.request, ms, t.placement); second == lost {
			if first == won {
				t.release(hashOf(k.transaction, li), path, k.request)
			}
			t.refused.Add(1)
			return false, false
		}
	}
	return true, first != held || second != held
}

// Release takes back the last claim of li on k through path, for a bid that is
// not made after all. Other requests' claims stay.
func (t *Table) Release(k Key, li campaigns.ID, path uint16) {
	for _, key := range [...]uint64{k.transaction, k.placement} {
		if key != 0 {
			t.release(hashOf(key, li), path, k.request)
		}
	}
}

// shared marks an entry's request.
const shared = 1

// outcome of one claim.
type outcome uint8

const (
	held outcome = iota // by the same impression of the same request
	kept                // by the same path, for another request
	won                 // nobody had it
	lost                // another path has it
)

func (t *Table) claim(hash uint64, path, request uint16, now, lasts uint32) outcome {
	s := &t.shards[hash>>58]
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &s.buckets[hash&t.mask]
	place, least := 0, uint32(1<<31)
	for i := range b {
		e := &b[i]
		left := e.left(now, max(t.transaction, t.placement))
		if left != 0 && e.hash == hash {
			switch {
			case e.path != path:
				return lost
			case e.request&^shared != request:
				e.request = request | shared
				return kept
			}
			return held
		}
		if left < least {
			place, least = i, left
		}
	}
	if least != 0 {
		t.evicted.Add(1)
	}
	b[place] = entry{hash: hash, ends: now + lasts, path: path, request: request}
	return won
}

// left is how many milliseconds e still holds: 0 for what is over, was never,
// or would hold for longer than any claim does, the clock having been set back.
func (e *entry) left(now, most uint32) uint32 {
	if left := e.ends - now; e.hash != 0 && left <= most {
		return left
	}
	return 0
}

func (t *Table) release(hash uint64, path, request uint16) {
	s := &t.shards[hash>>58]
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &s.buckets[hash&t.mask]
	for i := range b {
		switch e := &b[i]; {
		case e.hash != hash || e.path != path || e.request&^shared != request:
		case e.request&shared != 0:
			e.request ^= 1 << 15 // what others claimed they keep; for this one the next is fresh
		default:
			*e = entry{}
		}
	}
}

// hashOf is never 0.
func hashOf(key uint64, li campaigns.ID) uint64 { return max(mix(key, uint64(li)), 1) }

// Stats counts since the start.
type Stats struct {
	Refused uint64 // claims that another path had
	Evicted uint64 // claims forgotten before their end
}

// Stats reads the counters.
func (t *Table) Stats() Stats { return Stats{Refused: t.refused.Load(), Evicted: t.evicted.Load()} }
