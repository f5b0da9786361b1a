package bidder

import (
	"slices"
	"time"

	"bidhawk/bidder/consent"
	"bidhawk/bidder/identity"
	"bidhawk/bidder/markup"
	"bidhawk/bidder/rates"
	"bidhawk/campaigns"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
	"bidhawk/internal/openrtb"
	"bidhawk/pacing"
	"bidhawk/targeting"
)

// auction is the working memory of one request. It is pooled: nothing in it is
// valid after release.
type auction struct {
	req     openrtb.BidRequest
	native  openrtb.NativeRequest // of the impression at hand
	facts   targeting.RequestFacts
	imp     targeting.ImpFacts
	scratch targeting.Scratch
	rows    []int32
	dealIdx []int // imp.Deals[i] is the request's deal dealIdx[i]
	offers  media // of the impression at hand
	blocks  blockSets
	deals   lane // the best bids under deals
	open    lane // and in the open auction
	bids    []placed

	exchange *exchange
	book     *book
	kill     *campaigns.KillState // the switches in force; nil: none
	now      time.Time
	deadline time.Time
	privacy  consent.Decision
	user     ids.UserKey
	userFrom identity.Source
	home     household
	fx       *rates.Table
	cur      money.Currency // of the answer
	room     int            // bytes of the answer that are left for bids
	site     []byte         // domain or bundle
	app      bool
	dry      bool                                       // an explanation: nothing is taken
	sees     func(advertiser, agency campaigns.ID) bool // whose line items take part in it; nil: all

	unpack unpacker
	answer answerBuffers
}

// candidate is a line item's bid on one impression, before it is afforded.
type candidate struct {
	row        int32
	ad         int32
	deal       int32 // index into the impression's deals; -1: open auction
	guaranteed bool  // the deal is: it must be bid on
	version    markup.Version
	price      money.CPM
	pace       money.PPM      // what to bid of the value; not of guaranteed deals
	modified   money.PPM      // what the line's modifiers leave of that
	amount     pacing.Amounts // advertiser's currency
	fx         money.Rate     // advertiser's unit for one of the answer's
	tie        uint32
	shade      uint8 // the class of value by which price is shaded, from 1; 0: it is not
}

// placed is a bid that was afforded.
type placed struct {
	candidate
	imp   int
	bid   ids.BidID
	lease int64
	day   pacing.Day
	close time.Time // the lease's: the bid waits until then; zero: of a test
}

// decide fills a.bids and returns the last stage at which an impression failed,
// NoBidNone where all got a bid.
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

func (b *Bidder) decideImp(a *auction, i int) NoBid {
	imp := &a.req.Imp[i]
	if reason := b.open(a, imp); reason != NoBidNone {
		return reason
	}
	a.rows = a.book.index.MatchImp(a.rows[:0], &a.scratch, &a.imp)
	if a.sees != nil {
		a.rows = slices.DeleteFunc(a.rows, func(row int32) bool {
			l := &a.book.lines[row]
			return !a.sees(l.advertiser.ID, l.agency.ID)
		})
	}
	if len(a.rows) == 0 {
		return NoBidNoMatch
	}
	if b.clock().After(a.deadline) {
		return NoBidTimeout
	}
	wanted, before := b.wanted(a, imp), len(a.bids)
	a.deals.met, a.open.met = false, false
	// Fast path: one of the few dearest can nearly always be afforded. Slow path:
	// where none of a lane can, or a deal must be bid on, all that may be tried are.
	tries := min(max(firstTries, 2*wanted), b.cfg.MaxTries)
	if a.guaranteed(imp) {
		tries = b.cfg.MaxTries
	}
	reason := b.settle(a, i, tries, wanted)
	left := wanted - (len(a.bids) - before)
	if tries < b.cfg.MaxTries && left > 0 && (a.deals.failed() || a.open.failed()) {
		if r := b.settle(a, i, b.cfg.MaxTries, left); reason != NoBidNone {
			reason = r
		}
	}
	return reason
}

// firstTries is how many line items are ranked at first.
const firstTries = 4

// open prepares the impression: what it offers room for, its sizes and deals.
func (b *Bidder) open(a *auction, imp *openrtb.Imp) NoBid {
	if imp.Secure.Yes() && !b.secureURL {
		return NoBidInsecureTrackers // a secure page would block the trackers, if not the ad
	}
	a.offers = 0
	if imp.Banner != nil {
		a.offers = a.offers.with(mediumBanner)
	}
	if imp.Video != nil {
		a.offers = a.offers.with(mediumVideo)
	}
	if imp.Audio != nil {
		a.offers = a.offers.with(mediumAudio)
	}
	if imp.Native != nil {
		switch err := a.native.Decode(imp.Native.Request); {
		case err == nil:
			a.offers = a.offers.with(mediumNative)
		case a.offers == 0:
			return NoBidNativeRequest
		}
	}
	if a.offers&a.book.media == 0 {
		return NoBidUnsupportedFormat
	}
	a.impFacts(imp)
	return NoBidNone
}

