package audit

import (
	"errors"
	"fmt"
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
		res.add("payable/"+to.exchange+"/"+to.currency, *sum)
	}
	for currency, sum := range b.fx {
		res.add("fx/"+currency, *sum)
	}
	for id, sum := range b.agencies {
		res.add("agency/"+strconv.FormatInt(id, 10)+"/charge/posted", *sum)
	}
	res.Over.Add(res.Over, b.overDays.Big())
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
	today := s.adv.day
	r.account(&s.charge, today)
	s.charge.horizons(func(h *horizon) {
		if over := h.over(); over != 0 {
			r.Over.Add(r.Over, big.NewInt(over))
		}
	})
	switch s.level {
	case advertiserLevel:
		r.add(s.paidName, money.WideOf(money.Nanos(s.paid)))
	case lineLevel:
		r.account(&s.media, today)
		for i, name := range s.feeNames {
			r.add(name, s.fees[i])
		}
	}
}

func (r *Result) account(a *account, today date) {
	r.horizon(a.life.accounts, &a.life)
	if h := a.days[today]; h != nil {
		r.horizon(a.today, h)
	}
	for _, h := range a.flights {
		r.horizon(h.accounts, h)
	}
}

func (r *Result) horizon(names *accounts, h *horizon) {
	r.add(names.postedName, money.WideOf(money.Nanos(h.posted)))
	r.add(names.heldName, money.WideOf(money.Nanos(h.held)))
}

// add sums what partitions have under one name; a name whose balance is 0 is left out.
func (r *Result) add(name string, n money.Wide) {
	if n != (money.Wide{}) {
		r.Totals[name] = r.Totals[name].Plus(n)
	}
}

// compare holds every balance against the ledger's; one that either side lacks is 0.
func (r *Result) compare(accounts map[string]money.Wide) {
	var differ []string
	r.Accounts = len(r.Totals)
	for name, ours := range r.Totals {
		if accounts[name] != ours {
			differ = append(differ, name)
		}
	}
	for name, theirs := range accounts {
		if _, ok := r.Totals[name]; !ok {
			r.Accounts++
			if theirs != (money.Wide{}) {
				differ = append(differ, name)
			}
		}
	}
	slices.Sort(differ)
	for _, name := range differ {
		r.violate(0, -1, fmt.Errorf("%s: the ledger has %v; the log says %v", name, accounts[name], r.Totals[name]))
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
