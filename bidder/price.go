package bidder

import (
	"math/rand/v2"
	"time"

	"bidhawk/bidder/offers"
	"bidhawk/campaigns"
	"bidhawk/internal/money"
	"bidhawk/internal/openrtb"
	"bidhawk/pacing"
	"bidhawk/scoring"
)

// candidate prices one line item for an impression, with the first of its ads,
// from one at random on, that the impression takes and whose floor it meets.
func (b *Bidder) candidate(a *auction, imp *openrtb.Imp, row int32) (candidate, NoBid) {
	ads := a.book.lines[row].ads
	if len(ads) == 0 {
		return candidate{}, NoBidNoCreative
	}
	reason, tie, pace, modified := NoBidNone, rand.Uint32(), money.PPM(0), money.PPM(0)
	for i, k := 0, rand.IntN(len(ads)); i < len(ads); i++ {
		if a.offers.has(ads[k].medium) {
			if pace == 0 { // once for an impression
				pace = b.meet(a, a.book.lines[row].item.ID)
				modified = a.book.lines[row].modified(a)
			}
			c, r := b.withAd(a, imp, candidate{row: row, ad: int32(k), deal: -1, tie: tie, pace: pace, modified: modified})
			if r == NoBidNone {
				return c, NoBidNone
			}
			reason = max(reason, r)
		}
		if k++; k == len(ads) {
			k = 0
		}
	}
	if reason == NoBidNone {
		reason = NoBidNoCreative
	}
	return candidate{}, reason
}

// meet counts an auction that a line item may bid in; not one that is only
// explained or never billed.
func (b *Bidder) meet(a *auction, li campaigns.ID) money.PPM {
	if a.dry || a.req.Test {
		return b.deps.Wallet.Multiplier(li)
	}
	return b.deps.Wallet.Meet(li)
}

// paced is what of worth c bids: a guaranteed deal is bid on with all of it.
func (c *candidate) paced(worth money.CPM) money.CPM {
	if c.guaranteed {
		return worth
	}
	// At most MaxCPM x 1e6: no overflow.
	if c.pace < wholeValue {
		worth = worth * money.CPM(c.pace) / money.CPM(wholeValue)
	}
	if c.modified < wholeValue {
		worth = worth * money.CPM(c.modified) / money.CPM(wholeValue)
	}
	return worth
}

const wholeValue money.PPM = 1_000_000

// withAd prices c, whose ad is chosen and of a medium that imp offers.
func (b *Bidder) withAd(a *auction, imp *openrtb.Imp, c candidate) (candidate, NoBid) {
	l := &a.book.lines[c.row]
	ad := l.ads[c.ad]
	if r := ad.refusal(a, imp); r != NoBidNone {
		return c, r
	}
	if len(ad.creative.FrequencyCaps) > 0 { // another ad of the line may still be shown
		if r := b.capped(a, l, &l.caps[c.ad]); r != NoBidNone {
			return c, r
		}
	}
	if ad.medium == mediumVideo || ad.medium == mediumAudio {
		c.version, _ = ad.version(imp)
	}
	if !l.onDeals {
		return b.bid(a, imp, l, c)
	}
	// The first deal that it may use and whose floor it meets; guaranteed ones first.
	reason := NoBidNoMatch
	for _, guaranteed := range [...]bool{true, false} {
		for i := range a.imp.Deals {
			if imp.PMP.Deals[a.dealIdx[i]].Guar != guaranteed {
				continue
			}
			if r := a.usable(imp, i, c.row, ad); r != NoBidNone {
				reason = max(reason, r)
				continue
			}
			c.deal, c.guaranteed = int32(a.dealIdx[i]), guaranteed
			priced, r := b.bid(a, imp, l, c)
			if r == NoBidNone {
				return priced, NoBidNone
			}
			reason = max(reason, r)
		}
	}
	return c, reason
}

// usable says whether the row targets a.imp.Deals[i] and its ad is let into it.
func (a *auction) usable(imp *openrtb.Imp, i int, row int32, ad *ad) NoBid {
	if !a.book.index.TargetsDeal(row, a.imp.Deals[i]) {
		return NoBidNoMatch
	}
	list := imp.PMP.Deals[a.dealIdx[i]].WADomain
	if len(list) == 0 {
		return NoBidNone
	}
	for _, d := range ad.adomain { // the exchange may hold any of them against its list
		if !inDomains(list, d) {
			return NoBidDealAdvertiser
		}
	}
	if len(ad.adomain) == 0 {
		return NoBidDealAdvertiser
	}
	return NoBidNone
}

