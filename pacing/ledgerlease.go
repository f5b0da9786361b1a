package pacing

import (
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/ids"
	"bidhawk/internal/money"
)

// lease is a grant and everything that is still known of its bids.
type lease struct {
	id       int64
	owner    *book
	bidder   string
	day      Day
	windowMS int64
	closed   bool      // in [close, hard)
	closedAt time.Time // what the record of the close says; it steers timers alone
	returned bool      // the bidder gave back what it will not use
	items    []leaseItem
	bids     map[ids.BidID]bid // dedup: until hard
	dirty    bool
}

// leaseItem is a line item's part of a lease. Invariant: held only decreases,
// and is part of what the accounts hold (but for the charge of a nominal one).
type leaseItem struct {
	line    *node
	when    when
	nominal bool        // its charge holds nothing: the day's price does (CPD)
	held    Amounts     // not yet returned, posted or void; 0 once closed
	brought money.Nanos // what its billed bids have put into the pool
	classes []classHold
}

func (ls *lease) item(line *node) *leaseItem {
	for i := range ls.items {
		if ls.items[i].line == line {
			return &ls.items[i]
		}
	}
	return nil
}

func (ls *lease) touch() {
	if !ls.dirty {
		ls.dirty = true
		ls.owner.ledger.dirtyLeases = append(ls.owner.ledger.dirtyLeases, ls)
	}
}

// grant leases what still fits of what g asks, both amounts of an item or
// neither. It returns nil where nothing does.
func (l *ledger) grant(offset int64, g *Grant) *lease {
	bk := l.books[g.Advertiser]
	if bk == nil || g.Day != bk.day {
		return nil // the day turned meanwhile
	}
	ls := &lease{id: offset, owner: bk, bidder: g.Bidder, day: g.Day, windowMS: g.WindowMS, bids: map[ids.BidID]bid{}}
	for i := range g.Items {
		ask := &g.Items[i]
		li := l.lines[ask.LineItem]
		if li == nil || li.owner != bk || ls.item(li) != nil {
			continue
		}
		if it, ok := li.lend(offset, when{g.Day, ask.Flight, ask.CampaignFlight}, ask.Amounts); ok {
			ls.items = append(ls.items, it)
		}
	}
	if len(ls.items) == 0 {
		return nil
	}
	l.leases[offset] = ls
	bk.leased[g.Day]++
	ls.touch()
	return ls
}

// lend holds what fits of ask for a lease.
func (n *node) lend(lease int64, w when, ask Amounts) (leaseItem, bool) {
	if !n.flies(w.Flight) || !n.parent.flies(w.CampaignFlight) {
		return leaseItem{}, false
	}
	it := leaseItem{line: n, when: w, nominal: n.terms.Pricing == campaigns.PricingCPD}
	it.held = Amounts{Charge: ask.Charge, Media: min(ask.Media, n.media.room(w.Day, 0))}
	if !it.nominal {
		it.held.Charge = min(ask.Charge, n.room(w))
	}
	if it.held.Charge <= 0 || it.held.Media <= 0 || it.nominal && !n.holdFlat(w, lease) {
		return leaseItem{}, false
	}
	if !it.nominal {
		n.hold(w, it.held.Charge)
	}
	n.media.hold(w.Day, 0, it.held.Media)
	n.line.Last = w
	n.touch()
	return it, true
}

// flies says whether flight is one of n's newest terms, or 0 where those have none.
func (n *node) flies(flight int64) bool {
	for _, f := range n.flights {
		if f.key() == flight {
			return true
		}
	}
	return flight == 0 && len(n.flights) == 0
}

// release frees up to n of what the item holds, and returns what it freed.
func (it *leaseItem) release(n Amounts) Amounts {
	n.Charge, n.Media = min(n.Charge, it.held.Charge), min(n.Media, it.held.Media)
	it.held.Charge -= n.Charge
	it.held.Media -= n.Media
	if !it.nominal {
		it.line.hold(it.when, -n.Charge)
	}
	it.line.media.hold(it.when.Day, 0, -n.Media)
	it.line.touch()
	return n
}

// giveBack applies a return, once per lease. It returns the lease whose holds
// are known from here on.
func (l *ledger) giveBack(r *Return) *lease {
	ls := l.leases[r.Lease]
	if ls == nil || ls.closed || ls.returned || ls.owner.node.id != int64(r.Advertiser) {
		return nil
	}
	ls.returned = true
	for _, back := range r.Items {
		it := ls.item(l.lines[back.LineItem])
		if it == nil {
			continue
		}
		it.release(back.Amounts)
		for _, h := range back.Holds {
			if c := it.class(h.Class); !c.Told {
				c.Told, c.Reserved = true, h.Amounts
			}
		}
	}
	ls.touch()
	return ls
}

func (l *ledger) endPhase(t Type, p *Phase) effect {
	ls := l.leases[p.Lease]
	if ls == nil || ls.owner.node.id != int64(p.Advertiser) {
		return effect{}
	}
	if p.Class != "" && t != TypeHard || t == TypeUnwon {
		if !ls.closed {
			ls.endClass(t, p)
		}
		return effect{phased: ls}
	}
	e := effect{phased: ls}
	if !ls.closed {
		ls.close()
		ls.closedAt = p.At.UTC()
		e.closed = true
	}
	if t == TypeHard {
		for i := range ls.items {
			ls.items[i].keepBrought(0)
		}
		delete(l.leases, p.Lease)
		l.ended = append(l.ended, ls)
		if ls.owner.leased[ls.day]--; ls.owner.leased[ls.day] == 0 {
			delete(ls.owner.leased, ls.day)
		}
		e.phased, e.ended = nil, ls
	}
	return e
}

// close frees everything that the lease still holds. Of what its impressions
// have brought into the pool, what events are still expected for stays.
func (ls *lease) close() {
	for i := range ls.items {
		it := &ls.items[i]
		if ls.returned {
			it.line.line.Yield.lose(it.held.Charge)
		}
		it.release(it.held)
		it.line.freeFlat(ls.day, ls.id)
		it.keepBrought(share(it.line.terms.LateShare, it.brought))
	}
	ls.closed = true
	ls.touch()
}
