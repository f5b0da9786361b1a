package audit

// Entry is one decision: the legs of a record. It balances:
// Charge + Late + Unbilled = Media + DataFee + PlatformFee + Margin.
type Entry struct {
	Outcome                                      string // as docs/money.md names it; empty: nothing was decided
	Charge, Late, Unbilled                       int64
	Media, Payable, DataFee, PlatformFee, Margin int64
	Payment                                      int64
}

// notice is a record of a bid whose lease is not past hard.
type notice struct {
	*record
	lease *lease
	part  *part
	line  *scope
	at    *place
	class int32
	late  bool
	h     history
}

func (b *book) notice(r *record) Entry {
	l, s := b.leases[r.Lease], b.lines[r.LineItem]
	if s != nil && s.adv.id != r.Advertiser {
		s = nil
	}
	var p *part
	if l != nil && s != nil && l.adv == s.adv {
		p = l.parts[r.LineItem]
	}
	if p == nil {
		if r.Type == "conversion" && l == nil && s != nil {
			return b.lateConversion(r, s)
		}
		return Entry{Outcome: "past_hard"}
	}
	h, known := l.bids[r.Bid]
	if !known {
		b.use(p, r)
	}
	class := b.classOf(r.Exchange, r.Format)
	ph := l.phase(class)
	b.n = notice{record: r, lease: l, part: p, line: s, at: p.at, class: class, h: h,
		late: l.closed || ph.closed || ph.unwon && !h.won}
	e := b.decide()
	l.bids[r.Bid] = b.n.h
	b.enter(s, r.Exchange, r.Currency, &e)
	if p.charge < 0 || p.media < 0 {
		b.fault("lease %d holds %d, media %d of line item %d: below zero", l.id, p.charge, p.media, s.id)
	}
	b.verify(p.at.check())
	return e
}

func (b *book) decide() Entry {
	n := &b.n
	switch n.Type {
	case "win":
		return n.win()
	case "loss":
		return n.loss()
	case "bill":
		was := n.h.billed
		e := n.bill()
		if n.h.billed && !was && !n.h.test {
			b.once(n)
		}
		return e
	case "conversion":
		return b.conversion(n)
	}
	return n.click()
}

// use counts a bid's reservation against what the lease was granted.
func (b *book) use(p *part, r *record) {
	p.unusedCharge -= r.ReservedCharge
	p.unusedMedia -= r.ReservedMedia
	if p.unusedCharge < 0 || p.unusedMedia < 0 {
		b.fault("bid %v: lease %d is used beyond its grant for line item %d: charge %d, media %d", r.Bid, r.Lease, r.LineItem, p.unusedCharge, p.unusedMedia)
	}
}

// once counts a bill, and looks whether the bid was billed before under another lease.
func (b *book) once(n *notice) {
	b.bills++
	_, twice := b.billed[n.Bid]
	if !twice && b.maxEver > 0 {
		_, twice = b.ever[n.Bid]
	}
	switch {
	case twice:
		b.fault("bid %v is billed twice", n.Bid)
	case len(b.ever) < b.maxEver:
		b.ever[n.Bid] = struct{}{}
	default:
		b.billed[n.Bid] = n.lease.id
	}
}

func (n *notice) fee() int64 { return min(n.line.dataFee, n.ReservedCharge) }

// free takes the bid's reservation out of what the lease holds, once: what of
// its charge was still there. The caller makes the bid void or billed.
func (n *notice) free() int64 {
	if n.h.void || n.h.billed {
		return 0
	}
	a := amounts{media: n.ReservedMedia, charge: max(0, n.ReservedCharge-n.h.taken)}
	c := n.part.sum(n.class)
	c.resolved.media += a.media
	c.resolved.charge += a.charge
	if n.h.won {
		c.won.media -= a.media
		c.won.charge -= a.charge
	}
	if n.late {
		return 0
	}
	a = n.part.release(n.part.atMost(c, a))
	c.count(a)
	return a.charge
}

// bring puts charge that was freed into the pool, for the bid's events.
func (n *notice) bring(charge int64) {
	n.at.move(charge, 0)
	n.at.pool.held += charge
	n.at.pool.open += charge
	n.part.brought += charge
	n.h.brought = true
}

func (n *notice) platform(charge int64) int64 { return share(charge, n.line.adv.fee) }

