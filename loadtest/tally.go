package loadtest

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"bidhawk/internal/money"
)

// tally counts a run. All of it is safe for concurrent use.
type tally struct {
	sent, bids, noBids, httpErrors, malformed, invalid, late, timeouts, refused atomic.Int64

	bidObjects, testBids, wins, losses, rendered, notRendered atomic.Int64

	impressions, clicks, conversions, billedBids, orderNanos atomic.Int64

	guarOffered, guarAnswered atomic.Int64

	attempts, retries, repeats, rejected, dropped atomic.Int64

	events  [errandKinds]atomic.Int64 // acknowledged for the first time
	formats [formats]struct {
		imps, bids, wins, billed atomic.Int64
	}

	latency, noticeLatency recorder

	mu struct {
		sync.Mutex
		status      map[int]int64
		rules       map[Rule]int64
		byFormat    [formats]map[Rule]int64
		samples     []Sample
		billed      map[string]money.Nanos
		lines       map[string]*LineResult // by cid and crid
		undelivered map[string]*Undelivered
	}
}

const (
	maxSamples        = 50
	maxSamplesPerRule = 3
	maxLines          = 20_000
	otherLines        = "other"
)

func newTally() *tally {
	t := &tally{}
	t.mu.status = map[int]int64{}
	t.mu.rules = map[Rule]int64{}
	t.mu.billed = map[string]money.Nanos{}
	t.mu.lines = map[string]*LineResult{}
	t.mu.undelivered = map[string]*Undelivered{}
	return t
}

func (t *tally) countStatus(code int) {
	t.mu.Lock()
	t.mu.status[code]++
	t.mu.Unlock()
}

// breachIn is breach, counted for a format too.
func (t *tally) breachIn(f Format, b *breach, s Sample) {
	t.breach(b, s)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.byFormat[f] == nil {
		t.mu.byFormat[f] = map[Rule]int64{}
	}
	t.mu.byFormat[f][b.rule]++
}

// breach counts a broken rule and keeps the first few as samples.
func (t *tally) breach(b *breach, s Sample) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.rules[b.rule]++
	if t.mu.rules[b.rule] <= maxSamplesPerRule && len(t.mu.samples) < maxSamples {
		s.Rule, s.Detail = b.rule, b.detail
		t.mu.samples = append(t.mu.samples, s)
	}
}

// line changes the counts of one creative of one line item.
func (t *tally) line(cid, crid string, change func(*LineResult)) {
	key := cid + "\x00" + crid
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.mu.lines[key]
	if l == nil {
		if len(t.mu.lines) >= maxLines {
			cid, crid, key = otherLines, "", otherLines
			l = t.mu.lines[key]
		}
		if l == nil {
			l = &LineResult{CID: cid, CRID: crid}
			t.mu.lines[key] = l
		}
	}
	change(l)
}

// bill adds what a bid costs. The caller calls it once per bid.
func (t *tally) bill(c *cleared) {
	n := c.amount()
	t.billedBids.Add(1)
	t.formats[c.format].billed.Add(1)
	t.mu.Lock()
	t.mu.billed[c.currency] += n
	t.mu.Unlock()
	t.line(c.cid, c.crid, func(l *LineResult) { l.Billed++; l.BilledNanos += n })
}

func (t *tally) billed(cur string) money.Nanos {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.billed[cur]
}

// undeliver records an errand that was given up.
func (t *tally) undeliver(kind errandKind, amount money.Nanos, doubt doubt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.mu.undelivered[kind.String()]
	if u == nil {
		u = &Undelivered{}
		t.mu.undelivered[kind.String()] = u
	}
	switch doubt {
	case neverArrived:
		u.NeverArrived++
		u.NeverArrivedNanos += amount
	case refused:
		u.Refused++
		u.RefusedNanos += amount
	case inDoubt:
		u.InDoubt++
		u.InDoubtNanos += amount
	}
}

// recorder is an HDR histogram of latencies, striped so that connections do
// not wait for each other.
type recorder struct {
	stripes [8]struct {
		mu sync.Mutex
		h  *hdrhistogram.Histogram
		_  [64]byte // keeps neighbours off one cache line
	}
}

// maxLatency is where the histogram saturates.
const maxLatency = 5 * time.Minute

func (r *recorder) record(stripe int, d time.Duration) {
	s := &r.stripes[stripe%len(r.stripes)]
	micros := min(max(d, 0), maxLatency).Microseconds()
	s.mu.Lock()
	if s.h == nil {
		s.h = newHistogram()
	}
	// It cannot fail: the value lies within the histogram's range.
	_ = s.h.RecordValue(micros)
	s.mu.Unlock()
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, maxLatency.Microseconds(), 3)
}

// quantiles merges the stripes.
func (r *recorder) quantiles() Latency {
	sum := newHistogram()
	for i := range r.stripes {
		s := &r.stripes[i]
		s.mu.Lock()
		if s.h != nil {
			sum.Merge(s.h)
		}
		s.mu.Unlock()
	}
	if sum.TotalCount() == 0 {
		return Latency{}
	}
	return Latency{
		P50: sum.ValueAtQuantile(50), P90: sum.ValueAtQuantile(90), P99: sum.ValueAtQuantile(99),
		P999: sum.ValueAtQuantile(99.9), Max: sum.Max(),
	}
}
