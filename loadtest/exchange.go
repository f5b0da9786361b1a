package loadtest

import (
	"context"
	"math"
	"net/url"
	"strings"
	"time"

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
		cfg: cfg, pool: p, tally: t, judge: newJudge(cfg.StrictSecure), closed: cfg.Rate == 0,
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
			if x.judgeOffer(s, &o, whole); o.loss != 0 {
				invalid = true
			}
			offers = append(offers, o)
		}
	}
	if invalid {
		x.tally.invalid.Add(1)
	}
	x.tally.bidObjects.Add(int64(len(offers)))
	for i := range offers {
		if late && offers[i].loss == 0 {
			offers[i].loss = lossExpired
		}
		if offers[i].loss == 0 && outbidByOwn(offers, i) {
			offers[i].loss = lossOutbid
		}
	}
	for i := range offers {
		x.place(ctx, s, &offers[i])
	}
	if len(offers) == 0 {
		return answeredNoBid
	}
	return answeredBids
}

// offer is one bid on its way through the auction.
type offer struct {
	bid     *bid
	seat    string
	answer  *answer
	request string
	price   money.CPM
	imp     *impFacts
	impNo   int // -1: of no imp
	loss    int // AdCOM reason, where it is out
}

// outbidByOwn: of several valid bids of one bidder for an imp, the dearest
// takes part, the first of equals.
func outbidByOwn(offers []offer, i int) bool {
	for j := range offers {
		o, mine := &offers[j], &offers[i]
		if j != i && o.loss == 0 && o.impNo == mine.impNo &&
			(o.price > mine.price || o.price == mine.price && j < i) {
			return true
		}
	}
	return false
}

// judgeOffer fills in the offer's price and imp, or its loss. whole is the
// breach of its response, if any.
func (x *exchange) judgeOffer(s *shot, o *offer, whole *breach) {
	if whole != nil {
		o.loss = whole.loss()
		return
	}
	price, imp, broken := x.judge.bid(s.facts, o.answer, o.seat, o.bid)
	o.price, o.imp = price, imp
	for i := range s.facts.imps {
		if &s.facts.imps[i] == imp {
			o.impNo = i
		}
	}
	if broken != nil {
		o.loss = broken.loss()
		x.tally.breach(broken, Sample{Exchange: s.exchange, Request: o.request, Bid: o.bid.ID, CRID: o.bid.CRID})
	}
}

// place clears one offer and sends its notices.
func (x *exchange) place(ctx context.Context, s *shot, o *offer) {
	b := o.bid
	x.tally.line(b.CID, b.CRID, func(l *LineResult) { l.Bids++ })
	if s.facts.test {
		x.tally.testBids.Add(1)
		return
	}
	result := x.clear(s, o)
	if !x.courier.admit(ctx, x.closed) {
		x.tally.dropped.Add(1)
		return
	}
	c := &cleared{
		seq: s.seq, key: mix(s.seq) + uint64(o.impNo), user: s.user, id: b.ID,
		cid: b.CID, crid: b.CRID, currency: o.answer.Cur, price: result.price,
	}
	m := &macros{
		auctionID: o.request, bidID: o.answer.BidID, impID: b.ImpID, seatID: o.seat, adID: b.AdID,
		price: result.price, minToWin: result.minToWin, currency: o.answer.Cur, loss: o.loss,
	}
	x.courier.begin(c)
	if o.loss != 0 {
		x.lost(c, b, m)
	} else {
		x.won(c, b, m, o.price)
	}
	x.courier.release(c)
}

func (x *exchange) clear(s *shot, o *offer) (result outcome) {
	if o.loss != 0 {
		return result
	}
	rival := x.auction.rival(s.facts.inventory, s.seq, o.impNo)
	if d := o.imp.deal(o.bid.DealID); o.bid.DealID != "" && d != nil {
		result = x.auction.clearDeal(o.price, d, rival)
	} else {
		// A floor in another currency could not be judged: it does not bind here either.
		floor := o.imp.floor
		if o.imp.floorCur != o.answer.Cur {
			floor = 0
		}
		result = x.auction.clear(o.price, floor, rival)
	}
	if !result.won {
		o.loss = lossOutbid
	}
	return result
}

func (x *exchange) lost(c *cleared, b *bid, m *macros) {
	x.tally.losses.Add(1)
	x.send(c, errandLoss, m.inURL(b.LURL), x.cfg.Now())
}

