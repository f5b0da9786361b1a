package bidder

import (
	"math/rand/v2"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
	"bidhawk/internal/openrtb"
	"bidhawk/pacing"
	"bidhawk/pacing/frequency"
	"bidhawk/scoring"
	"bidhawk/targeting"
)

// auction is the working memory of one request. It is pooled: nothing in it is
// valid after release.
type auction struct {
	req      openrtb.BidRequest
	facts    targeting.RequestFacts
	imp      targeting.ImpFacts
	scratch  targeting.Scratch
	rows     []int32
	dealIdx  []int // imp.Deals[i] is the request's deal dealIdx[i]
	best     []candidate
	bids     []placed
	exchange *Exchange
	book     *book
	now      time.Time
	deadline time.Time
	user     ids.UserKey
	cur      money.Currency // of the answer
	room     int            // bytes of the answer that are left for bids
	site     []byte         // domain or bundle
	app      bool

	unpack unpacker
	answer answerBuffers
}

// candidate is a line item's bid on one impression, before it is afforded.
type candidate struct {
	row    int32
	ad     int32
	deal   int32 // index into the impression's deals; -1: open auction
	price  money.CPM
	amount pacing.Amounts // advertiser's currency
	fx     money.Rate     // advertiser's unit for one of the answer's
	tie    uint32
}

// placed is a bid that was afforded.
type placed struct {
	candidate
	imp   int
	bid   ids.BidID
	lease int64
	day   pacing.Day
}

// decide fills a.bids with at most one bid per impression and returns the last
// stage at which an impression failed, NoBidNone where all got a bid.
func (b *Bidder) decide(a *auction) NoBid {
	reason := NoBidNone
	b.index(a)
	a.startRoom()
	for i := range a.req.Imp {
		r := b.decideImp(a, i)
		reason = max(reason, r)
		if r == NoBidTimeout {
			break
		}
	}
	return reason
}

// oneImpression is the multiplier of what one person sees.
const oneImpression money.PPM = 1_000_000

func (b *Bidder) decideImp(a *auction, i int) NoBid {
	imp := &a.req.Imp[i]
	switch {
	case imp.Banner == nil || imp.Qty != nil && imp.Qty.Multiplier != 0 && imp.Qty.Multiplier != oneImpression:
		// One bid may be billed as many impressions: what that costs is not reserved.
		return NoBidUnsupportedFormat
	case imp.Secure.Yes() && !b.secureURL:
		return NoBidCreativeBlocked // a secure page would block the trackers, if not the ad
	}
	a.impFacts(imp)
	a.rows = a.book.index.MatchImp(a.rows[:0], &a.scratch, &a.imp)
	if len(a.rows) == 0 {
		return NoBidNoMatch
	}
	if b.clock().After(a.deadline) {
		return NoBidTimeout
	}
	// Fast path: one of the few dearest can nearly always be afforded. Slow path:
	// where none can, all that may be tried are.
	reason := b.settle(a, i, min(firstTries, b.cfg.MaxTries))
	if reason != NoBidNone && len(a.best) == firstTries && firstTries < b.cfg.MaxTries {
		reason = b.settle(a, i, b.cfg.MaxTries)
	}
	return reason
}

// firstTries is how many line items are ranked at first.
const firstTries = 4

// settle places the dearest of the best n bids that can be afforded.
func (b *Bidder) settle(a *auction, i, n int) NoBid {
	reason := b.price(a, &a.req.Imp[i], n)
	for _, c := range a.best {
		bytes := b.bidBytes(a, i, c)
		if bytes > a.room {
			reason = max(reason, NoBidAnswerTooLarge)
			continue
		}
		p, r := b.afford(a, c)
		if r == NoBidNone {
			p.imp = i
			a.room -= bytes
			a.bids = append(a.bids, p)
			return NoBidNone
		}
		reason = max(reason, r)
	}
	return reason
}

// price fills a.best with the dearest n candidates, and returns the last stage
// that a refused one reached. Rows come by the most that they can bid: once the
// best are more than the next row's most, no later one can be among them.
func (b *Bidder) price(a *auction, imp *openrtb.Imp, n int) NoBid {
	a.best = a.best[:0]
	reason := NoBidNone
	for at, row := range a.rows {
		if at == b.cfg.MaxCandidates {
			break
		}
		if len(a.best) == n && a.best[len(a.best)-1].price > b.most(a, row) {
			break
		}
		c, r := b.candidate(a, imp, row)
		if r != NoBidNone {
			reason = max(reason, r)
			continue
		}
		a.keep(c, n)
	}
	return reason
}

// most is the most that a row can bid, in the answer's currency.
func (b *Bidder) most(a *auction, row int32) money.CPM {
	most, ok := b.deps.FX.Convert(money.CPM(a.book.index.Line(row).Rank), money.USD, a.cur, money.RoundUp)
	if !ok {
		return money.MaxCPM
	}
	return most
}

// keep inserts c into the best n, dearest first; equal prices in random order.
func (a *auction) keep(c candidate, n int) {
	at := len(a.best)
	for at > 0 && (a.best[at-1].price < c.price || a.best[at-1].price == c.price && a.best[at-1].tie < c.tie) {
		at--
	}
	if at == n {
		return
	}
	if len(a.best) < n {
		a.best = append(a.best, candidate{})
	}
	copy(a.best[at+1:], a.best[at:])
	a.best[at] = c
}

