package loadtest

import (
	"context"
	"slices"

	"bidhawk/internal/money"
)

// exchange judges answers, clears auctions and sends people and notices on
// their way. It is safe for concurrent use.
type exchange struct {
	cfg     Config
	pool    *pool
	tally   *tally
	judge   *judge
	auction auctioneer
	courier *courier
	closed  bool // a closed loop waits for the courier
}

// newExchange starts a courier; finish ends it.
func newExchange(cfg Config, p *pool, t *tally, dial func() sender) *exchange {
	x := &exchange{
		cfg: cfg, pool: p, tally: t, judge: newJudge(cfg.StrictSecure, cfg.Billing == BillingVAST), closed: cfg.Rate == 0,
		auction: auctioneer{seed: cfg.Seed, second: cfg.Auction == "second", market: cfg.Market},
	}
	x.courier = newCourier(cfg.Notices, cfg.Seed, cfg.Now, t, dial, x.landed)
	return x
}

// content is what a 200 held.
type content uint8

const (
	answeredNonsense content = iota // no BidResponse
	answeredNoBid
	answeredBids
)

// answered judges a 200 and clears its bids: late says that it came after tmax.
func (x *exchange) answered(ctx context.Context, s *shot, body []byte, late bool) content {
	id := x.pool.id(s)
	a, err := readAnswer(body)
	if err != nil {
		x.tally.invalid.Add(1)
		x.tally.breach(&breach{RuleJSON, err.Error()}, Sample{Exchange: s.exchange, Request: id})
		return answeredNonsense
	}
	whole := x.judge.response(s.facts, id, a)
	if whole != nil {
		x.tally.breach(whole, Sample{Exchange: s.exchange, Request: id})
	}
	invalid := whole != nil
	offers := make([]offer, 0, a.bids())
	for i := range a.SeatBid {
		seat := &a.SeatBid[i]
		for j := range seat.Bid {
			o := offer{bid: &seat.Bid[j], seat: seat.Seat, answer: a, request: id, impNo: -1}
			x.judgeOffer(s, &o, whole)
			offers = append(offers, o)
			x.judgeBeside(s, offers)
			invalid = invalid || offers[len(offers)-1].loss != 0
		}
	}
	if invalid {
		x.tally.invalid.Add(1)
	}
	x.tally.bidObjects.Add(int64(len(offers)))
	x.tally.guarAnswered.Add(int64(guaranteed(s.facts, offers)))
	compete(offers, late)
	for i := range offers {
		x.place(ctx, s, &offers[i])
	}
	if len(offers) == 0 {
		return answeredNoBid
	}
	return answeredBids
}

// guaranteed counts the imps whose guaranteed deal has a valid bid.
func guaranteed(f *facts, offers []offer) (n int) {
	for i := range f.imps {
		if f.guaranteed > 0 && slices.ContainsFunc(offers, func(o offer) bool {
			if o.loss != 0 || o.impNo != i {
				return false
			}
			d := f.imps[i].deal(o.bid.DealID)
			return d != nil && d.guar
		}) {
			n++
		}
	}
	return n
}

// offer is one bid on its way through the auction.
type offer struct {
	bid     *bid
	seat    string
	answer  *answer
	request string
	exhibit *exhibit // nil where the whole response is out
	impNo   int      // -1: of no imp
	nth     int      // of the bids for its imp
	loss    int      // AdCOM reason, where it is out
}

// compete takes out what never meets a rival: everything where the answer is
// late, and all but one of our own bids for an imp.
func compete(offers []offer, late bool) {
	for i := range offers {
		if late && offers[i].loss == 0 {
			offers[i].loss = lossExpired
		}
		if offers[i].loss == 0 {
			offers[i].loss = lossToOwn(offers, i)
		}
	}
}

// lossToOwn: of several valid bids of one bidder for an imp, one takes part: a
// deal's before the open auction's, then the dearest, then the first. Those
// for a dynamic pod all do. It returns 0 for the bid that takes part.
func lossToOwn(offers []offer, i int) int {
	mine := offers[i].exhibit
	if mine.dynamic() {
		return 0
	}
	for j := range offers {
		o := offers[j].exhibit
		if j == i || offers[j].loss != 0 || offers[j].impNo != offers[i].impNo {
			continue
		}
		theirDeal, myDeal := o.bid.DealID != "", mine.bid.DealID != ""
		if theirDeal && !myDeal {
			return lossToDeal
		}
		if theirDeal == myDeal && (o.price > mine.price || o.price == mine.price && j < i) {
			return lossOutbid
		}
	}
	return 0
}

