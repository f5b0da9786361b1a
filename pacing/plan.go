package pacing

import (
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// curve is a plan: a straight line from what was spent at from to the limit at to.
type curve struct {
	from, to time.Time
	base     money.Nanos
	limit    money.Nanos
}

// at is the planned spend at t.
func (c curve) at(t time.Time) money.Nanos {
	span, gone := c.to.Sub(c.from), t.Sub(c.from)
	switch {
	case gone <= 0 || c.limit <= c.base:
		return c.base
	case gone >= span:
		return c.limit
	}
	v, err := money.MulDiv(int64(c.limit-c.base), int64(gone), int64(span))
	if err != nil { // cannot be: gone < span
		return c.base
	}
	return c.base + money.Nanos(v)
}

// horizon is what a limit is spread over.
type horizon uint8

const (
	daily horizon = iota
	lifetime
	horizons
)

// plan is one account's plans. No money depends on it: it says how much to
// lease when, the ledger says what fits.
type plan struct {
	work [horizons]curve // re-planned when the spend has left it: steers
	goal [horizons]curve // as it was when the limit or the dates were set: for people
	day  Day             // of the daily curves
}

// planner spreads budgets over time. It belongs to one shard's goroutine.
type planner struct {
	window time.Duration
	plans  map[*node]*plan
}

func newPlanner(window time.Duration) *planner {
	return &planner{window: window, plans: map[*node]*plan{}}
}

// flight is when n may spend: the tightest of its own dates and its parents'.
// A zero time is no bound.
func flight(n *node) (start, end time.Time) {
	for ; n != nil; n = n.parent {
		if s := n.terms.Start; s.After(start) {
			start = s
		}
		if e := n.terms.End; !e.IsZero() && (end.IsZero() || e.Before(end)) {
			end = e
		}
	}
	return start, end
}

// span is the time over which a horizon's limit is spread; ok is false where
// the limit is none or has no end.
func span(n *node, h horizon, day Day, loc *time.Location) (from, to time.Time, limit money.Nanos, ok bool) {
	from, to = flight(n)
	limit = n.charge.Lifetime
	if h == daily {
		limit = n.charge.Daily
		if s := day.Start(loc); s.After(from) {
			from = s
		}
		if e := day.End(loc); to.IsZero() || e.Before(to) {
			to = e
		}
	}
	return from, to, limit, limit != noLimit && !to.IsZero() && from.Before(to)
}

// due is how much n may spend by now + ahead to be on its plan at every
// horizon; noLimit where nothing is planned. It can be negative. outstanding is
// what of the held money is expected to be spent, by horizon; bid is one bid's
// expected spend.
func (p *planner) due(n *node, day Day, loc *time.Location, now time.Time, ahead time.Duration, outstanding [horizons]money.Nanos, bid money.Nanos) money.Nanos {
	pl := p.plans[n]
	if pl == nil {
		pl = &plan{}
		p.plans[n] = pl
	}
	best := noLimit
	for h := range horizons {
		from, to, limit, ok := span(n, h, day, loc)
		if !ok {
			continue
		}
		posted := n.posted(h, day)
		spent := addClamped(posted, outstanding[h])
		begin := latest(from, now)
		if g := &pl.goal[h]; g.limit != limit || !g.to.Equal(to) || h == daily && pl.day != day {
			*g = curve{from: begin, to: to, base: posted, limit: limit}
			pl.work[h] = curve{from: begin, to: to, base: spent, limit: limit}
		}
		c := &pl.work[h]
		if c.strayed(now, p.window, spent, bid) {
			*c = curve{from: begin, to: to, base: spent, limit: limit}
		}
		if n.line != nil || n.binds(h, day, now) {
			best = min(best, c.at(now.Add(ahead))-spent)
		}
	}
	pl.day = day
	return best
}

// binds says whether what lies below n could spend more than n has left. Where
// it cannot, a plan of n's own would only hold back a child whose flight is
// shorter than n's day.
func (n *node) binds(h horizon, day Day, now time.Time) bool {
	var sum money.Nanos
	for _, c := range n.below {
		sum = addClamped(sum, c.potential(h, day, now))
	}
	return sum > n.left(h, day)
}

// potential is what n and the nodes below it may still spend within a horizon.
func (n *node) potential(h horizon, day Day, now time.Time) money.Nanos {
	if _, end := flight(n); !n.terms.Active || !end.IsZero() && !now.Before(end) {
		return 0
	}
	own := n.left(lifetime, day)
	if h == daily {
		own = min(own, n.left(daily, day))
	}
	if n.line != nil {
		return own
	}
	var sum money.Nanos
	for _, c := range n.below {
		sum = addClamped(sum, c.potential(h, day, now))
	}
	return min(own, sum)
}

// left is n's limit less what is posted, not below zero.
func (n *node) left(h horizon, day Day) money.Nanos {
	limit := n.charge.Lifetime
	if h == daily {
		limit = n.charge.Daily
	}
	return max(0, limit-n.posted(h, day))
}

// strayed says whether spend is too far from the curve to be steered back
// without a burst or a gap: more than three windows of the plan, and more than
// three bids. Then the rest is planned anew.
func (c *curve) strayed(now time.Time, window time.Duration, spent, bid money.Nanos) bool {
	off := c.at(now) - spent
	if off < 0 {
		off = -off
	}
	step := c.at(now.Add(window)) - c.at(now)
	return off > addClamped(step, addClamped(step, step)) && off > addClamped(bid, addClamped(bid, bid))
}

func (n *node) posted(h horizon, day Day) money.Nanos {
	if h == daily {
		return n.charge.on(day).Posted
	}
	return n.charge.Life.Posted
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// outstanding is how much of what n's line items hold is expected to be spent.
func (n *node) outstanding(day Day) (out [horizons]money.Nanos) {
	if n.line == nil {
		for _, c := range n.below {
			o := c.outstanding(day)
			out[daily], out[lifetime] = addClamped(out[daily], o[daily]), addClamped(out[lifetime], o[lifetime])
		}
		return out
	}
	win := n.line.Yield.ratio(0)
	var pools money.Nanos
	for _, p := range n.line.Pools {
		pools = addClamped(pools, p.Held)
	}
	var today money.Nanos
	for _, p := range n.line.Pools {
		if p.Day == day {
			today = addClamped(today, p.Held)
		}
	}
	out[daily] = addClamped(today, share(win, n.charge.on(day).Held-today))
	out[lifetime] = addClamped(pools, share(win, n.charge.Life.Held-pools))
	return out
}

// ratio is the share of what bids reserve that is kept, between 2% and 100%. It
// starts from a half, weighted as ten bids of the charge bid.
func (y yield) ratio(bid money.Nanos) money.PPM {
	bid = min(max(bid, 1), noLimit/64)
	v, err := money.MulDiv(int64(addClamped(y.Kept, 5*bid)), 1_000_000, int64(addClamped(y.Resolved, 10*bid)))
	if err != nil {
		v = 1_000_000
	}
	return money.PPM(min(max(v, 20_000), 1_000_000))
}

// share is p of n; n below zero counts as zero.
func share(p money.PPM, n money.Nanos) money.Nanos {
	v, err := p.Of(max(n, 0))
	if err != nil { // cannot be: p is at most one
		return n
	}
	return v
}

// PlanView is a line item's plan and spend, for people.
type PlanView struct {
	Advertiser campaigns.ID     `json:"advertiser"`
	Campaign   campaigns.ID     `json:"campaign"`
	LineItem   campaigns.ID     `json:"line_item"`
	Pacing     campaigns.Pacing `json:"pacing"`
	// Planned is the charge that the plan wants posted by now, of the horizon
	// (the advertiser's day or the lifetime) that is furthest along; Spent is
	// what is posted of it and Limit what it ends at. All zero before the first
	// lease. ASAP plans nothing: Planned is Limit.
	Planned money.Nanos `json:"planned_nanos"`
	Spent   money.Nanos `json:"spent_nanos"`
	Limit   money.Nanos `json:"limit_nanos"`
}

// Ratio is spent / planned in parts per million; 0 where nothing is planned.
func (v PlanView) Ratio() money.PPM {
	if v.Planned <= 0 || v.Spent < 0 {
		return 0
	}
	r, err := money.MulDiv(int64(v.Spent), 1_000_000, int64(v.Planned))
	if err != nil {
		return noRatio
	}
	return money.PPM(r)
}

const noRatio = money.PPM(1_000_000_000) // a thousand times the plan: as far as the gauge goes

func (p *planner) view(n *node, day Day, now time.Time) PlanView {
	v := PlanView{Advertiser: campaigns.ID(n.owner.node.id), Campaign: campaignOf(n), LineItem: campaigns.ID(n.id), Pacing: n.terms.Pacing}
	pl := p.plans[n]
	if pl == nil {
		return v
	}
	for h := range horizons {
		c := pl.goal[h]
		if c.to.IsZero() || h == daily && pl.day != day {
			continue
		}
		x := v
		x.Planned, x.Spent, x.Limit = c.at(now), n.posted(h, day), c.limit
		if n.terms.Pacing == campaigns.PacingASAP {
			x.Planned = x.Limit
		}
		// The tightest horizon is the one that leaves least to plan.
		if v.Limit == 0 || x.Planned-x.Spent < v.Planned-v.Spent {
			v = x
		}
	}
	return v
}
