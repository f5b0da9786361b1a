package pacing

import (
	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// eventOf is the event that a pricing rule charges for; empty: none, the bill does.
func eventOf(p campaigns.PricingModel) Type {
	switch p {
	case campaigns.PricingCPC:
		return TypeClick
	case campaigns.PricingVCPM:
		return TypeView
	case campaigns.PricingCPCV:
		return TypeComplete
	case campaigns.PricingCPA, campaigns.PricingCPS:
		return TypeConversion
	default:
		return ""
	}
}

var eventFlags = map[Type]bidFlags{TypeClick: bidClicked, TypeView: bidViewed, TypeComplete: bidCompleted, TypeConversion: bidConverted}

// event charges for what became of an impression, by the line item's rule. What
// comes before the bill waits for it; a bid that is never billed never charges.
func (x *notice) event(t Type) error {
	flag := eventFlags[t]
	switch {
	case x.Test && t == TypeConversion:
		x.p.Outcome = OutcomeTest
		return nil
	case t == TypeConversion && !x.line.owner.first(TypeConversion, x.Order), t != TypeConversion && x.bid.has(flag):
		x.p.Outcome = OutcomeDuplicate
		return nil
	case x.Test:
		x.test(flag)
		return nil
	}
	x.bid.flags |= flag
	if eventOf(x.line.terms.Pricing) != t || x.bid.has(bidFixed) {
		return nil
	}
	want := x.eventPrice()
	if !x.bid.has(bidBilled) {
		x.bid.waiting = addClamped(x.bid.waiting, want)
		x.bringEarly()
		return nil
	}
	own := x.line.line.draw(x.when(), want)
	return x.chargeEvent(want, own)
}

// eventPrice is what the event costs the advertiser.
func (x *notice) eventPrice() money.Nanos {
	if x.line.terms.Pricing != campaigns.PricingCPS {
		return x.line.terms.EventPrice
	}
	v, err := money.MulDiv(int64(x.Value), int64(x.line.terms.Share), 1_000_000)
	if err != nil {
		return noLimit // a sale beyond any budget: what fits is charged
	}
	return money.Nanos(v)
}

// bringEarly moves the expected charge of a bid that was not billed yet into the
// pool: its event has come.
func (x *notice) bringEarly() {
	if x.late || x.item.nominal || x.bid.has(bidVoid|bidBrought) {
		return
	}
	x.bid.early = x.ReservedCharge - x.dataFee()
	c, n := x.item.class(x.class()), Amounts{Charge: x.bid.early}
	want := n
	if c.Told {
		want = want.least(c.open(x.item))
	}
	free := x.item.release(want)
	c.Freed, c.Resolved = c.Freed.plus(free), c.Resolved.plus(n)
	if x.bid.has(bidWon) {
		c.Won = c.Won.less(n)
	}
	x.item.bring(free.Charge)
	x.bid.flags |= bidBrought
	x.lease.touch()
}

// chargeEvent posts want, for which own was held.
func (x *notice) chargeEvent(want, own money.Nanos) error {
	charged, err := x.line.take(x.when(), want, own)
	if err != nil {
		return err
	}
	if err := x.p.split(want, charged, 0, x.platformFee(), false); err != nil {
		return err
	}
	switch {
	case x.late:
		x.p.Outcome = OutcomeLate
	case charged < want:
		x.p.Outcome = OutcomeUnbilled
	default:
		x.p.Outcome = OutcomePosted
	}
	x.line.line.Fees.add(x.p)
	x.line.touch()
	return nil
}

// chargeWaiting charges for the events that came before the bill, as part of it.
func (x *notice) chargeWaiting() error {
	want := x.bid.waiting
	x.bid.waiting = 0
	if want == 0 || x.bid.has(bidFixed) {
		return nil
	}
	own := x.line.line.draw(x.when(), want)
	charged, err := x.line.take(x.when(), want, own)
	if err != nil {
		return err
	}
	var part Posting
	if err := part.split(want, charged, 0, x.platformFee(), false); err != nil {
		return err
	}
	x.line.line.Fees.add(&part)
	p := x.p
	p.Charge, p.PlatformFee, p.Margin, p.HouseUnbilled = p.Charge+part.Charge, p.PlatformFee+part.PlatformFee, p.Margin+part.Margin, p.HouseUnbilled+part.HouseUnbilled
	return nil
}

// convertPastHard charges a conversion of whose bid nothing is known any more, on
// the advertiser's present day.
func (x *notice) convertPastHard() error {
	switch {
	case x.line == nil || x.line.owner.node.id != int64(x.Advertiser):
		return nil
	case x.Test:
		x.p.Outcome = OutcomeTest
		return nil
	case x.line.owner.day == 0 || eventOf(x.line.terms.Pricing) != TypeConversion:
		return nil
	}
	if !x.line.owner.first(TypeConversion, x.Order) {
		x.p.Outcome = OutcomeDuplicate
		return nil
	}
	want := x.eventPrice()
	w := x.line.line.now(x.line.owner.day)
	x.p.Day, x.p.Campaign = w.Day, campaignOf(x.line)
	charged, err := x.line.take(w, want, 0)
	if err != nil {
		return err
	}
	if err := x.p.split(want, charged, 0, x.platformFee(), false); err != nil {
		return err
	}
	x.p.Outcome = OutcomePosted
	if charged < want {
		x.p.Outcome = OutcomeUnbilled
	}
	x.line.line.Fees.add(x.p)
	x.line.touch()
	return nil
}
