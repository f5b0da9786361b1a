package pacing

import (
	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// simRule is a pricing rule as the operator sets it, and how the world answers.
type simRule struct {
	terms func(li *campaigns.LineItem)
	rate  money.PPM // expected events per impression
	event Type      // that charges; empty: the bill does
}

var simRules = map[campaigns.PricingModel]simRule{
	campaigns.PricingCPM:  {terms: func(li *campaigns.LineItem) { li.Price = 3_000_000 }},
	campaigns.PricingDCPM: {terms: func(li *campaigns.LineItem) { li.Price, li.Markup = 0, 250_000 }},
	campaigns.PricingVCPM: {rate: 500_000, event: TypeView, terms: func(li *campaigns.LineItem) { li.Price = 5_000_000 }},
	campaigns.PricingCPCV: {rate: 300_000, event: TypeComplete, terms: func(li *campaigns.LineItem) { li.Price = 8_000 }},
	campaigns.PricingCPC:  {rate: 20_000, event: TypeClick, terms: func(li *campaigns.LineItem) { li.Price = 40_000 }},
	campaigns.PricingCPA:  {rate: 4_000, event: TypeConversion, terms: func(li *campaigns.LineItem) { li.Price = 300_000 }},
	campaigns.PricingCPS:  {rate: 4_000, event: TypeConversion, terms: func(li *campaigns.LineItem) { li.Price, li.SaleShare = 0, 50_000 }},
	campaigns.PricingCPD:  {terms: func(li *campaigns.LineItem) { li.Price = 30_000 }},
}

var simModels = []campaigns.PricingModel{campaigns.PricingCPM, campaigns.PricingCPM, campaigns.PricingCPC, campaigns.PricingDCPM, campaigns.PricingVCPM,
	campaigns.PricingCPCV, campaigns.PricingCPA, campaigns.PricingCPS, campaigns.PricingCPD}

// simSale is the usual value of a conversion.
const simSale = 6 * money.Unit

// simNeed is what a bid reserves: its media cost, and what its rule is expected
// to charge for it.
func simNeed(li *campaigns.LineItem, bid money.CPM) (Amounts, error) {
	need := Amounts{Media: bid.PerImpression(), Charge: li.DataFee.PerImpression()}
	part := func(n money.Nanos, of money.PPM) error {
		v, err := money.MulDivUp(int64(n), int64(of), 1_000_000)
		need.Charge += money.Nanos(v)
		return err
	}
	switch li.Pricing {
	case campaigns.PricingCPM:
		need.Charge += li.EventPrice()
		return need, nil
	case campaigns.PricingDCPM:
		need.Charge += need.Media
		return need, part(need.Media, li.Share())
	case campaigns.PricingCPD: // nominal: the day's price is held once
		need.Charge += need.Media
		return need, nil
	case campaigns.PricingCPS:
		sale, err := li.Share().Of(simSale)
		if err != nil {
			return need, err
		}
		return need, part(sale, simRules[li.Pricing].rate)
	}
	return need, part(li.EventPrice(), simRules[li.Pricing].rate)
}

// price puts a line item under a rule.
func (r simRule) price(li *campaigns.LineItem, m campaigns.PricingModel) {
	li.Pricing, li.PricingTerms = m, campaigns.PricingTerms{ConversionDelayHours: 1}
	r.terms(li)
}