// guaranteed says whether one of the deals that we may use must be bid on.
func (a *auction) guaranteed(imp *openrtb.Imp) bool {
	for _, i := range a.dealIdx {
		if imp.PMP.Deals[i].Guar {
			return true
		}
	}
	return false
}

// bid turns the line's worth into a price in the answer's currency, at or above
// the floor, and the amounts to reserve for it.
func (b *Bidder) bid(a *auction, imp *openrtb.Imp, l *line, c candidate) (candidate, NoBid) {
	if r := a.cantCharge(imp, l, &c); r != NoBidNone {
		return c, r
	}
	worth, _, err := b.worth(a, imp, l, l.ads[c.ad])
	if err != nil {
		return c, NoBidInternal
	}
	fx := a.fx
	price, ok := fx.Convert(c.paced(worth.Bid), l.advertiser.Currency, a.cur, money.RoundDown)
	if !ok {
		return c, NoBidCurrency
	}
	f := floorOf(imp, c.deal, l.ads[c.ad])
	floor, ok := fx.Convert(f.price, f.cur, a.cur, money.RoundUp)
	if !ok {
		return c, NoBidCurrency
	}
	step := a.exchange.step
	most := price - price%step
	if floor = roundUp(floor, step); most <= 0 || most < floor {
		return c, NoBidBelowFloor
	}
	price = a.shade(&c, worth.Bid, price, l.advertiser.Currency)
	price = min(max(price-price%step, floor, step), most)
	if f.fixed && floor > 0 {
		price = floor // at=3: the deal's floor is the price
	}
	if c.fx, ok = fx.Between(a.cur, l.advertiser.Currency); !ok {
		return c, NoBidCurrency
	}
	c.price = price
	if c.amount, err = cost(imp, c.fx, price, l.item, worth); err != nil {
		return c, NoBidInternal
	}
	return c, NoBidNone
}

// worth is what an impression with the ad brings, and what that rests on.
func (b *Bidder) worth(a *auction, imp *openrtb.Imp, l *line, ad *ad) (scoring.Worth, scoring.Expected, error) {
	e := scoring.Expected{}
	if l.item.Pricing.Charges() != campaigns.ChargeAtBill {
		e = scoring.Expect(b.deps.Rates, l.item, scoring.Place{Creative: ad.creative.ID, Placement: a.placement(imp)}, a.now)
	}
	w, err := scoring.Value(l.item, l.fee, e)
	return w, e, err
}

// cost is what one play of the impression may cost and charge: of a screen that
// many people see, as many impressions as its multiplier says (section 3.2.31).
func cost(imp *openrtb.Imp, fx money.Rate, price money.CPM, li *campaigns.LineItem, worth scoring.Worth) (pacing.Amounts, error) {
	one, err := fx.Convert(price.PerImpression())
	if err != nil {
		return pacing.Amounts{}, err
	}
	charge, err := scoring.Reserve(li, one, worth)
	m := multiplier(imp)
	if err != nil || m == oneImpression {
		return pacing.Amounts{Media: one, Charge: charge}, err
	}
	p, err := money.MulDivUp(int64(price.PerImpression()), int64(m), int64(oneImpression))
	if err != nil {
		return pacing.Amounts{}, err
	}
	media, err := fx.Convert(money.Nanos(p))
	if err != nil {
		return pacing.Amounts{}, err
	}
	c, err := money.MulDivUp(int64(charge), int64(m), int64(oneImpression))
	return pacing.Amounts{Media: media, Charge: money.Nanos(c)}, err
}

// oneImpression is the multiplier of what one person sees.
const oneImpression money.PPM = 1_000_000

func multiplier(imp *openrtb.Imp) money.PPM {
	if imp.Qty == nil || imp.Qty.Multiplier == 0 {
		return oneImpression
	}
	return imp.Qty.Multiplier
}

// floor is the least price of a bid.
type floor struct {
	price money.CPM
	cur   money.Currency
	fixed bool // it is the price, too (at=3)
}

