package attribution

import "bidhawk/campaigns"

// Count is what one batch has counted of a line item's creative on an exchange,
// each bid, win, bill and impression once whoever repeats it.
type Count struct {
	LineItem, Creative campaigns.ID
	Exchange           string
	// Slot is the start of the quarter hour that they count for, in Unix seconds: of
	// bids, wins and impressions the bid's, of bills the bill's.
	Slot                              int64
	Bids, Wins, Billable, Impressions int64
}

// counts lists the batch's counts.
func (b *batch) counts() []Count {
	out := make([]Count, 0, len(b.rows))
	for g, m := range b.rows {
		out = append(out, Count{
			LineItem: campaigns.ID(g.lineItem), Creative: campaigns.ID(g.creative), Exchange: g.exchange, Slot: g.slot,
			Bids: m.n[nBids], Wins: m.n[nWins], Billable: m.n[nBillable], Impressions: m.n[nImpressions],
		})
	}
	return out
}
