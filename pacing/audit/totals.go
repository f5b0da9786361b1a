package audit

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"

	"bidhawk/internal/money"
)

// finish adds the partition's balances to res.
func (a *Partition) finish(res *Result) {
	b := a.book
	if err := b.recount(); err != nil {
		res.violate(a.id, -1, err)
	}
	res.Bills += b.bills
	for to, sum := range b.payables {
		res.add("payable/"+to.exchange+"/"+to.currency, sum.big())
	}
	for currency, sum := range b.fx {
		res.add("fx/"+currency, sum.big())
	}
	for id, sum := range b.agencies {
		res.add("agency/"+strconv.FormatInt(id, 10)+"/charge/posted", sum.big())
	}
	res.Over.Add(res.Over, b.overDays.big())
	for s := range b.scopes {
		res.scope(s)
	}
}

// scopes visits every scope of the partition.
func (b *book) scopes(yield func(*scope) bool) {
	for _, adv := range b.advertisers {
		for _, s := range adv.below {
			if !yield(s) {
				return
			}
		}
	}
}

func (r *Result) scope(s *scope) {
	name, today := s.name(), s.adv.day
	r.account(name+"/charge", &s.charge, today)
	s.charge.horizons(func(h *horizon) { r.Over.Add(r.Over, big.NewInt(h.over())) })
	switch s.level {
	case advertiserLevel:
		r.add(name+"/paid", big.NewInt(s.paid))
	case lineLevel:
		r.account(name+"/media", &s.media, today)
		for leg, sum := range map[string]wide{"data_fee": s.data, "platform_fee": s.platform, "margin": s.margin, "house_late": s.houseLate, "house_unbilled": s.houseOther} {
			r.add(name+"/"+leg, sum.big())
		}
	}
}

func (r *Result) account(name string, a *account, today date) {
	r.horizon(name, &a.life)
	if h := a.days[today]; h != nil {
		r.horizon(name+"/today", h)
	}
	for start, h := range a.flights {
		r.horizon(name+"/flight/"+strconv.FormatInt(start, 10), h)
	}
}

func (r *Result) horizon(name string, h *horizon) {
	r.add(name+"/posted", big.NewInt(h.posted))
	r.add(name+"/held", big.NewInt(h.held))
}

// add sums what partitions have under one name; a name whose balance is 0 is left out.
func (r *Result) add(name string, n *big.Int) {
	sum := r.Totals[name]
	if sum == nil {
		if n.Sign() == 0 {
			return
		}
		sum = new(big.Int)
		r.Totals[name] = sum
	}
	sum.Add(sum, n)
}

// compare holds every balance against the ledger's; one that either side lacks is 0.
func (r *Result) compare(accounts map[string]money.Wide) {
	names := map[string]bool{}
	for name := range r.Totals {
		names[name] = true
	}
	for name := range accounts {
		names[name] = true
	}
	r.Accounts = len(names)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		ours := r.Totals[name]
		if ours == nil {
			ours = new(big.Int)
		}
		if theirs := accounts[name].Big(); ours.Cmp(theirs) != 0 {
			r.violate(0, -1, fmt.Errorf("%s: the ledger has %v; the log says %v", name, theirs, ours))
		}
	}
}

var errHeld = errors.New("what the accounts hold is not what the leases, pools and flat prices hold")

// recount adds up what every lease, pool and flat price holds, from nothing, and
// compares the sum with what every horizon holds.
func (b *book) recount() error {
	held, open := map[*horizon]int64{}, map[*place]int64{}
	for _, l := range b.leases {
		for _, p := range l.order {
			p.at.count(held, p.charge)
			for _, h := range p.at.media {
				held[h] += p.media
			}
			open[p.at] += p.brought
		}
	}
	for _, s := range b.lines {
		for _, p := range s.places {
			p.count(held, p.pool.held)
			if p.pool.open != open[p] {
				return fmt.Errorf("line item %d: the pool of %v says that %d is brought; leases say %d", s.id, p.when, p.pool.open, open[p])
			}
		}
		for _, f := range s.flats {
			if f.at != nil {
				f.at.count(held, f.held)
			}
		}
	}
	var err error
	for s := range b.scopes {
		for _, a := range []*account{&s.charge, &s.media} {
			a.horizons(func(h *horizon) {
				if err == nil && h.held != held[h] {
					err = fmt.Errorf("%s: %w: %d and %d", h.name, errHeld, h.held, held[h])
				}
			})
		}
	}
	return err
}

func (p *place) count(held map[*horizon]int64, n int64) {
	for _, h := range p.charge {
		held[h] += n
	}
}
