package scoring

import (
	"fmt"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// Worth is what an impression brings under a line item's pricing rule, in the
// advertiser's currency.
type Worth struct {
	// Bid is the most that media may cost: the expected charge less the
	// platform's fee and the data fee, at most the line item's maximum bid.
	Bid money.CPM
	// Charge is what a billed impression is expected to charge the advertiser,
	// data fee included: it is reserved with the bid.
	Charge money.Nanos
}

// Value applies the pricing rule. ctr is the click rate to expect, used by CPC
// alone. fee is the platform's share of a charge. It returns money.ErrOverflow
// for amounts out of range.
func Value(li *campaigns.LineItem, fee money.PPM, ctr money.PPM) (Worth, error) {
	var earned money.Nanos // expected charge of one impression, without the data fee
	switch li.Pricing {
	case campaigns.PricingCPM:
		earned = li.Price.PerImpression()
	case campaigns.PricingCPC:
		// price is micros a click, so price*1000 nanos; times ctr ppm.
		n, err := money.MulDivUp(int64(li.Price), int64(ctr), 1_000)
		if err != nil {
			return Worth{}, fmt.Errorf("value line item %d: %w", li.ID, err)
		}
		earned = money.Nanos(n)
	default:
		return Worth{}, fmt.Errorf("value line item %d: pricing %q is not known", li.ID, li.Pricing)
	}
	charge, err := money.Add(earned, li.DataFee.PerImpression())
	if err != nil {
		return Worth{}, fmt.Errorf("value line item %d: %w", li.ID, err)
	}
	kept, err := fee.Of(charge)
	if err != nil {
		return Worth{}, fmt.Errorf("value line item %d: %w", li.ID, err)
	}
	bid := money.CPM(max(earned-kept, 0)) // one nano an impression is one micro per mille
	return Worth{Bid: min(bid, li.MaxBid), Charge: charge}, nil
}
