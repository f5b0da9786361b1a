package bidder

import (
	"slices"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
	"bidhawk/internal/openrtb"
)

// PriceExplanation is how a line item's price on an impression comes about. Prices
// are per mille, in the currency beside them.
type PriceExplanation struct {
	Creative campaigns.ID `json:"creative"`
	Deal     string       `json:"deal,omitempty"` // empty: the open auction
	Pricing  string       `json:"pricing"`
	Price    string       `json:"price"`                      // of the rule: see docs/pricing.md
	CTR      money.PPM    `json:"expected_ctr_ppm,omitempty"` // of CPC, CPA and CPS
	// Of vCPM, CPCV, and of CPA and CPS.
	ViewRate       money.PPM `json:"expected_view_rate_ppm,omitempty"`
	CompletionRate money.PPM `json:"expected_completion_rate_ppm,omitempty"`
	CVR            money.PPM `json:"expected_cvr_ppm,omitempty"`

	PlatformFee money.PPM `json:"platform_fee_ppm"`      // of the charge, taken off
	DataFee     string    `json:"data_fee,omitempty"`    // part of the charge, taken off
	MaxBid      string    `json:"max_bid"`               // bounds it
	Value       string    `json:"value"`                 // what the impression is worth, in the advertiser's currency
	Currency    string    `json:"currency"`              // the advertiser's
	Paced       money.PPM `json:"pacing_multiplier_ppm"` // what of the value is bid
	Modified    money.PPM `json:"bid_modifiers_ppm"`     // what the line item's bid modifiers leave of that
	Converted   string    `json:"converted,omitempty"`   // that in the answer's currency, rounded down
	Shaded      string    `json:"shaded,omitempty"`      // what of that the curve of what wins under first price bids; none: it does not shade
	Floor       string    `json:"floor"`                 // as sent
	FloorCur    string    `json:"floor_currency"`
	FloorIn     string    `json:"floor_converted,omitempty"` // in the answer's currency, rounded up
	Bid         string    `json:"bid,omitempty"`             // in the answer's currency
	BidCurrency string    `json:"bid_currency"`
	DealPrice   bool      `json:"deal_price,omitempty"` // at=3: the floor is the price
	Multiplier  string    `json:"multiplier,omitempty"` // of a screen: what is billed is price times this
	Reason      string    `json:"reason,omitempty"`     // why there is no bid at this price
	Cap         string    `json:"cap,omitempty"`        // the first frequency cap that refuses it
}

// explainLine finds the first reason against a line item on impression i, and all
// of them.
func (b *Bidder) explainLine(e *LineExplanation, a *auction, i int) {
	imp := &a.req.Imp[i]
	var all reasons
	if e.Targeting = a.book.index.Explain(&a.facts, &a.imp, e.LineItem); len(e.Targeting) > 0 {
		all.add(NoBidNoMatch)
	}
	if l, ok := a.book.catalog.Lineage(e.LineItem); ok && a.kill.Stops(l) {
		all.add(NoBidKilled)
	}
	row, ok := a.book.index.Row(e.LineItem)
	if ok {
		all.add(b.explainAds(e, a, imp, row)...)
		all.add(b.explainPrices(e, a, i, row)...)
	}
	e.First, e.stage = bidding, noBidCount
	if len(all) > 0 {
		e.First, e.stage = all[0].String(), all[0]
	}
	for _, r := range all {
		e.Reasons = append(e.Reasons, r.String())
	}
}

// reasons is a list without repeats, in the order in which a bid meets them.
type reasons []NoBid

func (r *reasons) add(more ...NoBid) {
	for _, n := range more {
		if n != NoBidNone && !slices.Contains(*r, n) {
			*r = append(*r, n)
		}
	}
	slices.Sort(*r)
}

// explainAds holds every ad of the line against every rule. What speaks against
// the line are the reasons of the ad that comes nearest.
func (b *Bidder) explainAds(e *LineExplanation, a *auction, imp *openrtb.Imp, row int32) []NoBid {
	l := &a.book.lines[row]
	best := []NoBid{NoBidNoCreative}
	for _, ad := range l.ads {
		against := ad.refusals(a, imp)
		c := CreativeExplanation{Creative: ad.creative.ID, Format: ad.medium.String()}
		for _, r := range against {
			c.Reasons = append(c.Reasons, r.String())
		}
		if len(e.Creatives) < maxExplained {
			e.Creatives = append(e.Creatives, c)
		}
		if len(against) == 0 {
			best = nil
		} else if best != nil && (best[0] == NoBidNoCreative || len(against) < len(best)) {
			best = against
		}
	}
	return best
}

