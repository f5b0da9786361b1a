package bidder

import (
	"slices"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
	"bidhawk/internal/openrtb"
)

// This file follows deals through a request: what became of each deal that
// somebody made (campaigns.Deal) and the exchange offered.

// dealBook are the deals by exchange and by the exchange's id.
type dealBook map[string]map[string][]dealEntry

// dealEntry is a deal with the rows that target it.
type dealEntry struct {
	deal *campaigns.Deal
	rows []int32 // ascending
}

func (b *book) indexDeals(cat *campaigns.Catalog) {
	b.deals = dealBook{}
	for _, d := range cat.Deals {
		if d.Status == campaigns.StatusArchived {
			continue
		}
		of := b.deals[d.Exchange]
		if of == nil {
			of = map[string][]dealEntry{}
			b.deals[d.Exchange] = of
		}
		of[d.DealID] = append(of[d.DealID], dealEntry{deal: d})
	}
	for row := range b.lines {
		l := &b.lines[row]
		if stored := cat.LineItems[l.item.ID]; stored != nil {
			for _, id := range stored.Targeting.DealIDs {
				if d := cat.Deals[id]; d != nil && d.Of(l.advertiser) {
					l.agreed = append(l.agreed, d)
				}
			}
			l.textDeals = stored.Targeting.Deals
		}
		b.indexRow(int32(row), l)
	}
}

func (b *book) indexRow(row int32, l *line) {
	add := func(exchange, id string) {
		entries := b.deals[exchange][id]
		for i := range entries {
			e := &entries[i]
			if e.deal.Of(l.advertiser) && (len(e.rows) == 0 || e.rows[len(e.rows)-1] != row) {
				e.rows = append(e.rows, row)
			}
		}
	}
	for _, d := range l.agreed {
		add(d.Exchange, d.DealID)
	}
	for _, id := range l.textDeals {
		for exchange := range b.deals {
			add(exchange, id)
		}
	}
}

// agreement is the deal that l bids under where the request offers id; ok is false
// where it may not. The deal is nil where l targets the id itself.
func (a *auction) agreement(l *line, id []byte) (d *campaigns.Deal, r NoBid) {
	r = NoBidNoMatch
	for _, d := range l.agreed {
		switch {
		case d.DealID != string(id) || d.Exchange != a.exchange.Name || !d.InForce(a.now):
		case d.Seat != "" && d.Seat != a.exchange.Seat:
			r = NoBidSeatBlocked
		default:
			return d, NoBidNone
		}
	}
	for _, own := range l.textDeals {
		if own == string(id) {
			return nil, NoBidNone
		}
	}
	return nil, r
}

// agreedPrice is what of price may be bid under the deal of c: no more than was
// agreed where a price was, whatever the exchange asks.
func (a *auction) agreedPrice(imp *openrtb.Imp, l *line, c *candidate, price money.CPM) (money.CPM, bool) {
	if c.deal < 0 || len(l.agreed) == 0 {
		return price, true
	}
	d, _ := a.agreement(l, imp.PMP.Deals[c.deal].ID)
	if d == nil || !d.Type.Fixed() {
		return price, true
	}
	agreed, ok := a.fx.Convert(d.Price, d.Currency, a.cur, money.RoundDown)
	return min(price, agreed), ok
}

// dealWatch is a deal of a request on its way to a bid, or to a reason.
type dealWatch struct {
	entry      *dealEntry
	imp, at    int // the impression, and its deal
	guaranteed bool
	eligible   bool // the targeting of a line item of it fits
	placed     bool
	reason     NoBid
}

// maxWatched bounds the deals of a request that are followed.
const maxWatched = 256

// watchDeals finds the deals that a request offers and somebody made.
func (b *Bidder) watchDeals(a *auction) {
	a.watched, a.watching = a.watched[:0], nil
	if a.book == nil || a.req.Test {
		return
	}
	of := a.book.deals[a.exchange.Name]
	if len(of) == 0 {
		return
	}
	for i := range a.req.Imp {
		pmp := a.req.Imp[i].PMP
		if pmp == nil {
			continue
		}
		for k := range pmp.Deals {
			b.watchDeal(a, of[string(pmp.Deals[k].ID)], i, k, &pmp.Deals[k])
		}
	}
}