// won sends the win notice now and, where the ad is rendered, the billing
// notice, the impression and perhaps a click when that happens.
func (x *exchange) won(c *cleared, b *bid, m *macros, bidPrice money.CPM) {
	x.tally.wins.Add(1)
	x.tally.line(b.CID, b.CRID, func(l *LineResult) { l.Wins++ })
	if mbr, err := money.MulDiv(int64(m.price), 1_000_000, int64(bidPrice)); err == nil {
		m.mbr = money.PPM(mbr)
	}
	now, p, seed := x.cfg.Now(), x.cfg.People, x.cfg.Seed
	x.send(c, errandWin, m.inURL(b.NURL), now)
	if !chance(draw(seed, forRender, c.key), p.RenderShare) {
		x.tally.notRendered.Add(1)
		return
	}
	x.tally.rendered.Add(1)
	m.rendered = now.Add(some(p.RenderDelay, draw(seed, forRenderDelay, c.key)))
	x.send(c, errandBill, m.inURL(b.BURL), m.rendered)
	markup := m.inMarkup(b.AdM)
	x.send(c, errandImpression, findURL(markup, impressionPath), m.rendered)
	if chance(draw(seed, forClick, c.key), x.clickRate(c)) {
		delay := some(p.ClickDelay, draw(seed, forClickDelay, c.key))
		x.send(c, errandClick, findURL(markup, clickPath), m.rendered.Add(delay))
	}
}

// send submits an errand and, for a share of them, a copy on purpose: half at
// the same instant, half up to a second later. A missing URL sends nothing.
func (x *exchange) send(c *cleared, k errandKind, u string, due time.Time) {
	if u == "" {
		return
	}
	x.submit(errand{kind: k, url: u, bid: c, due: due})
}

func (x *exchange) submit(e errand) {
	key := e.bid.key ^ uint64(e.kind)<<56
	again := e // before the courier has e: it writes to it at once
	x.courier.submit(&e)
	if !chance(draw(x.cfg.Seed, forRepeat, key), x.cfg.Notices.RepeatShare) {
		return
	}
	again.repeat = true
	if d := draw(x.cfg.Seed, forRepeatDelay, key); d&1 == 1 {
		again.due = again.due.Add(time.Duration(unit(d) * float64(time.Second)))
	}
	x.courier.submit(&again)
}

// clickRate is the hidden rate of this user and creative: log-normal factors
// of mean one around CTR.
func (x *exchange) clickRate(c *cleared) float64 {
	sigma := x.cfg.People.RateSigma
	creative := normal(draw(x.cfg.Seed, forCreativeCTR, hashString(c.crid)))
	person := normal(draw(x.cfg.Seed, forUserCTR, uint64(c.user)))
	return x.cfg.People.CTR * math.Exp(sigma*(creative+person)-sigma*sigma)
}

// some is an exponential delay with a mean, at most ten times as long.
func some(mean time.Duration, u uint64) time.Duration {
	return time.Duration(min(exponential(u), 10) * float64(mean))
}

// landed is told of the first acknowledgement of each kind for each bid.
func (x *exchange) landed(e *errand, location string) {
	c := e.bid
	switch e.kind {
	case errandBill:
		x.tally.bill(c.currency, c.cid, c.crid, c.price.PerImpression())
	case errandImpression:
		x.tally.impressions.Add(1)
		x.tally.line(c.cid, c.crid, func(l *LineResult) { l.Impressions++ })
	case errandClick:
		x.tally.clicks.Add(1)
		x.tally.line(c.cid, c.crid, func(l *LineResult) { l.Clicks++ })
		x.clicked(c, location)
	case errandConversion:
		x.tally.conversions.Add(1)
		x.tally.orderNanos.Add(int64(e.orderValue))
		x.tally.line(c.cid, c.crid, func(l *LineResult) { l.Conversions++; l.OrderNanos += e.orderValue })
	}
}

// clicked lets a share of people buy: the advertiser's page calls the pixel
// with the click's id.
func (x *exchange) clicked(c *cleared, landing string) {
	id := clickID(landing)
	if id == "" || !chance(draw(x.cfg.Seed, forConversion, c.key), x.cfg.People.CVR) {
		return
	}
	value := x.orderValue(c.key)
	order := orderID(x.pool.run, c)
	q := url.Values{
		"click": {id}, "order": {order}, "value": {value.String()},
		"cur": {x.cfg.Currency}, "type": {"purchase"},
	}
	x.submit(errand{
		kind: errandConversion, bid: c, order: order, orderValue: value,
		url: strings.TrimSuffix(x.cfg.Target, "/") + conversionPath + "?" + q.Encode(),
		due: x.cfg.Now().Add(some(x.cfg.People.ConversionDelay, draw(x.cfg.Seed, forConversionDelay, c.key))),
	})
}

// orderValue is log-normal, in whole cents.
func (x *exchange) orderValue(key uint64) money.Nanos {
	const cent = money.Unit / 100
	cents := float64(x.cfg.People.OrderMedian/cent) * math.Exp(0.6*normal(draw(x.cfg.Seed, forValue, key)))
	return money.Nanos(min(max(cents, 1), 1e8)) * cent
}
