package pacing

import (
	"time"

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
// and is part of what the accounts hold.
type leaseItem struct {
	line  *node
	held  Amounts     // not yet returned, posted or void; 0 once closed
	click money.Nanos // what its billed bids put into the click pool
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
	for _, ask := range g.Items {
		li := l.lines[ask.LineItem]
		if li == nil || li.owner != bk || ls.item(li) != nil {
			continue
		}
		fit := Amounts{Charge: min(ask.Charge, li.room(g.Day)), Media: min(ask.Media, li.media.room(g.Day))}
		if fit.Charge <= 0 || fit.Media <= 0 {
			continue
		}
		li.hold(g.Day, fit.Charge)
		li.media.hold(g.Day, fit.Media)
		ls.items = append(ls.items, leaseItem{line: li, held: fit})
	}
	if len(ls.items) == 0 {
		return nil
	}
	l.leases[offset] = ls
	bk.leased[g.Day]++
	ls.touch()
	return ls
}

// release frees up to n of what the item holds, and returns what it freed.
func (it *leaseItem) release(d Day, n Amounts) Amounts {
	n.Charge, n.Media = min(n.Charge, it.held.Charge), min(n.Media, it.held.Media)
	it.held.Charge -= n.Charge
	it.held.Media -= n.Media
	it.line.hold(d, -n.Charge)
	it.line.media.hold(d, -n.Media)
	it.line.touch()
	return n
}

// giveBack applies a return, once per lease.
func (l *ledger) giveBack(r *Return) {
	ls := l.leases[r.Lease]
	if ls == nil || ls.closed || ls.returned || ls.owner.node.id != int64(r.Advertiser) {
		return
	}
	ls.returned = true
	for _, back := range r.Items {
		if it := ls.item(l.lines[back.LineItem]); it != nil {
			it.release(ls.day, back.Amounts)
		}
	}
	ls.touch()
}

func (l *ledger) endPhase(t Type, p *Phase) effect {
	ls := l.leases[p.Lease]
	if ls == nil {
		return effect{}
	}
	var e effect
	if !ls.closed {
		ls.close()
		ls.closedAt = p.At.UTC()
		e.closed = ls
	}
	if t == TypeHard {
		delete(l.leases, p.Lease)
		l.ended = append(l.ended, ls)
		if ls.owner.leased[ls.day]--; ls.owner.leased[ls.day] == 0 {
			delete(ls.owner.leased, ls.day)
		}
		e.ended = ls
	}
	return e
}

// close frees everything that the lease still holds. What its impressions put
// into the click pool leaves it, except what clicks have taken already: they
// took the oldest first.
func (ls *lease) close() {
	for i := range ls.items {
		it := &ls.items[i]
		if ls.returned && it.held.Charge > 0 {
			it.line.line.Yield.add(0, it.held.Charge) // bids that were never resolved
		}
		it.release(ls.day, it.held)
		p := it.line.line.pool(ls.day)
		p.Open -= it.click
		it.click = 0
		if freed := p.Held - min(p.Held, p.Open); freed > 0 {
			p.Held -= freed
			it.line.hold(ls.day, -freed)
		}
	}
	ls.closed = true
	ls.touch()
}
