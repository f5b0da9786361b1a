package pacing

import (
	"fmt"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// bid is what is known of a bid that a notice named.
type bid struct {
	flags   bidFlags
	media   money.Nanos // as posted so far
	payable money.Nanos
	waiting money.Nanos // what its events charge once it is billed
	early   money.Nanos // of its reservation, brought into the pool before the bill
}

type bidFlags uint16

const (
	bidBilled    bidFlags = 1 << iota // a bill posted
	bidVoid                           // what it reserved is free again
	bidWon                            // a win was counted
	bidAdjusted                       // the one adjustment upwards is used
	bidBadPrice                       // a bill without a usable price came
	bidBrought                        // its expected event charge is in the pool
	bidFixed                          // billed under a rule without events
	bidClicked                        // an event was counted
	bidViewed                         //
	bidCompleted                      //
	bidConverted                      //
)

// bidEvents are the events that a bid has had: it was shown, whatever a loss says.
const bidEvents = bidClicked | bidViewed | bidCompleted | bidConverted

func (b *bid) has(f bidFlags) bool { return b.flags&f != 0 }

// notice is one notice on its way through the ledger.
type notice struct {
	*Notice
	lease *lease
	item  *leaseItem
	line  *node
	bid   bid
	late  bool
	p     *Posting
}

// notice applies what a bidder was told of a bid: it returns the decision, or nil
// where there was none to take. Post beats void: a bill after a loss posts, a
// loss after a bill changes nothing.
func (l *ledger) notice(t Type, n *Notice) (*Posting, error) {
	x := notice{Notice: n, lease: l.leases[n.Lease], line: l.lines[n.LineItem]}
	x.p = &Posting{V: RecordVersion, Type: t, At: n.At, Day: n.Day, Advertiser: n.Advertiser, Campaign: n.Campaign, LineItem: n.LineItem,
		Creative: n.Creative, Bid: n.Bid, Exchange: n.Exchange, Format: n.Format, Deal: n.Deal, Site: n.Site, App: n.App, Shown: n.Shown, PayableCurrency: n.PriceCurrency, BidAt: n.BidAt}
	if t == TypeBill && !n.Test {
		x.p.Claimed = n.Price.PerImpression()
	}
	if x.lease != nil && x.line != nil && x.line.owner.node.id == int64(n.Advertiser) {
		x.item = x.lease.item(x.line)
	}
	if x.item == nil {
		x.p.Outcome = OutcomePastHard // or no lease of ours: nothing is known of it
		if t == TypeConversion && x.lease == nil {
			return x.p, x.convertPastHard()
		}
		return x.p, nil
	}
	x.bid = x.lease.bids[n.Bid]
	x.late = x.lease.closed || x.classLate()
	before := x.bid
	x.p.Day = x.lease.day
	x.p.Campaign = campaignOf(x.line)
	var err error
	switch t {
	case TypeBill:
		err = x.bill(l)
	case TypeLoss:
		x.loss(l)
	case TypeWin:
		x.win()
	default:
		err = x.event(t)
	}
	if err != nil {
		return nil, fmt.Errorf("%s of bid %v: %w", t, n.Bid, err)
	}
	if x.bid != before {
		x.lease.bids[n.Bid] = x.bid
		x.lease.touch()
		l.dirtyBids = append(l.dirtyBids, bidRef{x.lease, n.Bid})
	}
	if x.p.Outcome == "" {
		return nil, nil
	}
	return x.p, nil
}

// classLate says whether the bid's class has ended, or it should have won before.
func (x *notice) classLate() bool {
	c := x.item.known(x.class())
	return c != nil && (c.Closed || c.Unwon && !x.bid.has(bidWon))
}

// free releases what is left of the bid's reservation and returns what it was.
func (x *notice) free() Amounts {
	if x.late || x.bid.has(bidVoid|bidBilled) {
		return Amounts{}
	}
	want := Amounts{Media: x.ReservedMedia, Charge: x.ReservedCharge - x.bid.early}
	c := x.item.class(x.class())
	if c.Told { // other classes' money is theirs
		want = want.least(c.open(x.item))
	}
	freed := x.item.release(want)
	c.Freed = c.Freed.plus(freed)
	x.lease.touch()
	if x.item.nominal {
		freed.Charge = 0
	}
	return freed
}

// resolve counts a bid that becomes billed or void.
func (x *notice) resolve() {
	if x.bid.has(bidVoid | bidBilled) {
		return
	}
	c, n := x.item.class(x.class()), Amounts{Media: x.ReservedMedia, Charge: x.ReservedCharge - x.bid.early}
	c.Resolved = c.Resolved.plus(n)
	if x.bid.has(bidWon) {
		c.Won = c.Won.less(n)
	}
	x.lease.touch()
}

func (x *notice) dataFee() money.Nanos { return min(x.line.terms.DataFee, x.ReservedCharge) }

func (x *notice) win() {
	if x.late || x.bid.has(bidVoid|bidBilled|bidWon) {
		return
	}
	x.bid.flags |= bidWon
	c := x.item.class(x.class())
	c.Won = c.Won.plus(Amounts{Media: x.ReservedMedia, Charge: x.ReservedCharge - x.bid.early})
	x.lease.touch()
}

func (x *notice) loss(l *ledger) {
	if x.bid.has(bidVoid | bidBilled | bidEvents) {
		x.p.Outcome = OutcomeDuplicate
		return
	}
	l.observeLoss(x.Notice)
	x.free()
	x.resolve()
	if !x.late {
		x.line.line.Yield.add(0, x.ReservedCharge)
	}
	x.bid.flags |= bidVoid
	x.p.Outcome = OutcomeVoid
}

func (x *notice) bill(l *ledger) error {
	switch {
	case x.Test:
		x.test(bidBilled)
		x.bid.flags |= bidFixed
		return nil
	case x.bid.has(bidBilled):
		return x.repeat(l)
	case x.PriceBad != "":
		x.p.Outcome = OutcomeBadPrice
		if x.bid.has(bidBadPrice) {
			x.p.Outcome = OutcomeDuplicate
		}
		x.bid.flags |= bidBadPrice
		return nil
	}
	l.observe(x.Notice) // once per bid: a notice that somebody repeats for days tells nothing
	media, payable, dispute := clearing(x.Notice)
	first := !x.late && !x.bid.has(bidVoid)
	own := x.free().Charge
	x.resolve()
	x.line.hold(x.when(), own) // take releases what is held: for that moment it is held again
	want, flat, err := x.due(media)
	if err != nil {
		return err
	}
	if first {
		x.line.line.Yield.add(x.kept(want), x.ReservedCharge)
	}
	own += flat
	charged, err := x.line.take(x.when(), want, own)
	if err != nil {
		return err
	}
	byEvent := eventOf(x.line.terms.Pricing) != ""
	if rest := own - charged; byEvent && rest > 0 && !x.bid.has(bidBrought) {
		x.item.bring(rest)
		x.bid.flags |= bidBrought
		x.lease.touch()
	}
	x.bid.flags |= bidBilled
	if !byEvent {
		x.bid.flags |= bidFixed
	}
	x.p.Media, x.p.Payable = media, payable
	if err := x.p.split(want, charged, x.dataFee(), x.platformFee(), x.late); err != nil {
		return err
	}
	switch {
	case x.late:
		x.p.Outcome = OutcomeLate
	case dispute:
		x.p.Outcome = OutcomeDispute
	case charged < want:
		x.p.Outcome = OutcomeUnbilled
	default:
		x.p.Outcome = OutcomePosted
	}
	if err := x.post(l); err != nil {
		return err
	}
	return x.chargeWaiting()
}

// due is what a bill charges by the line item's rule, and what of it the day's
// flat price still holds.
func (x *notice) due(media money.Nanos) (want, flat money.Nanos, err error) {
	switch t := &x.line.terms; {
	case eventOf(t.Pricing) != "":
		return x.dataFee(), 0, nil
	case t.Pricing == campaigns.PricingCPD:
		want, flat = x.line.chargeFlat(x.when())
		want, err = money.Add(want, x.dataFee())
		return want, flat, err
	case t.Pricing == campaigns.PricingDCPM:
		v, err := money.MulDivUp(int64(media), int64(t.Share), 1_000_000)
		if err != nil {
			return x.ReservedCharge, 0, nil // far above what was reserved
		}
		want = addClamped(addClamped(x.dataFee(), media), money.Nanos(v))
		return min(want, x.ReservedCharge), 0, nil
	default:
		return x.ReservedCharge, 0, nil
	}
}

// kept is what the plan learns of a won bid. Dynamic CPM keeps what it charges,
// which is less than it reserved wherever the auction clears below the bid; what
// charges by events keeps its expectation.
func (x *notice) kept(want money.Nanos) money.Nanos {
	if x.line.terms.Pricing == campaigns.PricingDCPM {
		return min(want, x.ReservedCharge)
	}
	return x.ReservedCharge
}

// repeat is a bill after the bill: a larger price adjusts the media once.
func (x *notice) repeat(l *ledger) error {
	x.p.Outcome = OutcomeDuplicate
	if x.PriceBad != "" || x.bid.has(bidAdjusted) {
		return nil
	}
	media, payable, _ := clearing(x.Notice)
	if media <= x.bid.media {
		return nil
	}
	x.bid.flags |= bidAdjusted
	x.p.Outcome = OutcomeAdjusted
	x.p.Media, x.p.Payable = media-x.bid.media, payable-x.bid.payable
	x.p.Margin = -x.p.Media
	return x.post(l)
}

// test frees a test bid's reservation once and counts its notice once.
func (x *notice) test(f bidFlags) {
	x.p.Outcome = OutcomeTest
	if x.bid.has(f) {
		x.p.Outcome = OutcomeDuplicate
		return
	}
	x.free()
	x.resolve()
	x.bid.flags |= f | bidVoid
}

// post books p's amounts besides the charge, which take has posted.
func (x *notice) post(l *ledger) error {
	p := x.p
	if p.Media != 0 || p.Payable != 0 {
		if err := x.line.media.post(x.lease.day, 0, p.Media); err != nil {
			return err
		}
		l.owe(p, x.line.owner.node.terms.Currency)
		x.bid.media += p.Media
		x.bid.payable += p.Payable
	}
	x.line.line.Fees.add(p)
	x.line.touch()
	return nil
}

// when is what the bid's money counts by.
func (x *notice) when() when { return x.item.when }

func (x *notice) platformFee() money.PPM { return x.line.owner.node.terms.PlatformFee }

// clearing is the media cost of a bill in the advertiser's currency, and in the
// exchange's. A price above what the bid reserved counts as what it reserved.
func clearing(n *Notice) (media, payable money.Nanos, dispute bool) {
	payable = n.Price.PerImpression()
	media, err := n.FXRate.Convert(payable)
	if err == nil && media <= n.ReservedMedia {
		return media, payable, false
	}
	back, err := money.MulDiv(int64(n.ReservedMedia), int64(money.One), int64(n.FXRate))
	if err != nil || money.Nanos(back) > payable {
		return n.ReservedMedia, payable, true
	}
	return n.ReservedMedia, money.Nanos(back), true
}

func campaignOf(line *node) campaigns.ID { return campaigns.ID(line.parent.id) }
