package bidder

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/goccy/go-json"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// dealKey is what deals are counted by.
type dealKey struct {
	quarter int64 // as countKey's
	deal    campaigns.ID
}

// dealCount is one deal's quarter of an hour.
type dealCount struct {
	requests, eligible, bids, guaranteed int64
	reasons, passbacks                   [noBidCount + 1]int64 // of requests without a bid; of those, of guaranteed ones
	losses                               [lossCodes]codeCount
	seen                                 time.Time
	floor                                money.CPM
	floorCur                             money.Currency
}

// codeCount counts losses of one reason of OpenRTB's list; n is 0 where it is free.
type codeCount struct{ code, n int64 }

// lossCodes bounds the reasons of a row: the last place takes all others.
const lossCodes = 12

// lose counts a loss of a reason.
func (n *dealCount) lose(code int) {
	for i := range n.losses {
		l := &n.losses[i]
		if l.n == 0 {
			l.code = int64(code)
		}
		if i == lossCodes-1 {
			l.code = otherCode
		}
		if l.code == int64(code) || l.code == otherCode {
			l.n++
			return
		}
	}
}

const otherCode = -1

// maxDealRows bounds what is counted of deals between two flushes, to some 20 MB.
const maxDealRows = 16_384

// dealCounts adds up what becomes of deals between two flushes. A deal's shard is
// locked while it is counted; no other lock is taken meanwhile. Rows are kept for
// the next flush, so that counting allocates once for a deal and quarter.
type dealCounts struct {
	rows   int // bound of one shard
	shards [16]struct {
		mu   sync.Mutex
		rows map[dealKey]*dealCount
	}
}

func newDealCounts(maxRows int) *dealCounts {
	c := &dealCounts{rows: max(maxRows/16, 1)}
	for i := range c.shards {
		c.shards[i].rows = make(map[dealKey]*dealCount)
	}
	return c
}

// with runs f with the row of a deal; false where there is no room for one.
func (c *dealCounts) with(d campaigns.ID, now time.Time, f func(*dealCount)) bool {
	s := &c.shards[uint64(d)%uint64(len(c.shards))]
	k := dealKey{now.Unix() / 900, d}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.rows[k]
	if n == nil {
		if len(s.rows) >= c.rows {
			return false
		}
		n = new(dealCount)
		s.rows[k] = n
	}
	f(n)
	return true
}

// countDeals counts what became of the deals of a request that ended with whole.
func (b *Bidder) countDeals(a *auction, whole NoBid) {
	for n := range a.watched {
		w := &a.watched[n]
		if !b.dealCounts.count(a, w, whole) {
			b.metrics.dealsLost.Add(1)
		}
		if w.guaranteed && !a.wasBid(w) {
			a.exchange.metrics.passbacks.Add(1)
		}
	}
}

func (c *dealCounts) count(a *auction, w *dealWatch, whole NoBid) bool {
	bid := a.wasBid(w)
	d := &a.req.Imp[w.imp].PMP.Deals[w.at]
	return c.with(w.entry.deal.ID, a.now, func(n *dealCount) {
		n.requests++
		n.seen, n.floor, n.floorCur = a.now, d.BidFloor, d.BidFloorCur
		if w.eligible {
			n.eligible++
		}
		if w.guaranteed {
			n.guaranteed++
		}
		if bid {
			n.bids++
			return
		}
		r := w.ending(whole, len(a.bids) > 0)
		n.reasons[r]++
		if w.guaranteed {
			n.passbacks[r]++
		}
	})
}

// loseDeal counts a loss under a deal. A notice that its sender repeats counts again.
func (b *Bidder) loseDeal(t *Token, reason int, now time.Time) {
	k := b.book.Load()
	if t.Deal == "" || k == nil {
		return
	}
	adv := k.catalog.Advertisers[t.Advertiser]
	for _, e := range k.deals[t.Exchange][t.Deal] {
		if adv == nil || !e.deal.Of(adv) {
			continue
		}
		if !b.dealCounts.with(e.deal.ID, now, func(n *dealCount) { n.lose(reason) }) {
			b.metrics.dealsLost.Add(1)
		}
	}
}

// dealRow is a deal's counts on the topic (docs/topics.md, auctions).
type dealRow struct {
	Hour       time.Time        `json:"hour"`
	Deal       campaigns.ID     `json:"deal"`
	Requests   int64            `json:"requests"`
	Eligible   int64            `json:"eligible"`
	Bids       int64            `json:"bids"`
	Guaranteed int64            `json:"guaranteed"`
	Reasons    map[string]int64 `json:"reasons,omitempty"`
	Passbacks  map[string]int64 `json:"passbacks,omitempty"`
	Losses     map[string]int64 `json:"losses,omitempty"`
	Seen       time.Time        `json:"seen,omitzero"`
	Floor      money.CPM        `json:"floor_micros"`
	FloorCur   string           `json:"floor_currency,omitempty"`
}

type dealsRecord struct {
	V     int       `json:"v"`
	Type  string    `json:"type"`
	Node  string    `json:"node"`
	Seq   uint64    `json:"seq"`
	At    time.Time `json:"at"`
	Deals []dealRow `json:"deals"`
}

// maxRecordDeals keeps a record well below the log's message bound.
const maxRecordDeals = 200

// take empties the shards into records, numbered by next.
func (c *dealCounts) take(now time.Time, node string, next func() uint64) (records [][]byte, err error) {
	var rows []dealRow
	for i := range c.shards {
		rows = c.takeShard(i, now.Unix()/900, rows)
	}
	for len(rows) > 0 {
		n := min(len(rows), maxRecordDeals)
		b, err := json.Marshal(dealsRecord{V: 1, Type: "deals", Node: node, Seq: next(), At: now, Deals: rows[:n]})
		if err != nil {
			return records, fmt.Errorf("encode counts of deals: %w", err)
		}
		records, rows = append(records, b), rows[n:]
	}
	return records, nil
}

func (c *dealCounts) takeShard(i int, quarter int64, rows []dealRow) []dealRow {
	s := &c.shards[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, n := range s.rows {
		if row, counted := n.row(k); counted {
			rows = append(rows, row)
		}
		if *n = (dealCount{}); k.quarter < quarter {
			delete(s.rows, k)
		}
	}
	return rows
}

// row is what n has counted, if anything.
func (n *dealCount) row(k dealKey) (r dealRow, counted bool) {
	r = dealRow{
		Hour: time.Unix(k.quarter*900, 0).UTC(), Deal: k.deal, Requests: n.requests, Eligible: n.eligible, Bids: n.bids,
		Guaranteed: n.guaranteed, Reasons: named(n.reasons[:]), Passbacks: named(n.passbacks[:]), Seen: n.seen, Floor: n.floor,
	}
	if n.floorCur != (money.Currency{}) {
		r.FloorCur = n.floorCur.String()
	}
	for _, l := range n.losses {
		if l.n > 0 {
			if r.Losses == nil {
				r.Losses = map[string]int64{}
			}
			r.Losses[lossName(l.code)] = l.n
		}
	}
	return r, r.Requests > 0 || r.Losses != nil
}

// lossName is the number of a reason, or "other".
func lossName(code int64) string {
	if code == otherCode {
		return "other"
	}
	return strconv.FormatInt(code, 10)
}

func named(counts []int64) map[string]int64 {
	var out map[string]int64
	for r, n := range counts {
		if n > 0 {
			if out == nil {
				out = map[string]int64{}
			}
			out[dealReason(NoBid(r))] = n
		}
	}
	return out
}
