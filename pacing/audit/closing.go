package audit

import (
	"cmp"
	"slices"

	"bidhawk/internal/money"
)

// closing ends a day for good: what it says was posted must be what was.
func (b *book) closing(r *record) {
	adv := b.advertisers[r.Advertiser]
	switch {
	case adv == nil:
		b.fault("closing of advertiser %d before its budget", r.Advertiser)
		return
	case adv.closed[r.Day]: // a repeat
		return
	case r.Day >= adv.day:
		b.fault("closing of advertiser %d, day %v: the present day is %v", adv.id, r.Day, adv.day)
		return
	case adv.leases[r.Day] > 0:
		b.fault("closing of advertiser %d, day %v: %d leases that are not past hard name it", adv.id, r.Day, adv.leases[r.Day])
		return
	}
	ours := adv.postedOn(r.Day)
	for i := range max(len(ours), len(r.Accounts)) {
		var have, said balance
		if i < len(ours) {
			have = ours[i]
		}
		if i < len(r.Accounts) {
			said = r.Accounts[i]
		}
		if have != said {
			b.fault("closing of advertiser %d, day %v: it says %+v; the log says %+v", adv.id, r.Day, said, have)
			return
		}
	}
	for _, s := range adv.below {
		b.drop(s, r.Day)
	}
	if adv.closed == nil {
		adv.closed = map[date]bool{}
	}
	adv.closed[r.Day] = true
}

// postedOn lists what posted on a day, by level, then id.
func (s *scope) postedOn(day date) []balance {
	below := slices.SortedFunc(slices.Values(s.below), func(a, b *scope) int { return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(a.id, b.id)) })
	var out []balance
	for _, t := range below {
		x := balance{Level: levelNames[t.level], ID: t.id}
		if h := t.charge.days[day]; h != nil {
			x.Charge = h.posted
		}
		if h := t.media.days[day]; h != nil {
			x.Media = h.posted
		}
		if x.Charge != 0 || x.Media != 0 {
			out = append(out, x)
		}
	}
	return out
}

// drop forgets a day that nothing can post on any more.
func (b *book) drop(s *scope, day date) {
	for _, a := range []*account{&s.charge, &s.media} {
		h := a.days[day]
		if h == nil {
			continue
		}
		if h.held != 0 {
			b.fault("%s: %d is still held when the day closes", h.name, h.held)
		}
		if a == &s.charge {
			b.overDays = b.overDays.Add(money.Nanos(h.over()))
		}
		delete(a.days, day)
	}
	if s.level != lineLevel {
		return
	}
	delete(s.flats, day)
	for w, p := range s.places {
		if w.day != day {
			continue
		}
		if p.pool != (pool{}) {
			b.fault("line item %d: the pool of %v still has %+v when the day closes", s.id, day, p.pool)
		}
		delete(s.places, w)
	}
}
