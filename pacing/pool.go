package pacing

import (
	"slices"

	"bidhawk/internal/money"
)

// eventPool is the expected charge of billed impressions that wait for their
// events. An event takes its price from here first: the pool insures one
// another's impressions, as the expectation that was reserved does. It is part
// of what the accounts hold. Invariant: Held <= Open.
type eventPool struct {
	when
	Held money.Nanos `json:"h"`
	Open money.Nanos `json:"o"` // what the leases that are not past hard have brought
}

func (l *line) pool(w when) *eventPool {
	for i := range l.Pools {
		if l.Pools[i].when == w {
			return &l.Pools[i]
		}
	}
	l.Pools = append(l.Pools, eventPool{when: w})
	return &l.Pools[len(l.Pools)-1]
}

// bring holds amount, which was just released, as the expected charge of an event.
func (it *leaseItem) bring(amount money.Nanos) {
	it.line.hold(it.when, amount)
	p := it.line.line.pool(it.when)
	p.Held += amount
	p.Open += amount
	it.brought += amount
	it.line.touch()
}

// keepBrought cuts what the item has brought down to keep. What events have
// taken already was the oldest, so the pool gives up only what is above the rest.
func (it *leaseItem) keepBrought(keep money.Nanos) {
	cut := it.brought - keep
	if cut <= 0 {
		return
	}
	it.brought = keep
	p := it.line.line.pool(it.when)
	p.Open -= cut
	if freed := p.Held - min(p.Held, p.Open); freed > 0 {
		p.Held -= freed
		it.line.hold(it.when, -freed)
	}
	it.line.touch()
}

// draw takes up to want out of the pool of w: it is still held charge.
func (l *line) draw(w when, want money.Nanos) money.Nanos {
	p := l.pool(w)
	own := min(want, p.Held)
	p.Held -= own
	return own
}

// flat is the price of a line item's day (CPD): held by the day's first lease
// until that closes, charged with the day's first billed impression.
type flat struct {
	when
	Lease   int64       `json:"lease"`
	Held    money.Nanos `json:"h"`
	Charged bool        `json:"c"`
}

func (l *line) flat(d Day) *flat {
	for i := range l.Flats {
		if l.Flats[i].Day == d {
			return &l.Flats[i]
		}
	}
	return nil
}

// holdFlat sees to it that the day's price is held or charged; false: it does not fit.
func (n *node) holdFlat(w when, lease int64) bool {
	if f := n.line.flat(w.Day); f != nil {
		return true
	}
	price := n.terms.EventPrice
	if n.room(w) < price {
		return false
	}
	n.hold(w, price)
	n.line.Flats = append(n.line.Flats, flat{when: w, Lease: lease, Held: price})
	n.touch()
	return true
}

// freeFlat frees the day's price where lease holds it and nothing has charged it:
// the next lease holds it anew.
func (n *node) freeFlat(d Day, lease int64) {
	f := n.line.flat(d)
	if f == nil || f.Charged || f.Lease != lease {
		return
	}
	n.hold(f.when, -f.Held)
	n.line.Flats = slices.DeleteFunc(n.line.Flats, func(f flat) bool { return f.Day == d })
	n.touch()
}

// chargeFlat uses up the day's price: want is what is due of it now, own what of
// it is still held at w.
func (n *node) chargeFlat(w when) (want, own money.Nanos) {
	f := n.line.flat(w.Day)
	switch {
	case f == nil: // the lease is of other terms
		n.line.Flats = append(n.line.Flats, flat{when: w, Charged: true})
		n.touch()
		return n.terms.EventPrice, 0
	case f.Charged:
		return 0, 0
	}
	want, held := n.terms.EventPrice, f.Held
	f.Held, f.Charged = 0, true
	n.touch()
	if f.when != w { // of another flight: it is freed, and what fits is charged
		n.hold(f.when, -held)
		return want, 0
	}
	return want, held
}
