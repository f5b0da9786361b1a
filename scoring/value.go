package scoring

import (
	"fmt"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// Worth is what an impression brings under a line item's pricing rule, in the
// advertiser's currency.
type Worth struct {
	// Bid is the most that media may cost: the expected charge less the platform's
	// fee and the data fee, at most the line item's maximum bid.
	Bid money.CPM
	// Charge is what a billed impression is expected to charge the advertiser,
	// data fee included: it is reserved with the bid, but of dynamic CPM, whose
	// charge goes with the bid: see Reserve.
	Charge money.Nanos
}

// Value applies the pricing rule. fee is the platform's share of a charge. It
// returns money.ErrOverflow for amounts and rates out of range.
//
// Of dynamic CPM and CPD an impression is worth the maximum bid: the one earns by
// what it pays, of the other each impression of a day charges nothing, so that the
// operator's media cap and maximum bid alone say what it may cost.
func Value(li *campaigns.LineItem, fee money.PPM, e Expected) (Worth, error) {
	w, err := value(li, fee, e)
	if err != nil {
		return Worth{}, fmt.Errorf("value line item %d: %w", li.ID, err)
	}
	return w, nil
}

func value(li *campaigns.LineItem, fee money.PPM, e Expected) (Worth, error) {
	if li.Pricing == campaigns.PricingDCPM || li.Pricing == campaigns.PricingCPD {
		charge, err := Reserve(li, li.MaxBid.PerImpression(), Worth{})
		return Worth{Bid: li.MaxBid, Charge: charge}, err
	}
	earned, err := earns(li, e)
	if err != nil {
		return Worth{}, err
	}
	charge, err := money.Add(earned, li.DataFee.PerImpression())
	if err != nil {
		return Worth{}, err
	}
	kept, err := fee.Of(charge)
	if err != nil {
		return Worth{}, err
	}
	bid := money.CPM(max(earned-kept, 0)) // one nano an impression is one micro per mille
	return Worth{Bid: min(bid, li.MaxBid), Charge: charge}, nil
}

// earns is the expected charge of one impression without the data fee, rounded up.
func earns(li *campaigns.LineItem, e Expected) (money.Nanos, error) {
	if li.Price < 0 || li.Price > money.MaxCPM {
		return 0, fmt.Errorf("price %d: %w", li.Price, money.ErrOverflow)
	}
	switch li.Pricing {
	case campaigns.PricingCPM:
		return li.EventPrice(), nil
	case campaigns.PricingVCPM:
		return share(li.EventPrice(), e.View)
	case campaigns.PricingCPCV:
		return share(li.EventPrice(), e.Completion)
	case campaigns.PricingCPC:
		return share(li.EventPrice(), e.CTR)
	case campaigns.PricingCPA:
		return share(li.EventPrice(), e.CTR, e.CVR)
	case campaigns.PricingCPS:
		return share(e.Sale, e.CTR, e.CVR, li.SaleShare)
	}
	return 0, fmt.Errorf("pricing %q is not known", li.Pricing)
}

// share is amount times rates, rounded up once. Three rates of at most one, in
// parts per million, still fit an integer.
func share(amount money.Nanos, rates ...money.PPM) (money.Nanos, error) {
	num, den := int64(1), int64(1)
	for _, r := range rates {
		if r < 0 || r > 1_000_000 {
			return 0, fmt.Errorf("rate %d: %w", r, money.ErrOverflow)
		}
		num, den = num*int64(r), den*1_000_000
	}
	n, err := money.MulDivUp(int64(amount), num, den)
	return money.Nanos(n), err
}

// Reserve is the charge to hold for an impression that may cost media, in the
// advertiser's currency: it covers what its bill charges at most, and of rules that
// charge at an event what the impression is expected to bring.
func Reserve(li *campaigns.LineItem, media money.Nanos, w Worth) (money.Nanos, error) {
	charge := media
	switch li.Pricing {
	case campaigns.PricingDCPM:
		markup, err := money.MulDivUp(int64(media), int64(li.Markup), 1_000_000)
		if err != nil {
			return 0, err
		}
		if charge, err = money.Add(media, money.Nanos(markup)); err != nil {
			return 0, err
		}
	case campaigns.PricingCPD:
		// Nominal: the ledger holds the day's price once, and no impression's.
	default:
		return w.Charge, nil
	}
	return money.Add(charge, li.DataFee.PerImpression())
}