// judgeOffer fills in the offer's exhibit and imp, or its loss. whole is the
// breach of its response, if any.
func (x *exchange) judgeOffer(s *shot, o *offer, whole *breach) {
	if whole != nil {
		o.loss = whole.loss()
		return
	}
	var broken *breach
	o.exhibit, broken = x.judge.bid(s.facts, o.answer, o.seat, o.bid)
	for i := range s.facts.imps {
		if &s.facts.imps[i] == o.exhibit.imp {
			o.impNo = i
		}
	}
	x.out(s, o, broken)
}

// judgeBeside judges the last offer beside those before it.
func (x *exchange) judgeBeside(s *shot, offers []offer) {
	last := len(offers) - 1
	o := &offers[last]
	for i := range offers[:last] {
		if offers[i].impNo == o.impNo {
			o.nth++
		}
	}
	if o.loss == 0 {
		x.out(s, o, together(offers, last))
	}
}

func (x *exchange) out(s *shot, o *offer, broken *breach) {
	if broken == nil {
		return
	}
	o.loss = broken.loss()
	sample := Sample{Exchange: s.exchange, Request: o.request, Bid: o.bid.ID, CRID: o.bid.CRID}
	if o.exhibit.imp == nil {
		x.tally.breach(broken, sample)
	} else {
		x.tally.breachIn(o.exhibit.imp.format, broken, sample)
	}
}

// place clears one offer and sends its notices.
func (x *exchange) place(ctx context.Context, s *shot, o *offer) {
	b := o.bid
	x.tally.line(b.CID, b.CRID, func(l *LineResult) { l.Bids++ })
	c := &cleared{seq: s.seq, key: mix(s.seq) + uint64(o.slot()), user: s.user, id: b.ID, cid: b.CID, crid: b.CRID, currency: o.answer.Cur}
	if o.impNo >= 0 {
		i := &s.facts.imps[o.impNo]
		c.format, c.multiplier = i.format, i.multiplier
		c.vastBills = x.judge.vastBills && o.exhibit.vast != nil
		if i.serverCalls && o.exhibit.vast != nil {
			c.headers = s.facts.deviceHeaders
		}
		x.tally.formats[c.format].bids.Add(1)
	}
	if s.facts.test {
		x.tally.testBids.Add(1)
		return
	}
	result := x.clear(s, o)
	c.price = result.price
	if !x.courier.admit(ctx, x.closed) {
		x.tally.dropped.Add(1)
		return
	}
	m := &macros{
		auctionID: o.request, bidID: o.answer.BidID, impID: b.ImpID, seatID: o.seat, adID: b.AdID,
		price: result.price, minToWin: result.minToWin, currency: o.answer.Cur, loss: o.loss, multiplier: c.multiplier,
	}
	x.courier.begin(c)
	if o.loss != 0 {
		x.lost(c, b, m)
	} else {
		x.won(c, o, m)
	}
	x.courier.release(c)
}

// slot tells the auctions of one request apart: of its imps, and of the bids
// for one dynamic pod.
func (o *offer) slot() int { return o.impNo + o.nth<<16 }

func (x *exchange) clear(s *shot, o *offer) (result outcome) {
	if o.loss != 0 {
		return result
	}
	e := o.exhibit
	rival := x.auction.rival(s.facts.inventory, s.seq, o.slot())
	if d := e.imp.deal(o.bid.DealID); o.bid.DealID != "" && d != nil {
		result = x.auction.clearDeal(e.price, bindingFloor(e.dealFloor(d), d.floorCur, e.cur), d.at, rival)
	} else if x.auction.rivalDeal(s.seq, o.slot()) {
		o.loss = lossToDeal
		return outcome{}
	} else {
		result = x.auction.clear(e.price, bindingFloor(e.openFloor(), e.imp.floorCur, e.cur), rival)
	}
	if !result.won {
		o.loss = lossOutbid
	}
	return result
}

// bindingFloor: a floor in another currency could not be judged, so it does not
// bind here either.
func bindingFloor(floor money.CPM, floorCur, cur string) money.CPM {
	if floorCur != cur {
		return 0
	}
	return floor
}

func (x *exchange) lost(c *cleared, b *bid, m *macros) {
	x.tally.losses.Add(1)
	x.send(c, errandLoss, m.inURL(b.LURL), x.cfg.Now())
}