// floorOf finds the floor of an ad on an impression: the deal's for bids under
// one, else the impression's. Of video and audio the floor for the ad's duration
// comes before the price per second, and that before the plain floor (sections
// 3.2.7, 3.2.12 and 3.2.35).
func floorOf(imp *openrtb.Imp, deal int32, ad *ad) floor {
	var f floor
	var perSecond money.CPM
	var floors []openrtb.DurFloor
	if deal >= 0 {
		d := &imp.PMP.Deals[deal]
		f = floor{d.BidFloor, d.BidFloorCur, d.AT == openrtb.AuctionDealPrice}
		perSecond, floors = d.MinCPMPerSec, d.DurFloors
	} else {
		f = floor{imp.BidFloor, imp.BidFloorCur, false}
		if s := streamOf(imp, ad.medium); s != nil {
			perSecond, floors = s.MinCPMPerSec, s.DurFloors
		}
	}
	if ad.duration == 0 {
		return f
	}
	for i := range floors {
		if d := &floors[i]; ad.duration >= d.MinDur && (d.MaxDur == 0 || ad.duration <= d.MaxDur) {
			f.price = d.BidFloor
			return f
		}
	}
	if perSecond > 0 {
		f.price = money.MaxCPM
		if perSecond <= money.MaxCPM/money.CPM(ad.duration) {
			f.price = perSecond * money.CPM(ad.duration)
		}
	}
	return f
}

// afford takes the path, the frequency caps and the money of a candidate, all or
// nothing. An explanation only looks.
func (b *Bidder) afford(a *auction, i int, c candidate) (placed, NoBid) {
	l := &a.book.lines[c.row]
	p := placed{candidate: c, bid: b.deps.BidIDs.Next(), day: pacing.DayOf(a.now.In(l.zone))}
	if a.req.Test && !a.dry {
		return p, NoBidNone // never billed: nothing to reserve
	}
	if r := b.holdOut(a, l, &c, p.bid); r != NoBidNone {
		return p, r
	}
	if a.dry {
		return p, b.wouldAfford(a, l, &c)
	}
	k, again, r := b.claim(a, i, l)
	if r != NoBidNone {
		return p, r
	}
	caps := &l.caps[c.ad]
	who, r := b.takeCaps(a, l, caps, again)
	if r != NoBidNone {
		b.release(a, k, l, again)
		return p, r
	}
	got, refusal := b.reserve(l, a.now, &c, a.exchange.classes[a.formatOf(&c)])
	if refusal != pacing.RefusedNot {
		b.metrics.refused(refusal)
		if !again {
			b.deps.Frequency.Release(caps, who)
		}
		b.release(a, k, l, again)
		return p, NoBidBudget
	}
	p.lease, p.day, p.close = got.Lease, got.Day, got.Close
	return p, NoBidNone
}

// claim asks whether the line item may bid on this offer here: an impression that
// several exchanges offer is bid on through one of them. again says that the very
// same impression was claimed before.
func (b *Bidder) claim(a *auction, i int, l *line) (k offers.Key, again bool, r NoBid) {
	if b.deps.Offers == nil {
		return k, false, NoBidNone
	}
	k = offers.KeyOf(&a.req, &a.req.Imp[i], a.user)
	ok, fresh := b.deps.Offers.Claim(k, l.item.ID, a.exchange.metrics.path, a.now)
	if !ok {
		return k, false, NoBidOtherPath
	}
	return k, !fresh, NoBidNone
}

// release gives back a claim of a bid that is not made. One that an earlier bid
// made stays.
func (b *Bidder) release(a *auction, k offers.Key, l *line, again bool) {
	if b.deps.Offers != nil && !again {
		b.deps.Offers.Release(k, l.item.ID, a.exchange.metrics.path)
	}
}

// reserve takes the money of c. A guaranteed deal is paid past the even release
// of the budget.
func (b *Bidder) reserve(l *line, now time.Time, c *candidate, class uint16) (pacing.Reservation, pacing.Refusal) {
	if c.guaranteed {
		return b.deps.Wallet.ReserveGuaranteed(l.item.ID, now, c.amount, class)
	}
	return b.deps.Wallet.Reserve(l.item.ID, now, c.amount, class)
}

// wouldAfford is afford for an explanation: it looks and takes nothing.
func (b *Bidder) wouldAfford(a *auction, l *line, c *candidate) NoBid {
	if b.refusingCap(a, l, &l.caps[c.ad]) != nil {
		return NoBidFrequency
	}
	switch b.deps.Wallet.Affords(l.item.ID, a.now, c.amount, c.guaranteed) {
	case pacing.RefusedNot, pacing.RefusedNoLease: // its first bid asks for a lease
		return NoBidNone
	default:
		return NoBidBudget
	}
}

// Steps of prices.
const (
	priceStep      money.CPM = 100  // what four decimals can say
	impressionStep money.CPM = 1000 // what whole micros of one impression can say: a clearing price comes back as it was bid
)

func roundUp(v, step money.CPM) money.CPM {
	if r := v % step; r > 0 && v < money.MaxCPM {
		v += step - r
	}
	return v
}