// refusals are all rules that ad breaks on imp.
func (ad *ad) refusals(a *auction, imp *openrtb.Imp) (all reasons) {
	if !a.offers.has(ad.medium) {
		return reasons{NoBidNoCreative}
	}
	for _, r := range rules[ad.medium] {
		all.add(r(a, imp, ad))
	}
	return all
}

// explainPrices prices the line with each ad that the impression takes, or else
// the first of a medium that it offers, until one could bid. Against the line
// speaks what speaks against all.
func (b *Bidder) explainPrices(e *LineExplanation, a *auction, i int, row int32) reasons {
	imp, l := &a.req.Imp[i], &a.book.lines[row]
	var fit, offered []int32
	for k, x := range l.ads {
		if !a.offers.has(x.medium) {
			continue
		}
		offered = append(offered, int32(k))
		if x.refusal(a, imp) == NoBidNone {
			fit = append(fit, int32(k))
		}
	}
	if len(fit) == 0 {
		fit = offered[:min(len(offered), 1)]
	}
	var against reasons
	for _, k := range fit {
		failed, ok := b.explainAd(e, a, imp, row, k)
		if ok {
			return nil
		}
		against.add(failed...)
	}
	return against
}

// explainAd prices one ad in the open auction or under each of the line's deals,
// and asks whether it could be afforded; ok says that it could bid.
func (b *Bidder) explainAd(e *LineExplanation, a *auction, imp *openrtb.Imp, row, k int32) (failed reasons, ok bool) {
	l := &a.book.lines[row]
	deals := []int32{-1}
	if l.onDeals {
		deals = nil
		for n := range a.imp.Deals {
			if r := a.usable(imp, n, row, l.ads[k]); r == NoBidNone {
				deals = append(deals, int32(a.dealIdx[n]))
			} else if r != NoBidNoMatch {
				failed.add(r)
			}
		}
	}
	for _, deal := range deals {
		c := candidate{row: row, ad: k, deal: deal, guaranteed: deal >= 0 && imp.PMP.Deals[deal].Guar, pace: b.deps.Wallet.Multiplier(l.item.ID), modified: l.modified(a)}
		priced, r := b.bid(a, imp, l, c)
		if r == NoBidNone {
			r = b.wouldAfford(a, l, &priced)
		}
		if len(e.Prices) < maxExplained || r == NoBidNone && !ok {
			e.Prices = append(e.Prices, b.explainPrice(a, imp, l, &priced, r))
		}
		ok = ok || r == NoBidNone
		failed.add(r)
	}
	return failed, ok
}

func (b *Bidder) explainPrice(a *auction, imp *openrtb.Imp, l *line, c *candidate, reason NoBid) PriceExplanation {
	worth, e, _ := b.worth(a, imp, l, l.ads[c.ad]) // an error is the reason, and the worth none
	f := floorOf(imp, c.deal, l.ads[c.ad])
	p := PriceExplanation{
		Creative: l.ads[c.ad].creative.ID, Pricing: string(l.item.Pricing), Price: l.item.Price.String(), CTR: e.CTR, PlatformFee: l.fee, MaxBid: l.item.MaxBid.String(),
		Value: worth.Bid.String(), Currency: l.advertiser.Currency.String(), Floor: f.price.String(), FloorCur: f.cur.String(),
		BidCurrency: a.cur.String(), DealPrice: f.fixed,
	}
	if p.Paced, p.Modified = c.pace, c.modified; c.guaranteed {
		p.Paced, p.Modified = wholeValue, wholeValue
	}
	p.ViewRate, p.CompletionRate, p.CVR = e.View, e.Completion, e.CVR
	if l.item.DataFee > 0 {
		p.DataFee = l.item.DataFee.String()
	}
	if c.deal >= 0 {
		p.Deal = string(imp.PMP.Deals[c.deal].ID)
	}
	if v, ok := a.fx.Convert(c.paced(worth.Bid), l.advertiser.Currency, a.cur, money.RoundDown); ok {
		p.Converted = v.String()
		shaded := *c
		if s := a.shade(&shaded, worth.Bid, v, l.advertiser.Currency); s < v {
			p.Shaded = s.String()
		}
	}
	if v, ok := a.fx.Convert(f.price, f.cur, a.cur, money.RoundUp); ok {
		p.FloorIn = v.String()
	}
	if m := multiplier(imp); m != oneImpression {
		p.Multiplier = string(money.AppendMicros(nil, int64(m)))
	}
	if c.price > 0 {
		p.Bid = c.price.String()
	}
	if reason != NoBidNone {
		p.Reason = reason.String()
	}
	if refusing := b.refusingCap(a, l, &l.caps[c.ad]); refusing != nil {
		p.Cap = refusing.String()
	}
	return p
}
