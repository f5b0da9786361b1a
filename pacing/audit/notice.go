package audit

// notice is a bill, loss or click of a bid whose lease is not past hard.
type notice struct {
	*record
	lease *lease
	part  *part // nil: the lease has nothing for the line item
	line  *scope
	h     *history
}

func (n *notice) fee() int64 { return min(n.line.dataFee, n.ReservedCharge) }

// live says whether the bid's reservation is still part of what the lease holds.
func (n *notice) live() bool {
	return n.part != nil && n.lease.open && !n.h.void && !n.h.billed
}

// unhold frees the bid's reservation. Where a click came first, only the data
// fee is left of its charge.
func (n *notice) unhold() (charge int64) {
	if !n.live() {
		return 0
	}
	want := n.ReservedCharge
	if n.h.brought {
		want = n.fee()
	}
	charge, _ = n.part.free(n.lease.day, want, n.ReservedMedia)
	return charge
}

// charge posts want at every level: own, which was held for it, always fits.
func (n *notice) charge(want, own int64) int64 {
	c := min(want, max(own, n.line.room(n.lease.day)))
	n.line.move(n.lease.day, 0, c)
	return c
}

func (n *notice) platform(charge int64) int64 {
	v, _ := mulDiv(charge, n.line.advertiser().fee, 1_000_000, false)
	return v
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

func (n *notice) loss() Entry {
	if n.h.void || n.h.billed || n.h.clicked {
		return Entry{Outcome: "duplicate"}
	}
	n.unhold()
	n.h.void = true
	return Entry{Outcome: "void"}
}

func (n *notice) test(done *bool) Entry {
	if *done {
		return Entry{Outcome: "duplicate"}
	}
	n.unhold()
	*done, n.h.void = true, true
	return Entry{Outcome: "test"}
}

func (n *notice) bill() Entry {
	switch {
	case n.Test:
		return n.test(&n.h.billed)
	case n.h.billed:
		return n.again()
	case n.PriceBad != "" && n.h.bad:
		return Entry{Outcome: "duplicate"}
	case n.PriceBad != "":
		n.h.bad = true
		return Entry{Outcome: "bad_price"}
	}
	media, payable, over := n.clearing()
	want := n.ReservedCharge
	if n.line.clicks {
		want = n.fee()
	}
	own := n.unhold()
	charge := n.charge(want, own)
	if rest := own - charge; n.line.clicks && rest > 0 && !n.h.brought {
		n.bring(rest)
	}
	n.h.billed, n.h.fixed = true, !n.line.clicks
	e := Entry{Charge: charge, Media: media, Payable: payable, DataFee: n.fee(), PlatformFee: n.platform(charge)}
	e.Margin = want - media - e.DataFee - e.PlatformFee
	switch {
	case !n.lease.open:
		e.Outcome, e.Late = "late", want-charge
	case over:
		e.Outcome, e.Unbilled = "dispute", want-charge
	case charge < want:
		e.Outcome, e.Unbilled = "unbilled", want-charge
	default:
		e.Outcome = "posted"
	}
	n.owe(e)
	return e
}

// again is a bill after the bill: one larger price raises the media.
func (n *notice) again() Entry {
	media, payable, _ := n.clearing()
	if n.PriceBad != "" || n.h.raised || media <= n.h.media {
		return Entry{Outcome: "duplicate"}
	}
	n.h.raised = true
	e := Entry{Outcome: "adjusted", Media: media - n.h.media, Payable: payable - n.h.payable, Margin: n.h.media - media}
	n.owe(e)
	return e
}

// owe posts media, which is owed whether it fits or not.
func (n *notice) owe(e Entry) {
	late := max(0, e.Media-n.line.media.room(n.lease.day))
	n.line.moveMedia(n.lease.day, 0, e.Media, late)
	n.h.media += e.Media
	n.h.payable += e.Payable
}

func (n *notice) bring(amount int64) {
	n.line.move(n.lease.day, amount, 0)
	w := n.line.wait(n.lease.day)
	w.held += amount
	w.brought += amount
	n.part.clicks += amount
	n.h.brought = true
}

func (n *notice) click() Entry {
	switch {
	case n.h.clicked:
		return Entry{Outcome: "duplicate"}
	case n.Test:
		return n.test(&n.h.clicked)
	}
	live := n.live() && !n.h.brought
	n.h.clicked = true
	if !n.line.clicks || n.h.fixed {
		return Entry{}
	}
	var own int64
	if n.lease.open {
		if live {
			freed, _ := n.part.free(n.lease.day, n.ReservedCharge-n.fee(), 0)
			n.bring(freed)
		}
		w := n.line.wait(n.lease.day)
		own = min(n.line.clickPrice, w.held)
		w.held -= own
		n.line.move(n.lease.day, -own, 0)
	}
	charge := n.charge(n.line.clickPrice, own)
	e := Entry{Charge: charge, Unbilled: n.line.clickPrice - charge, PlatformFee: n.platform(charge)}
	e.Margin = n.line.clickPrice - e.PlatformFee
	switch {
	case !n.lease.open:
		e.Outcome = "late"
	case e.Unbilled > 0:
		e.Outcome = "unbilled"
	default:
		e.Outcome = "posted"
	}
	return e
}
