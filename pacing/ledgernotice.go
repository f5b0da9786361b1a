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
}

type bidFlags uint8

const (
	bidBilled   bidFlags = 1 << iota // a bill posted
	bidVoid                          // what it reserved is free again
	bidClicked                       // a click was counted
	bidAdjusted                      // the one adjustment upwards is used
	bidBadPrice                      // a bill without a usable price came
	bidPooled                        // its expected click charge is in the pool
	bidFixed                         // billed under CPM: clicks charge nothing
)

func (b *bid) has(f bidFlags) bool { return b.flags&f != 0 }

// notice is one notice on its way through the ledger.
type notice struct {
	*Notice
	lease *lease
	item  *leaseItem // nil: the lease names no such line item
	line  *node
	bid   bid
	p     *Posting
}

// notice applies a bill, a loss or a click: it returns the decision, or nil
// where there was none to take. Post beats void: a bill after a loss posts, a
// loss after a bill changes nothing.
func (l *ledger) notice(t Type, n *Notice) (*Posting, error) {
	x := notice{Notice: n, lease: l.leases[n.Lease], line: l.lines[n.LineItem]}
	x.p = &Posting{V: RecordVersion, Type: t, At: n.At, Day: n.Day, Advertiser: n.Advertiser, Campaign: n.Campaign, LineItem: n.LineItem,
		Creative: n.Creative, Bid: n.Bid, Exchange: n.Exchange, Deal: n.Deal, Site: n.Site, App: n.App, PayableCurrency: n.PriceCurrency}
	if x.lease == nil || x.line == nil || x.lease.owner != x.line.owner || x.line.owner.node.id != int64(n.Advertiser) {
		x.p.Outcome = OutcomePastHard // or no lease of ours: nothing is known of it
		return x.p, nil
	}
	x.item = x.lease.item(x.line)
	x.bid = x.lease.bids[n.Bid]
	before := x.bid
	x.p.Day = x.lease.day
	x.p.Campaign = campaignOf(x.line)
	var err error
	switch t {
	case TypeBill:
		err = x.bill(l)
	case TypeLoss:
		x.loss()
	case TypeClick:
		err = x.click(l)
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

// free releases what is left of the bid's reservation and returns what it was.
func (x *notice) free() Amounts {
	if x.item == nil || x.lease.closed || x.bid.has(bidVoid|bidBilled) {
		return Amounts{}
	}
	want := Amounts{Media: x.ReservedMedia, Charge: x.ReservedCharge}
	if x.bid.has(bidPooled) { // a click came first and moved the rest into the pool
		want.Charge = x.dataFee()
	}
	return x.item.release(x.lease.day, want)
}

func (x *notice) dataFee() money.Nanos { return min(x.line.terms.DataFee, x.ReservedCharge) }

func (x *notice) loss() {
	if x.bid.flags&(bidVoid|bidBilled|bidClicked) != 0 {
		x.p.Outcome = OutcomeDuplicate
		return
	}
	x.free()
	if !x.lease.closed {
		x.line.line.Yield.add(0, x.ReservedCharge)
	}
	x.bid.flags |= bidVoid
	x.p.Outcome = OutcomeVoid
}

func (x *notice) bill(l *ledger) error {
	switch {
	case x.Test:
		x.test(bidBilled)
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
	media, payable, dispute := clearing(x.Notice)
	fixed := x.line.terms.Pricing != clickPricing
	want := x.ReservedCharge
	if !fixed {
		want = x.dataFee()
	}
	own := x.free()
	if !x.lease.closed && !x.bid.has(bidVoid) {
		x.line.line.Yield.add(x.ReservedCharge, x.ReservedCharge)
	}
	// take releases what is held: for that moment, what free released is held again.
	x.line.hold(x.lease.day, own.Charge)
	charged, err := x.line.take(x.lease.day, want, own.Charge)
	if err != nil {
		return err
	}
	if rest := own.Charge - charged; !fixed && rest > 0 && !x.bid.has(bidPooled) {
		x.toPool(rest)
	}
	x.bid.flags |= bidBilled
	if fixed {
		x.bid.flags |= bidFixed
	}
	x.p.Media, x.p.Payable = media, payable
	if err := x.p.split(want, charged, x.dataFee(), x.platformFee(), x.lease.closed); err != nil {
		return err
	}
	switch {
	case x.lease.closed:
		x.p.Outcome = OutcomeLate
	case dispute:
		x.p.Outcome = OutcomeDispute
	case charged < want:
		x.p.Outcome = OutcomeUnbilled
	default:
		x.p.Outcome = OutcomePosted
	}
	return x.post(l)
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

func (x *notice) click(l *ledger) error {
	switch {
	case x.bid.has(bidClicked):
		x.p.Outcome = OutcomeDuplicate
		return nil
	case x.Test:
		x.test(bidClicked)
		return nil
	}
	x.bid.flags |= bidClicked
	if x.line.terms.Pricing != clickPricing || x.bid.has(bidFixed) {
		return nil
	}
	var own money.Nanos
	if !x.lease.closed {
		if x.item != nil && x.bid.flags&(bidBilled|bidVoid|bidPooled) == 0 { // the click comes before the bill
			free := x.item.release(x.lease.day, Amounts{Charge: x.ReservedCharge - x.dataFee()})
			x.toPool(free.Charge)
		}
		pool := x.line.line.pool(x.lease.day)
		own = min(x.line.terms.ClickPrice, pool.Held)
		pool.Held -= own
	}
	want := x.line.terms.ClickPrice
	charged, err := x.line.take(x.lease.day, want, own)
	if err != nil {
		return err
	}
	if err := x.p.split(want, charged, 0, x.platformFee(), false); err != nil {
		return err
	}
	switch {
	case x.lease.closed:
		x.p.Outcome = OutcomeLate
	case charged < want:
		x.p.Outcome = OutcomeUnbilled
	default:
		x.p.Outcome = OutcomePosted
	}
	return x.post(l)
}

// toPool holds amount, which was just released, as the expected charge of the
// bid's click.
func (x *notice) toPool(amount money.Nanos) {
	x.line.hold(x.lease.day, amount)
	p := x.line.line.pool(x.lease.day)
	p.Held += amount
	p.Open += amount
	x.item.click += amount
	x.bid.flags |= bidPooled
	x.lease.touch()
	x.line.touch()
}

// test frees a test bid's reservation once and counts its notice once.
func (x *notice) test(f bidFlags) {
	x.p.Outcome = OutcomeTest
	if x.bid.has(f) {
		x.p.Outcome = OutcomeDuplicate
		return
	}
	x.free()
	x.bid.flags |= f | bidVoid
}

// post books p's amounts besides the charge, which take has posted.
func (x *notice) post(l *ledger) error {
	p, f := x.p, &x.line.line.Fees
	if p.Media != 0 || p.Payable != 0 {
		if err := x.line.media.post(x.lease.day, p.Media); err != nil {
			return err
		}
		to := payee{x.Exchange, x.PriceCurrency}
		l.payables[to] = l.payables[to].Add(p.Payable)
		x.bid.media += p.Media
		x.bid.payable += p.Payable
	}
	f.Data, f.Platform, f.Margin = f.Data.Add(p.DataFee), f.Platform.Add(p.PlatformFee), f.Margin.Add(p.Margin)
	f.Late, f.Unbilled = f.Late.Add(p.HouseLate), f.Unbilled.Add(p.HouseUnbilled)
	x.line.touch()
	return nil
}

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

const clickPricing = campaigns.PricingCPC

func campaignOf(line *node) campaigns.ID { return campaigns.ID(line.parent.id) }