func (b *Bidder) watchDeal(a *auction, entries []dealEntry, i, k int, d *openrtb.Deal) {
	for n := range entries {
		if len(a.watched) == maxWatched {
			b.metrics.dealsLost.Add(1)
			return
		}
		e := &entries[n]
		w := dealWatch{entry: e, imp: i, at: k, guaranteed: d.Guar || e.deal.Type == campaigns.DealGuaranteed}
		if len(d.WSeat) > 0 && !containsText(d.WSeat, a.exchange.Seat) {
			w.reason = NoBidSeatBlocked
		}
		a.watched = append(a.watched, w)
	}
}

// watchImp turns to the deals of impression i.
func (a *auction) watchImp(i int) {
	from := 0
	for from < len(a.watched) && a.watched[from].imp < i {
		from++
	}
	to := from
	for to < len(a.watched) && a.watched[to].imp == i {
		to++
	}
	a.watching = a.watched[from:to]
}

// matchDeals notes which deals have a line item among the rows that match.
func (a *auction) matchDeals(imp *openrtb.Imp) {
	for n := range a.watching {
		w := &a.watching[n]
		for _, row := range w.entry.rows {
			if w.reason == NoBidSeatBlocked || w.eligible {
				break
			}
			if _, found := slices.BinarySearch(a.rows, row); !found {
				continue
			}
			_, r := a.agreement(&a.book.lines[row], imp.PMP.Deals[w.at].ID)
			w.eligible = r == NoBidNone
		}
	}
}

// noteRow notes why a line item does not bid under any of its deals.
func (a *auction) noteRow(row int32, r NoBid) {
	for n := range a.watching {
		if w := &a.watching[n]; slices.Contains(w.entry.rows, row) {
			w.reason = max(w.reason, r)
		}
	}
}

// noteDeal notes why a line item does not bid under deal at of the impression.
func (a *auction) noteDeal(row int32, at int, r NoBid) {
	for n := range a.watching {
		if w := &a.watching[n]; w.at == at && slices.Contains(w.entry.rows, row) {
			w.reason = max(w.reason, r)
		}
	}
}

func (a *auction) placeDeal(c *candidate) {
	for n := range a.watching {
		if w := &a.watching[n]; w.at == int(c.deal) && slices.Contains(w.entry.rows, c.row) {
			w.placed = true
		}
	}
}

// concludeDeals gives the deals of an impression the reason that ended it, where
// none of their line items has one.
func (a *auction) concludeDeals(r NoBid) {
	for n := range a.watching {
		w := &a.watching[n]
		switch {
		case w.reason != NoBidNone:
		case r != NoBidNone && r < NoBidNoMatch: // of the request or the impression as a whole
			w.reason = r
		case !w.eligible:
			w.reason = NoBidNoMatch
		}
	}
}

// wasBid says whether a bid under the deal was answered.
func (a *auction) wasBid(w *dealWatch) bool {
	for i := range a.bids {
		p := &a.bids[i]
		if p.imp == w.imp && int(p.deal) == w.at && slices.Contains(w.entry.rows, p.row) {
			return true
		}
	}
	return false
}

// ending is why no bid was answered under the deal; whole is how the request ended.
func (w *dealWatch) ending(whole NoBid, answered bool) NoBid {
	switch {
	case w.placed && answered:
		return NoBidAnswerTooLarge // it was trimmed
	case w.placed || w.reason == NoBidNone && !w.eligible:
		return whole
	case w.reason == NoBidNone:
		return outranked
	}
	return w.reason
}

// outranked is the reason, beside those of NoBid, of deals whose line items could
// have bid but for another of the house, which the impression got.
const outranked = noBidCount

// dealReason names a reason.
func dealReason(r NoBid) string {
	if r == outranked {
		return "outranked"
	}
	return r.String()
}