// candidate prices one line item for an impression.
func (b *Bidder) candidate(a *auction, imp *openrtb.Imp, row int32) (candidate, NoBid) {
	l := &a.book.lines[row]
	k, reason := l.pickAd(a, imp)
	if reason != NoBidNone {
		return candidate{}, reason
	}
	c := candidate{row: row, ad: int32(k), deal: -1, tie: rand.Uint32()}
	if !l.onDeals {
		return b.bid(a, imp, l, c)
	}
	// The first deal that it may use and whose floor it meets.
	reason = NoBidNoMatch
	for i := range a.imp.Deals {
		if !a.usable(imp, i, c.row, &l.ads[k]) {
			continue
		}
		c.deal = int32(a.dealIdx[i])
		priced, r := b.bid(a, imp, l, c)
		if r == NoBidNone {
			return priced, NoBidNone
		}
		reason = max(reason, r)
	}
	return candidate{}, reason
}

// pickAd chooses at random among the line's ads that fit the impression.
func (l *line) pickAd(a *auction, imp *openrtb.Imp) (int, NoBid) {
	reason, n := NoBidNoCreative, len(l.ads)
	if n == 0 {
		return 0, reason
	}
	for i, k := 0, rand.IntN(n); i < n; i++ {
		ad := &l.ads[k]
		if accepts(imp.Banner, ad.creative.W, ad.creative.H) {
			switch {
			case ad.bytes > a.exchange.MaxAnswerBytes:
				reason = max(reason, NoBidAnswerTooLarge)
			case ad.allowed(&a.req, imp):
				return k, NoBidNone
			default:
				reason = max(reason, NoBidCreativeBlocked)
			}
		}
		if k++; k == n {
			k = 0
		}
	}
	return 0, reason
}

// usable says whether the row targets a.imp.Deals[i] and its ad is let into it.
func (a *auction) usable(imp *openrtb.Imp, i int, row int32, ad *ad) bool {
	if !a.book.index.TargetsDeal(row, a.imp.Deals[i]) {
		return false
	}
	d := &imp.PMP.Deals[a.dealIdx[i]]
	return len(d.WADomain) == 0 || len(ad.adomain) > 0 && inDomains(d.WADomain, ad.adomain[0])
}

// bid turns the line's worth into a price in the answer's currency, at or above
// the floor, and the amounts to reserve for it.
func (b *Bidder) bid(a *auction, imp *openrtb.Imp, l *line, c candidate) (candidate, NoBid) {
	ctr := money.PPM(0)
	if l.item.Pricing == campaigns.PricingCPC {
		ctr = b.deps.Rates.CTR(l.ads[c.ad].creative.ID, l.item.ExpectedCTR)
	}
	worth, err := scoring.Value(l.item, l.fee, ctr)
	if err != nil {
		return c, NoBidInternal
	}
	price, ok := b.deps.FX.Convert(worth.Bid, l.advertiser.Currency, a.cur, money.RoundDown)
	if !ok {
		return c, NoBidCurrency
	}
	floor, floorCur, fixed := imp.BidFloor, imp.BidFloorCur, false
	if c.deal >= 0 {
		d := &imp.PMP.Deals[c.deal]
		floor, floorCur, fixed = d.BidFloor, d.BidFloorCur, d.AT == openrtb.AuctionDealPrice
	}
	if floor, ok = b.deps.FX.Convert(floor, floorCur, a.cur, money.RoundUp); !ok {
		return c, NoBidCurrency
	}
	price -= price % priceStep
	if floor = roundUp(floor, priceStep); price <= 0 || price < floor {
		return c, NoBidBelowFloor
	}
	if fixed && floor > 0 {
		price = floor // at=3: the deal's floor is the price
	}
	if c.fx, ok = b.deps.FX.Between(a.cur, l.advertiser.Currency); !ok {
		return c, NoBidCurrency
	}
	media, err := c.fx.Convert(price.PerImpression())
	if err != nil {
		return c, NoBidInternal
	}
	c.price, c.amount = price, pacing.Amounts{Media: media, Charge: worth.Charge}
	return c, NoBidNone
}

// afford takes the frequency cap and the money of a candidate, both or neither.
func (b *Bidder) afford(a *auction, c candidate) (placed, NoBid) {
	l := &a.book.lines[c.row]
	p := placed{candidate: c}
	if a.req.Test {
		p.bid, p.day = b.deps.BidIDs.Next(), pacing.DayOf(a.now.In(l.zone))
		return p, NoBidNone // never billed: nothing to reserve
	}
	limit := l.item.FrequencyCap.PerDay
	var key frequency.Key
	if limit > 0 {
		// A cap can't be kept for users that can't be told apart.
		key = frequency.Key{User: a.user, LineItem: l.item.ID, Day: pacing.DayOf(a.now.In(l.zone))}
		if a.user == 0 || !b.deps.Frequency.Take(key, limit, a.now) {
			return p, NoBidFrequency
		}
	}
	r, refusal := b.deps.Wallet.Reserve(l.item.ID, a.now, c.amount)
	if refusal != pacing.RefusedNot {
		b.metrics.refused(refusal)
		if limit > 0 {
			b.deps.Frequency.Release(key)
		}
		return p, NoBidBudget
	}
	p.bid, p.lease, p.day = b.deps.BidIDs.Next(), r.Lease, r.Day
	return p, NoBidNone
}

// priceStep is what four decimals can say: 100 micros.
const priceStep money.CPM = 100

func roundUp(v, step money.CPM) money.CPM {
	if r := v % step; r > 0 && v < money.MaxCPM {
		v += step - r
	}
	return v
}