// wanted is how many bids the impression takes: those that fit a dynamic pod, or
// what the exchange takes beside each other.
func (b *Bidder) wanted(a *auction, imp *openrtb.Imp) int {
	if s := dynamicPod(imp); s != nil {
		return podBids(s)
	}
	return max(1, a.exchange.BidsPerImp)
}

// settle places the best bids that can be afforded, of the best n of each lane:
// guaranteed deals first, since they must be bid on, then by price. Except in a
// dynamic pod an impression gets one bid of the open auction, one under a deal,
// and one under each guaranteed deal.
func (b *Bidder) settle(a *auction, i, n, wanted int) NoBid {
	reason := b.price(a, &a.req.Imp[i], n)
	pod := dynamicPod(&a.req.Imp[i]) != nil
	left := wanted
	for left > 0 {
		c, ok := a.next()
		if !ok {
			break
		}
		p, r := b.place(a, i, c)
		if r != NoBidNone {
			reason = max(reason, r)
			continue
		}
		a.bids = append(a.bids, p)
		left--
		lane := &a.open
		if c.deal >= 0 {
			lane = &a.deals
		}
		lane.met = true
		switch {
		case pod:
		case c.deal < 0:
			lane.done()
		default:
			lane.settled(c)
		}
	}
	if left < wanted {
		return NoBidNone
	}
	return reason
}

// next takes the best candidate of both lanes.
func (a *auction) next() (c candidate, ok bool) {
	d, o := a.deals.head(), a.open.head()
	switch {
	case d == nil && o == nil:
		return candidate{}, false
	case o == nil || d != nil && d.before(o):
		return a.deals.take(), true
	default:
		return a.open.take(), true
	}
}

// place affords one bid on impression i.
func (b *Bidder) place(a *auction, i int, c candidate) (placed, NoBid) {
	bytes := b.bidBytes(a, i, c)
	if bytes > a.room {
		return placed{}, NoBidAnswerTooLarge
	}
	if r := a.podRefusal(i, c); r != NoBidNone {
		return placed{}, r
	}
	p, r := b.afford(a, i, c)
	if r != NoBidNone {
		return placed{}, r
	}
	p.imp = i
	a.room -= bytes
	return p, NoBidNone
}

// clockEvery is how many candidates are priced between two looks at the clock: of
// an impression with a thousand deals each takes a fifth of a millisecond.
const clockEvery = 16

// price fills the lanes with the best n candidates of each, and returns the last
// stage that a refused one reached. Rows come by the most that they can bid:
// once the best are more than the next row's most, no later one can be among
// them. Where the time is over the lanes are empty.
func (b *Bidder) price(a *auction, imp *openrtb.Imp, n int) NoBid {
	a.deals.start(n)
	a.open.start(n)
	// Without deals no row can fill that lane; a guaranteed one may come last.
	a.deals.closed = a.deals.closed || len(a.imp.Deals) == 0
	search := a.guaranteed(imp)
	reason, tried := NoBidNone, 0
	for _, row := range a.rows {
		l := &a.book.lines[row]
		if l.media&a.offers == 0 {
			reason = max(reason, NoBidNoCreative)
			continue
		}
		// Fast path: the lane that the row is for has its best.
		if l.onDeals && a.deals.closed || !l.onDeals && a.open.closed {
			continue
		}
		if tried++; tried > b.cfg.MaxCandidates {
			if !search {
				break
			}
			if !l.onDeals {
				continue
			}
		}
		if a.open.full() || a.deals.full() {
			most := b.most(a, row)
			a.open.close(most)
			if !search {
				a.deals.close(most)
			}
			if a.open.closed && a.deals.closed {
				break
			}
			if !l.onDeals && a.open.closed {
				continue
			}
		}
		if tried%clockEvery == 0 && b.clock().After(a.deadline) {
			a.deals.start(n)
			a.open.start(n)
			return NoBidTimeout
		}
		c, r := b.candidate(a, imp, row)
		if r == NoBidNone && a.kill.Stops(l.lineage()) {
			r = NoBidKilled
		}
		if r != NoBidNone {
			reason = max(reason, r)
			continue
		}
		if c.deal < 0 {
			a.open.keep(c)
		} else {
			a.deals.keep(c)
		}
	}
	return reason
}

// most is the most that a row can bid, in the answer's currency.
func (b *Bidder) most(a *auction, row int32) money.CPM {
	most, ok := a.fx.Convert(money.CPM(a.book.index.Line(row).Rank), money.USD, a.cur, money.RoundUp)
	if !ok {
		return money.MaxCPM
	}
	return most
}
