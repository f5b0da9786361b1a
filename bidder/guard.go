package bidder

import (
	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// OverMax is a bid above its line item's maximum, which was not sent. Amounts are
// in the advertiser's currency.
type OverMax struct {
	LineItem campaigns.ID
	Exchange string
	Bid, Max money.CPM
	Currency money.Currency
}

// guard is the last look before the answer: no bid above its line item's maximum
// leaves the house, whatever priced it. What it takes out had its cap and money
// reserved; they come back as those of a lost bid without a notice do.
func (b *Bidder) guard(a *auction) {
	kept := a.bids[:0]
	for i := range a.bids {
		p := &a.bids[i]
		l := &a.book.lines[p.row]
		bid, ok := a.fx.Convert(p.price, a.cur, l.advertiser.Currency, money.RoundDown)
		if ok && bid <= l.item.MaxBid+tolerance(l.item.MaxBid) {
			kept = append(kept, *p)
			continue
		}
		b.metrics.overMax.Add(1)
		a.watchImp(p.imp)
		a.noteDeal(p.row, int(p.deal), NoBidOverMax)
		if b.deps.OverMax != nil {
			b.deps.OverMax(OverMax{l.item.ID, a.exchange.Name, bid, l.item.MaxBid, l.advertiser.Currency})
		}
	}
	a.bids = kept
}

// tolerance is what the way into another currency and back may add: a rate is
// rounded to the ninth digit.
func tolerance(most money.CPM) money.CPM { return most/1_000_000 + 1 }
