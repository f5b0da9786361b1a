package audit

// eventOf is the event that charges under a pricing rule; empty where it is the bill.
func eventOf(pricing string) string {
	switch pricing {
	case "cpc":
		return "click"
	case "vcpm":
		return "view"
	case "cpcv":
		return "complete"
	case "cpa", "cps":
		return "conversion"
	}
	return ""
}

// click is a click, a view or a complete: once per bid.
func (n *notice) click() Entry {
	done := &n.h.clicked
	switch n.Type {
	case "view":
		done = &n.h.viewed
	case "complete":
		done = &n.h.completed
	}
	switch {
	case *done:
		return Entry{Outcome: "duplicate"}
	case n.Test:
		return n.test(done)
	}
	*done = true
	return n.event()
}

// conversion is once per order and not per bid.
func (b *book) conversion(n *notice) Entry {
	if n.Test {
		return Entry{Outcome: "test"}
	}
	if !first(b.orders, n.Advertiser, n.Order) {
		return Entry{Outcome: "duplicate"}
	}
	n.h.converted = true
	return n.event()
}

// lateConversion is one whose lease is past hard.
func (b *book) lateConversion(r *record, s *scope) Entry {
	switch {
	case r.Test:
		return Entry{Outcome: "test"}
	case eventOf(s.pricing) != "conversion" || s.adv.day == 0:
		return Entry{Outcome: "past_hard"}
	case !first(b.orders, r.Advertiser, r.Order):
		return Entry{Outcome: "duplicate"}
	}
	at := s.place(when{s.adv.day, s.last})
	e := charge(at, s.worth(r), 0)
	if e.Outcome = "posted"; e.Unbilled > 0 {
		e.Outcome = "unbilled"
	}
	b.enter(s, r.Exchange, r.Currency, &e)
	b.verify(at.check())
	return e
}

// worth is what an event should charge.
func (s *scope) worth(r *record) int64 {
	if s.pricing == "cps" {
		return share(r.Value, s.shareOf)
	}
	return s.price
}

// event charges where it is the event of the line item's rule: now, or when
// the bid is billed.
func (n *notice) event() Entry {
	if n.Type != eventOf(n.line.pricing) || n.h.billed && n.h.fixed {
		return Entry{}
	}
	want := n.line.worth(n.record)
	if !n.h.billed {
		n.h.waiting = plus(n.h.waiting, want)
		if !n.late && !n.h.void && !n.h.brought {
			n.bringEarly()
		}
		return Entry{}
	}
	e := n.charge(want)
	switch {
	case n.late:
		e.Outcome = "late"
	case e.Unbilled > 0:
		e.Outcome = "unbilled"
	default:
		e.Outcome = "posted"
	}
	return e
}

// bringEarly is the bringing of a bid that is not billed yet: its data fee stays held.
func (n *notice) bringEarly() {
	n.h.taken = n.ReservedCharge - n.fee()
	c := n.part.sum(n.class)
	if n.h.won {
		c.won.charge -= n.h.taken
	}
	c.resolved.charge += n.h.taken
	freed := n.part.release(n.part.atMost(c, amounts{charge: n.h.taken}))
	c.count(freed)
	n.bring(freed.charge)
}

// charge charges an event of a bid that is billed, from the pool first.
func (n *notice) charge(want int64) Entry {
	own := min(want, n.at.pool.held)
	n.at.pool.held -= own
	n.at.move(-own, 0)
	return charge(n.at, want, own)
}

func charge(at *place, want, own int64) Entry {
	c := at.post(want, own)
	e := Entry{Charge: c, Unbilled: want - c, PlatformFee: share(c, at.of.adv.fee)}
	e.Margin = want - e.PlatformFee
	return e
}

// waiting charges the events that came before the bill, as part of its entry.
func (n *notice) waiting(e *Entry) {
	if n.h.waiting == 0 || n.h.fixed {
		return
	}
	w := n.charge(n.h.waiting)
	n.h.waiting = 0
	e.Charge += w.Charge
	e.Unbilled += w.Unbilled
	e.PlatformFee += w.PlatformFee
	e.Margin += w.Margin
}
