package breaker

import (
	"fmt"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// Line is what the ledger says of a line item at a moment, in its advertiser's
// currency.
type Line struct {
	LineItem campaigns.ID
	Currency money.Currency
	Posted   money.Nanos // charged, lifetime
	Held     money.Nanos // leased, reserved or pending, lifetime
	// Planned should be charged by now of the plan's horizon, Spent is, and Limit is
	// what it ends at.
	Planned, Spent, Limit money.Nanos
	// Open says that Planned is no plan but a bound: what the traffic that was met could
	// have cost at most, as Posted and Held are media cost. Spent and Limit mean nothing.
	Open bool
	// Fee is a day's price, and Today the media cost of that day; 0: it has none.
	Fee, Today money.Nanos
	// Unit is the most that one event charges: what the smallest sample is counted in.
	Unit money.Nanos
	// USD is US dollars for one of Currency; 0: not known, and no part of the total.
	USD money.Rate
	// Stopped line items are no part of the total: what stops them has done so.
	Stopped bool
}

// Spend compares what is charged in a window with the plan. Not safe for
// concurrent use.
//
// What counts as charged is the lesser of two growths: of what is posted, and of
// what is posted or held. Bills that come in a heap move from held to posted and
// raise the first alone; a lease raises the second alone, and its bids may lose.
//
// What counts as the plan is the plan's own growth in the window, scaled to what
// is left: a line item that is behind may catch up as its plan is made anew. Of an
// open line item it is the most that its traffic could have cost in a window of the
// last hour or so, the older the less: its bills may come after the traffic has gone.
type Spend struct {
	cfg   Config
	lines map[campaigns.ID]*history
	round int64
}

// samples is how many moments of a window are kept.
const samples = 16

type history struct {
	at    [samples]time.Time
	line  [samples]sample
	next  int // index of the oldest once full
	count int
	round int64
	peak  money.Nanos // of open line items: the largest window, a third of it after half an hour
	fee   money.Nanos // Today when the day's price was last passed too far
}

type sample struct{ posted, held, planned, spent, limit money.Nanos }

// NewSpend returns a breaker that has seen nothing.
func NewSpend(cfg Config) *Spend { return &Spend{cfg: cfg, lines: map[campaigns.ID]*history{}} }

// Forget begins anew, after a time in which the figures stood still.
func (s *Spend) Forget() { clear(s.lines) }

// Observe takes every line item with a plan at now, and returns what trips: line
// items, and all of them where the rest together is above its plan. Line items
// that are left out are forgotten.
func (s *Spend) Observe(now time.Time, lines []Line) (trips []Trip) {
	if s.cfg.SpendPercent == 0 {
		return nil
	}
	s.round++
	var total totals
	for i := range lines {
		l := &lines[i]
		h := s.lines[l.LineItem]
		if h == nil {
			h = &history{}
			s.lines[l.LineItem] = h
		}
		h.round = s.round
		w, full := h.add(now, s.cfg.Window, l)
		if t, tripped := s.passedFee(now, h, l); tripped {
			trips = append(trips, t)
			continue
		}
		if !full || l.Stopped {
			continue
		}
		if s.over(w.charged, w.plan, l.Unit, s.cfg.SpendEvents) {
			what, bound := "charged", "of its plan"
			if l.Open {
				what, bound = "spent on media", "that its traffic could cost"
			}
			trips = append(trips, newTrip(NameSpend, lineItem(l.LineItem), now, fmt.Sprintf(
				"%s %v %v in %v, %s times the %v %s (limit: %d%%)", what,
				w.charged, l.Currency, s.cfg.Window, times(int64(w.charged), int64(w.plan)), w.plan, bound, s.cfg.SpendPercent)))
			continue
		}
		if !l.Open {
			total.add(l, w)
		}
	}
	for id, h := range s.lines {
		if h.round != s.round {
			delete(s.lines, id)
		}
	}
	if total.ok && total.events >= int64(s.cfg.TotalEvents) && s.above(total.charged, total.plan) {
		trips = append(trips, newTrip(NameSpend, campaigns.KillSwitch{Scope: campaigns.ScopeAll}, now, fmt.Sprintf(
			"all line items with a plan charged %v USD in %v, %s times the %v of their plans (limit: %d%%)",
			total.charged, s.cfg.Window, times(int64(total.charged), int64(total.plan)), total.plan, s.cfg.SpendPercent)))
	}
	return trips
}

// passedFee compares the day's media cost with the day's price. What has tripped
// trips again once as much more is spent.
func (s *Spend) passedFee(now time.Time, h *history, l *Line) (Trip, bool) {
	h.fee = min(h.fee, l.Today) // a new day
	if l.Fee <= 0 || l.Stopped || !s.over(l.Today-h.fee, l.Fee, l.Unit, s.cfg.SpendEvents) {
		return Trip{}, false
	}
	h.fee = l.Today
	return newTrip(NameSpend, lineItem(l.LineItem), now, fmt.Sprintf(
		"media cost %v %v today, %s times the day's price of %v (limit: %d%%)",
		l.Today, l.Currency, times(int64(l.Today), int64(l.Fee)), l.Fee, s.cfg.SpendPercent)), true
}

// over says whether charged is above what the plan allows, and worth events units.
func (s *Spend) over(charged, plan, unit money.Nanos, events int) bool {
	least, err := money.MulDiv(int64(unit), int64(events), 1)
	return err == nil && unit > 0 && int64(charged) >= least && s.above(charged, plan)
}

func (s *Spend) above(charged, plan money.Nanos) bool {
	most, err := money.MulDiv(int64(plan), int64(s.cfg.SpendPercent), 100)
	return err == nil && int64(charged) > most
}

// window is what happened in one.
type window struct{ charged, plan money.Nanos }

// add takes a moment in. full says that w spans the window; a plan that was made
// anew (other limit, another day) begins a new one.
func (h *history) add(now time.Time, length time.Duration, l *Line) (w window, full bool) {
	cur := sample{l.Posted, l.Held, l.Planned, l.Spent, l.Limit}
	if l.Open {
		cur.spent, cur.limit = 0, 1
	}
	if h.count > 0 {
		last := (h.next + samples - 1) % samples
		p := h.line[last]
		if p.limit != cur.limit || cur.planned < p.planned || cur.spent < p.spent || cur.posted < p.posted || now.Sub(h.at[last]) > length/2 {
			h.count = 0
		} else if now.Sub(h.at[last]) < length/(samples-1) {
			return w, false // denser than is kept
		}
	}
	h.at[h.next], h.line[h.next] = now, cur
	h.next = (h.next + 1) % samples
	h.count = min(h.count+1, samples)
	// The newest moment that is a window ago.
	for i := h.count; i > 1; i-- {
		at := (h.next + samples - i) % samples
		if now.Sub(h.at[at]) < length {
			break
		}
		full = true
		w = windowOf(h.line[at], cur, l.Open)
	}
	if l.Open && full {
		h.peak = max(h.peak-h.peak/money.Nanos(max(1, int64(halfHour/(length/(samples-1))))), w.plan)
		w.plan = h.peak
	}
	return w, full && cur.limit > 0
}

// halfHour is how long a peak of traffic counts, about: it decays by e in that time.
const halfHour = 30 * time.Minute

func windowOf(from, to sample, open bool) window {
	w := window{charged: min(to.posted-from.posted, to.posted+to.held-from.posted-from.held)}
	w.plan = to.planned - from.planned
	if open {
		return w
	}
	left, leftOfPlan := from.limit-from.spent, from.limit-from.planned
	if leftOfPlan <= 0 { // the plan is at its end: what is left may be spent at once
		w.plan = max(left, 0)
		return w
	}
	if left > leftOfPlan {
		v, err := money.MulDiv(int64(w.plan), int64(left), int64(leftOfPlan))
		if err != nil {
			v = int64(left)
		}
		w.plan = money.Nanos(v)
	}
	return w
}

// totals adds up windows in US dollars.
type totals struct {
	charged, plan money.Nanos
	events        int64
	ok            bool
}

func (t *totals) add(l *Line, w window) {
	if l.USD <= 0 || l.Unit <= 0 || w.charged <= 0 && w.plan <= 0 {
		return
	}
	charged, err1 := l.USD.Convert(max(w.charged, 0))
	plan, err2 := l.USD.Convert(max(w.plan, 0))
	if err1 != nil || err2 != nil {
		return
	}
	a, err1 := money.Add(t.charged, charged)
	b, err2 := money.Add(t.plan, plan)
	if err1 != nil || err2 != nil {
		return
	}
	t.charged, t.plan, t.ok = a, b, true
	t.events += int64(max(w.charged, 0) / l.Unit)
}
