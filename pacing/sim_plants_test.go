package pacing

import (
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
)

// simPlant is a bug planted on purpose: one of the holes that were found in
// earlier designs. The simulation must find it, or it proves nothing.
type simPlant struct {
	name string
	slow bool // found in worlds of full size only
	// Into what a shard folds.
	before, after func(l *ledger, r *eventlog.Record, d *decoded)
	restored      func(l *ledger)
	skipUnknown   bool // a binary skips what it does not know
	// Into the world around it.
	recycle    bool // a bidder takes back what its bids reserved and has not heard of
	ackEarly   bool // a notice gets 2xx before it is durable
	mediaOnly  bool // a bid reserves its media cost in place of the charge
	byCampaign bool // the shards go by campaign
}

func (p *simPlant) run(f func(*ledger, *eventlog.Record, *decoded), l *ledger, r *eventlog.Record) {
	if f == nil {
		return
	}
	if d, err := decodeRecord(r.Value); err == nil {
		f(l, r, &d)
	}
}

// bidOf is what the ledger knows of a notice's bid.
func bidOf(l *ledger, d *decoded) (ls *lease, b bid, ok bool) {
	if d.notice == nil || l.leases[d.notice.Lease] == nil {
		return nil, b, false
	}
	ls = l.leases[d.notice.Lease]
	b, ok = ls.bids[d.notice.Bid]
	return ls, b, ok
}

// simPlants is every hole of the money.
func simPlants() []simPlant {
	type fold = func(l *ledger, r *eventlog.Record, d *decoded)
	flag := func(t Type, change func(b *bid)) fold {
		return func(l *ledger, _ *eventlog.Record, d *decoded) {
			if ls, b, ok := bidOf(l, d); ok && d.typ == t {
				change(&b)
				ls.bids[d.notice.Bid] = b
			}
		}
	}
	return []simPlant{
		{name: "paused pacer wakes and grants", after: func(l *ledger, r *eventlog.Record, d *decoded) {
			if d.grant != nil && d.grant.Epoch < l.epoch {
				l.grant(r.Offset, d.grant)
			}
		}},
		{name: "a campaign's line items on two shards", byCampaign: true, slow: true},
		{name: "reserving only the media price", mediaOnly: true},
		{name: "node recycles an expired reservation", recycle: true},
		{name: "lurl twice frees twice", before: flag(TypeLoss, func(b *bid) { b.flags &^= bidVoid })},
		{name: "state restored without its dedup set", restored: func(l *ledger) {
			for _, ls := range l.leases {
				ls.bids = map[ids.BidID]bid{}
			}
		}},
		{name: "the group's offset ahead of the state's", restored: func(l *ledger) {
			if l.next > 0 {
				l.next++
			}
		}},
		{name: "notice acknowledged before durable", ackEarly: true},
		{name: "late duplicate taken for a late win", before: func(l *ledger, _ *eventlog.Record, d *decoded) {
			if ls, _, ok := bidOf(l, d); ok && d.typ == TypeBill && ls.closed {
				delete(ls.bids, d.notice.Bid)
			}
		}},
		{name: "price 0 first stays", before: flag(TypeBill, func(b *bid) { b.flags |= bidAdjusted })},
		{name: "a bid billed after midnight is the new day's", before: func(l *ledger, _ *eventlog.Record, d *decoded) {
			if ls, _, _ := bidOf(l, d); ls != nil && d.typ == TypeBill {
				ls.day = ls.owner.day
			}
		}},
		{name: "a budget cut below what is pending frees it", after: func(l *ledger, _ *eventlog.Record, d *decoded) {
			if d.budget == nil || l.books[d.budget.Advertiser] == nil {
				return
			}
			for n := range l.books[d.budget.Advertiser].nodes() {
				if over := n.charge.Life.committed() - n.charge.Lifetime; over > 0 {
					n.charge.Life.Held -= min(over, n.charge.Life.Held)
				}
			}
		}},
		{name: "a zone edit brings a day back", before: func(l *ledger, _ *eventlog.Record, d *decoded) {
			if d.day == nil || l.books[d.day.Advertiser] == nil {
				return
			}
			bk := l.books[d.day.Advertiser]
			bk.day = 0
			for n := range bk.nodes() {
				n.charge.Days = nil
			}
		}},
		{name: "old binary skips a new record type", skipUnknown: true},
		// Not on PACING.md's list, kept from the first simulation.
		{name: "no dedup", before: func(l *ledger, _ *eventlog.Record, d *decoded) {
			if ls, _, ok := bidOf(l, d); ok {
				delete(ls.bids, d.notice.Bid)
			}
		}},
		{name: "charge beyond the budget", before: func(l *ledger, _ *eventlog.Record, d *decoded) {
			if d.notice != nil {
				for p := l.lines[d.notice.LineItem]; p != nil; p = p.parent {
					p.charge.Daily, p.charge.Lifetime = noLimit, noLimit
				}
			}
		}},
		{name: "a late bill posts as if in time", before: func(l *ledger, _ *eventlog.Record, d *decoded) {
			if ls, _, _ := bidOf(l, d); ls != nil && d.typ == TypeBill {
				ls.closed = false
			}
		}},
		{name: "posting after hard", before: func(l *ledger, _ *eventlog.Record, d *decoded) {
			if d.typ == TypeHard && l.leases[d.phase.Lease] != nil {
				l.leases[-d.phase.Lease] = l.leases[d.phase.Lease]
			}
		}, after: func(l *ledger, _ *eventlog.Record, d *decoded) {
			if d.typ == TypeHard && l.leases[-d.phase.Lease] != nil {
				l.leases[d.phase.Lease] = l.leases[-d.phase.Lease]
				delete(l.leases, -d.phase.Lease)
			}
		}},
	}
}

// simRecycled is a reservation that a planted bidder takes back.
type simRecycled struct {
	at    time.Time
	grant *walletGrant
	Amounts
}

func (n *simNode) remember(r Reservation, li campaigns.ID) {
	for _, l := range n.wallet.leases {
		for _, p := range l.parts {
			if l.ID == r.Lease && p.item.id == li {
				n.recycled = append(n.recycled, simRecycled{n.clock.now().Add(2 * time.Second), p.grant, r.Amounts})
			}
		}
	}
}

func (n *simNode) recycle(now time.Time) {
	for len(n.recycled) > 0 && !n.recycled[0].at.After(now) {
		r := n.recycled[0]
		n.recycled = n.recycled[1:]
		if r.grant.lease.end > n.wallet.now() {
			r.grant.left.Charge += r.Charge
			r.grant.left.Media += r.Media
		}
	}
}
