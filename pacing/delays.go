package pacing

import (
	"math/bits"
	"time"

	"bidhawk/internal/money"
)

// delays is how long bills of one class take, from the bid to the notice: a
// histogram whose buckets grow by a quarter, with a count that fades. It steers
// when leases close; no money depends on it.
type delays struct {
	Counts [delayBuckets]int32 `json:"counts"`
	Total  int32               `json:"total"`
	Losses int32               `json:"losses"` // notices of losses meanwhile
	First  int64               `json:"first"`  // unix seconds of the first bill, and of the last
	Last   int64               `json:"last"`
}

const (
	delayBuckets = 72      // up to 2^18 s, three days
	delayMemory  = 100_000 // bills after which the past counts half
)

// observe counts the delay of a bill. Bids are known to the second.
func (l *ledger) observe(n *Notice) {
	if n.BidAt.IsZero() {
		return
	}
	d := l.delays[n.class()]
	if d == nil {
		if len(l.delays) >= maxClasses {
			return
		}
		d = &delays{}
		l.delays[n.class()] = d
	}
	if d.First == 0 {
		d.First = n.At.Unix()
	}
	d.Last = max(d.Last, n.At.Unix())
	d.add(n.At.Sub(n.BidAt))
}

// observeLoss counts that a class is told of losses.
func (l *ledger) observeLoss(n *Notice) {
	if d := l.delays[n.class()]; d != nil && d.Losses < maxLosses {
		d.Losses++
	}
}

const maxLosses = 1 << 30

// longEnough says whether bills have been seen for so long that after would not
// grow: in the first minutes only the quickest can have come.
func (d *delays) longEnough(after time.Duration) bool {
	return time.Duration(d.Last-d.First)*time.Second >= 8*after
}

// maxClasses bounds how many classes are observed: exchanges times formats.
const maxClasses = 1000

func (d *delays) add(after time.Duration) {
	d.Counts[delayBucket(after)]++
	if d.Total++; d.Total < delayMemory {
		return
	}
	d.Total, d.Losses = 0, d.Losses/2
	for i := range d.Counts {
		d.Counts[i] /= 2
		d.Total += d.Counts[i]
	}
}

// delayBucket is the bucket of a delay in seconds s: 4 log2(s), by the two bits
// after the leading one.
func delayBucket(after time.Duration) int {
	s := max(int64(after/time.Second), 1)
	lead := bits.Len64(uint64(s)) - 1
	quarter := 0
	if lead >= 2 {
		quarter = int(s>>(lead-2)) & 3
	} else if lead == 1 {
		quarter = int(s&1) * 2
	}
	return min(lead*4+quarter, delayBuckets-1)
}

// delayEnd is the end of a bucket.
func delayEnd(bucket int) time.Duration {
	lead, quarter := bucket/4, bucket%4
	s := int64(1)<<lead + (int64(1)<<lead*int64(quarter+1)+3)/4
	return time.Duration(s) * time.Second
}

// quantile is a delay that at most the share later of the bills exceed; ok is false where
// too few have been seen to say, or not for long enough.
func (d *delays) quantile(later money.PPM) (after time.Duration, ok bool) {
	if d == nil || int64(d.Total)*int64(later) < 4_000_000 { // four bills beyond it
		return 0, false
	}
	most := int64(d.Total) * int64(later) / 1_000_000
	above := int64(0)
	for i := delayBuckets - 1; i >= 0; i-- {
		if above += int64(d.Counts[i]); above > most {
			return delayEnd(i), d.longEnough(delayEnd(i))
		}
	}
	return delayEnd(0), d.longEnough(delayEnd(0))
}
