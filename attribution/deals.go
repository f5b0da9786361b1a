package attribution

import (
	"fmt"
	"time"

	"bidhawk/campaigns"
)

// This file adds up what becomes of deals: what bidders count of their requests, and
// the wins.

// dealRow is a deal's counts on the topic auctions.
type dealRow struct {
	Hour       time.Time        `json:"hour"`
	Deal       int64            `json:"deal"`
	Requests   int64            `json:"requests"`
	Eligible   int64            `json:"eligible"`
	Bids       int64            `json:"bids"`
	Guaranteed int64            `json:"guaranteed"`
	Reasons    map[string]int64 `json:"reasons,omitempty"`
	Passbacks  map[string]int64 `json:"passbacks,omitempty"`
	Losses     map[string]int64 `json:"losses,omitempty"`
	Seen       time.Time        `json:"seen,omitzero"`
	Floor      int64            `json:"floor_micros"`
	FloorCur   string           `json:"floor_currency,omitempty"`
}

// maxReasons bounds the reasons of a row.
const maxReasons = 200

func (r *dealRow) check() error {
	if r.Deal <= 0 {
		return fmt.Errorf("deal: got %d; want a positive id", r.Deal)
	}
	for _, n := range [...]int64{r.Requests, r.Eligible, r.Bids, r.Guaranteed} {
		if n < 0 || n > maxBids {
			return fmt.Errorf("requests, eligible, bids, guaranteed: got %d; want 0 to %d", n, maxBids)
		}
	}
	for _, m := range r.why() {
		if len(m) > maxReasons {
			return fmt.Errorf("reasons, passbacks, losses: got %d; want at most %d", len(m), maxReasons)
		}
		for reason, n := range m {
			if len(reason) > maxName || n < 0 || n > maxBids {
				return fmt.Errorf("reasons, passbacks, losses: got %.40q: %d; want 0 to %d of a name of at most %d bytes", reason, n, maxBids, maxName)
			}
		}
	}
	if r.Floor < 0 || len(r.FloorCur) > 3 {
		return fmt.Errorf("floor_micros, floor_currency: got %d, %.40q; want no negative price and a currency", r.Floor, r.FloorCur)
	}
	if !r.Seen.IsZero() {
		if err := checkTime("seen", r.Seen); err != nil {
			return err
		}
	}
	return checkTime("hour", r.Hour)
}

// The kinds of deal_reasons.
const (
	whyNoBid = iota
	whyPassback
	whyLoss
	whyKinds
)

func (r *dealRow) why() [whyKinds]map[string]int64 {
	return [whyKinds]map[string]int64{whyNoBid: r.Reasons, whyPassback: r.Passbacks, whyLoss: r.Losses}
}

// dealKey is a deal's hour.
type dealKey struct{ deal, slot int64 }

// dealSum is what a batch adds to it.
type dealSum struct {
	requests, eligible, bids, wins, guaranteed int64
	seen, won                                  int64 // Unix nanoseconds
	floor                                      int64
	floorCur                                   string
	why                                        [whyKinds]map[string]int64
}

func (b *batch) deal(id int64, at time.Time) *dealSum {
	k := dealKey{id, at.Truncate(time.Hour).Unix()}
	s := b.deals[k]
	if s == nil {
		s = new(dealSum)
		b.deals[k] = s
	}
	return s
}

func (b *batch) countDeals(rows []dealRow) {
	for i := range rows {
		r := &rows[i]
		s := b.deal(r.Deal, r.Hour)
		s.requests, s.eligible, s.bids, s.guaranteed = s.requests+r.Requests, s.eligible+r.Eligible, s.bids+r.Bids, s.guaranteed+r.Guaranteed
		if !r.Seen.IsZero() && r.Seen.UnixNano() > s.seen {
			s.seen, s.floor, s.floorCur = r.Seen.UnixNano(), r.Floor, r.FloorCur
		}
		for kind, m := range r.why() {
			for reason, n := range m {
				if s.why[kind] == nil {
					s.why[kind] = map[string]int64{}
				}
				s.why[kind][reason] += n
			}
		}
	}
}

// winDeal counts a win under a deal, for each that somebody of the advertiser made.
func (b *batch) winDeal(r *exposureRecord, when time.Time) {
	if r.Deal == "" {
		return
	}
	cat := b.advertisers.catalog
	adv := cat.Advertisers[campaigns.ID(r.Advertiser)]
	if adv == nil {
		return
	}
	for _, d := range b.dealsOf(r.Exchange, r.Deal) {
		if !d.Of(adv) {
			continue
		}
		s := b.deal(int64(d.ID), when)
		s.wins++
		s.won = max(s.won, r.At.UnixNano())
	}
}

// dealsOf are those of an exchange's id; they are indexed once for a batch.
func (b *batch) dealsOf(exchange, id string) []*campaigns.Deal {
	if b.dealIndex == nil {
		b.dealIndex = map[[2]string][]*campaigns.Deal{}
		for _, d := range b.advertisers.catalog.Deals {
			k := [2]string{d.Exchange, d.DealID}
			b.dealIndex[k] = append(b.dealIndex[k], d)
		}
	}
	return b.dealIndex[[2]string{exchange, id}]
}

const (
	upsertDeal = `INSERT INTO deal_health (deal, slot, requests, eligible, bids, wins, guaranteed, seen, won, floor, floor_cur)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (deal, slot) DO UPDATE SET
		requests = deal_health.requests + excluded.requests, eligible = deal_health.eligible + excluded.eligible,
		bids = deal_health.bids + excluded.bids, wins = deal_health.wins + excluded.wins,
		guaranteed = deal_health.guaranteed + excluded.guaranteed,
		floor = CASE WHEN excluded.seen >= deal_health.seen AND excluded.seen > 0 THEN excluded.floor ELSE deal_health.floor END,
		floor_cur = CASE WHEN excluded.seen >= deal_health.seen AND excluded.seen > 0 THEN excluded.floor_cur ELSE deal_health.floor_cur END,
		seen = CASE WHEN excluded.seen > deal_health.seen THEN excluded.seen ELSE deal_health.seen END,
		won = CASE WHEN excluded.won > deal_health.won THEN excluded.won ELSE deal_health.won END`
	upsertDealReason = `INSERT INTO deal_reasons (deal, slot, kind, reason, n) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (deal, slot, kind, reason) DO UPDATE SET n = deal_reasons.n + excluded.n`
	pruneDeals       = `DELETE FROM deal_health WHERE (deal, slot) IN (SELECT deal, slot FROM deal_health WHERE slot < ? LIMIT ?)`
	pruneDealReasons = `DELETE FROM deal_reasons WHERE (deal, slot, kind, reason) IN (SELECT deal, slot, kind, reason FROM deal_reasons WHERE slot < ? LIMIT ?)`
)

// dealsFor is how long a deal's hours are kept.
const dealsFor = 90 * 24 * time.Hour

func (b *batch) writeDeals() error {
	for k, s := range b.deals {
		if err := b.exec(upsertDeal, k.deal, k.slot, s.requests, s.eligible, s.bids, s.wins, s.guaranteed, s.seen, s.won, s.floor, s.floorCur); err != nil {
			return fmt.Errorf("write a deal's hour: %w", err)
		}
		for kind, m := range s.why {
			for reason, n := range m {
				if err := b.exec(upsertDealReason, k.deal, k.slot, int64(kind), reason, n); err != nil {
					return fmt.Errorf("write a deal's reasons: %w", err)
				}
			}
		}
	}
	return nil
}
