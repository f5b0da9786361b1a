package scoring

import (
	"encoding/binary"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// Seen is what was seen of a creative somewhere.
type Seen struct {
	Trials, Successes [events]int64
	Spent             money.Nanos // on media, at most: what bids reserved
	Pending           Pending     // of clicks: those whose conversions may still come
	Last              time.Time   // to the second
}

// Pending is the weight of clicks whose conversions are still to come, each by its
// age: 32 bits of Unix seconds, then 32 of the sum of exp(-age/mean) at that time, in
// units of 1/1024. The sum decays as a whole, so that clicks need not be remembered
// one by one. Seconds move in steps of a 128th of the mean: sums are off by less than
// a hundredth, and do not pile up roundings.
type Pending uint64

const pendingUnit = 1 << 10

// Add returns p with one click more.
func (p Pending) Add(at time.Time, mean time.Duration) Pending {
	if mean <= 0 {
		return 0
	}
	since, sum := p.decayed(at, mean)
	return Pending(uint64(since)<<32 | min(sum+pendingUnit, math.MaxUint32))
}

// At is how many clicks' worth of conversions is still to come.
func (p Pending) At(now time.Time, mean time.Duration) int64 {
	if mean <= 0 {
		return 0
	}
	_, sum := p.decayed(now, mean)
	return int64((sum + pendingUnit/2) / pendingUnit)
}

// decayed is the sum as of the last step before at. Time that goes back is none.
func (p Pending) decayed(at time.Time, mean time.Duration) (since uint32, sum uint64) {
	since, sum = uint32(p>>32), uint64(p&math.MaxUint32)
	now := uint32(min(max(at.Unix(), 0), math.MaxUint32))
	if sum == 0 {
		return now, 0
	}
	if now <= since {
		return since, sum
	}
	age := time.Duration(now-since) * time.Second
	if age < mean/128 {
		return since, sum
	}
	share := uint64(campaigns.Pending(age, mean))
	return now, (sum*share + 500_000) / 1_000_000
}

// SeenBytes is the length of what Append appends.
const SeenBytes = 8 * (2*int(events) + 3)

// Append appends s in a fixed width, for a store.
func (s *Seen) Append(dst []byte) []byte {
	for e := range events {
		dst = binary.BigEndian.AppendUint64(dst, uint64(s.Trials[e]))
		dst = binary.BigEndian.AppendUint64(dst, uint64(s.Successes[e]))
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.Spent))
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.Pending))
	return binary.BigEndian.AppendUint64(dst, uint64(s.Last.Unix()))
}

var errSeen = errors.New("counts of a place are not of their length")

// ParseSeen reads what Append wrote.
func ParseSeen(b []byte) (s Seen, err error) {
	if len(b) != SeenBytes {
		return s, errSeen
	}
	next := func() int64 {
		v := binary.BigEndian.Uint64(b)
		b = b[8:]
		return int64(v)
	}
	for e := range events {
		s.Trials[e], s.Successes[e] = next(), next()
	}
	s.Spent, s.Pending = money.Nanos(next()), Pending(next())
	s.Last = time.Unix(next(), 0).UTC()
	return s, nil
}

// tally is a Seen that one writes and many read. A reader may see a change in part:
// a count more or less is no matter to a rate.
type tally struct {
	trials, successes [events]atomic.Int64
	spent, last       atomic.Int64
	pending           atomic.Uint64
}

func (t *tally) set(s Seen) {
	for e := range events {
		t.trials[e].Store(s.Trials[e])
		t.successes[e].Store(s.Successes[e])
	}
	t.spent.Store(int64(s.Spent))
	t.pending.Store(uint64(s.Pending))
	t.last.Store(s.Last.Unix())
}

func (t *tally) get() (s Seen) {
	for e := range events {
		s.Trials[e], s.Successes[e] = t.trials[e].Load(), t.successes[e].Load()
	}
	s.Spent, s.Pending = money.Nanos(t.spent.Load()), Pending(t.pending.Load())
	return s
}
