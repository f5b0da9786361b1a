package pacing

import (
	"fmt"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// Need returns what a bid must reserve: media is the bid itself, in the
// advertiser's currency; charge is what the pricing rule can charge for it. For
// CPC that is the data fee and the expected charge, ctr x price, rounded up.
func Need(li *campaigns.LineItem, bid money.CPM, ctr money.PPM) (Amounts, error) {
	charge := li.DataFee.PerImpression()
	switch li.Pricing {
	case campaigns.PricingCPM:
		charge += li.Price.PerImpression()
	case campaigns.PricingCPC:
		// A click's price is micros of a unit: x 1000 nanos, x ctr / 1e6.
		v, err := money.MulDivUp(int64(li.Price), int64(ctr), 1000)
		if err != nil {
			return Amounts{}, fmt.Errorf("line item %d: expected charge: %w", li.ID, err)
		}
		if charge, err = money.Add(charge, money.Nanos(v)); err != nil {
			return Amounts{}, fmt.Errorf("line item %d: expected charge: %w", li.ID, err)
		}
	default:
		return Amounts{}, fmt.Errorf("line item %d: pricing %q: want cpm or cpc", li.ID, li.Pricing)
	}
	if bid < 0 || charge < 0 {
		return Amounts{}, fmt.Errorf("line item %d: bid %d and charge %d must not be negative", li.ID, bid, charge)
	}
	return Amounts{Media: bid.PerImpression(), Charge: charge}, nil
}