func (n *notice) win() Entry {
	if n.h.void || n.h.billed || n.late || n.h.won {
		return Entry{}
	}
	n.h.won = true
	c := n.part.sum(n.class)
	c.won.media += n.ReservedMedia
	c.won.charge += max(0, n.ReservedCharge-n.h.taken)
	return Entry{}
}

func (n *notice) loss() Entry {
	if n.h.void || n.h.billed || n.h.event() {
		return Entry{Outcome: "duplicate"}
	}
	n.free()
	n.h.void = true
	return Entry{Outcome: "void"}
}

// test counts a notice of a test once, which done says.
func (n *notice) test(done *bool) Entry {
	if *done {
		return Entry{Outcome: "duplicate"}
	}
	n.free()
	*done, n.h.void = true, true
	return Entry{Outcome: "test"}
}

func (n *notice) bill() Entry {
	switch {
	case n.Test:
		e := n.test(&n.h.billed)
		if e.Outcome == "test" {
			n.h.test, n.h.fixed = true, true
		}
		return e
	case n.h.billed:
		return n.again()
	case n.PriceBad != "" && n.h.bad:
		return Entry{Outcome: "duplicate"}
	case n.PriceBad != "":
		n.h.bad = true
		return Entry{Outcome: "bad_price"}
	}
	media, payable, over := n.clearing()
	own := n.free()
	want := n.want(media)
	if n.line.pricing == "cpd" {
		price, held := n.flat()
		want, own = plus(want, price), own+held
	}
	charge := n.at.post(want, own)
	events := eventOf(n.line.pricing) != ""
	if rest := own - charge; events && rest > 0 && !n.h.brought {
		n.bring(rest)
	}
	n.h.billed, n.h.fixed = true, !events
	e := Entry{Charge: charge, Media: media, Payable: payable, DataFee: n.fee(), PlatformFee: n.platform(charge)}
	e.Margin = want - media - e.DataFee - e.PlatformFee
	n.settle(&e, want, over)
	n.owe(&e)
	n.waiting(&e)
	return e
}

// want is what a bill should charge; a day's price comes on top.
func (n *notice) want(media int64) int64 {
	switch rule := n.line.pricing; {
	case rule == "dcpm":
		markup, _ := mulDiv(media, n.line.shareOf, million, true)
		return min(n.ReservedCharge, plus(plus(n.fee(), media), markup))
	case rule == "cpd" || eventOf(rule) != "":
		return n.fee()
	}
	return n.ReservedCharge
}

// settle names the outcome, and whose what was not charged is.
func (n *notice) settle(e *Entry, want int64, over bool) {
	switch {
	case n.late:
		e.Outcome, e.Late = "late", want-e.Charge
	case over:
		e.Outcome, e.Unbilled = "dispute", want-e.Charge
	case e.Charge < want:
		e.Outcome, e.Unbilled = "unbilled", want-e.Charge
	default:
		e.Outcome = "posted"
	}
}

// flat uses up the day's price: what is to be charged of it, and what of that
// was held here.
func (n *notice) flat() (price, held int64) {
	f := n.line.flatOf(n.lease.day)
	if f.charged {
		return 0, 0
	}
	f.charged = true
	if f.at == n.at { // what is held for another flight is not for this one
		held = f.held
	}
	f.release()
	return n.line.price, held
}

// clearing is what the exchange is owed: in the advertiser's money and in its own.
func (n *notice) clearing() (media, payable int64, over bool) {
	media, ok := mulDiv(n.Price, n.Rate, 1_000_000_000, true)
	if ok && media <= n.ReservedMedia {
		return media, n.Price, false
	}
	back, _ := mulDiv(n.ReservedMedia, 1_000_000_000, n.Rate, false)
	return n.ReservedMedia, min(back, n.Price), true
}

// again is a bill after the bill: one larger price raises the media.
func (n *notice) again() Entry {
	if n.PriceBad != "" || n.h.raised {
		return Entry{Outcome: "duplicate"}
	}
	media, payable, _ := n.clearing()
	if media <= n.h.media {
		return Entry{Outcome: "duplicate"}
	}
	n.h.raised = true
	e := Entry{Outcome: "adjusted", Media: media - n.h.media, Payable: payable - n.h.payable, Margin: n.h.media - media}
	n.owe(&e)
	return e
}

func (n *notice) owe(e *Entry) {
	n.at.owe(e.Media)
	n.h.media += e.Media
	n.h.payable += e.Payable
}
