package pacing

import (
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
	"bidhawk/pacing/control"
)

// horizon is what a limit is spread over.
type horizon uint8

const (
	daily horizon = iota
	lifetime
	flighted // the flight at hand
	horizons
)

// schedule is one account's plan at one horizon: a goal, as it was when the limit
// or the dates were set, and the stretch that steers.
type schedule struct {
	goal control.Plan
	now  stretch
}

// stretch is a straight piece of a plan, from base at from to top at to, and on
// at the same slope until the limit. A plan is drawn piece by piece, each with
// what the forecast knows by then.
type stretch struct {
	from, to         time.Time
	base, top, limit money.Nanos
}

// at is the planned spend at t.
func (s *stretch) at(t time.Time) money.Nanos {
	span, gone := s.to.Sub(s.from), t.Sub(s.from)
	if gone <= 0 || span <= 0 || s.top <= s.base {
		return s.base
	}
	v, err := money.MulDiv(int64(s.top-s.base), int64(gone), int64(span))
	if err != nil {
		return s.limit
	}
	return min(addClamped(s.base, money.Nanos(v)), s.limit)
}

// The pieces of a plan.
const (
	longestStretch = time.Minute
	stretches      = 100 // of a short horizon
)

// planner spreads budgets over time. It belongs to one shard's goroutine. No
// money depends on it: it says how much to lease when, the ledger says what fits.
type planner struct {
	window time.Duration
	paces  map[paceKey]*pace
	kept   map[paceKey][]byte // of an earlier process, not asked for yet
}

func newPlanner(window time.Duration) *planner {
	return &planner{window: window, paces: map[paceKey]*pace{}}
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
// the limit is none or has no end. Where there are flights, nothing is spread over
// the time between them: their budgets take the place of the lifetime's.
func span(n *node, h horizon, day Day, loc *time.Location, now time.Time) (from, to time.Time, limit money.Nanos, ok bool) {
	from, to = flight(n)
	f := n.flying(now)
	switch {
	case h == daily:
		limit = n.charge.Daily
		from, to = within(from, to, day.Start(loc), day.End(loc))
	case h == lifetime && len(n.flights) == 0:
		limit = n.charge.Lifetime
	case h == flighted && f != nil:
		limit = f.Budget
	default:
		limit = noLimit
	}
	for p := n; p != nil; p = p.parent {
		if f := p.flying(now); f != nil && (h != lifetime || p == n) {
			from, to = within(from, to, f.Start, f.End)
		}
	}
	return from, to, limit, limit != noLimit && !to.IsZero() && from.Before(to)
}

// within is where two times meet; a zero end is none.
func within(from, to, start, end time.Time) (time.Time, time.Time) {
	if to.IsZero() || end.Before(to) {
		to = end
	}
	return latest(from, start), to
}

// moment is what a plan is asked about.
type moment struct {
	day   Day
	loc   *time.Location
	now   time.Time
	ahead time.Duration         // how far
	held  [horizons]money.Nanos // what of the held money is expected to be spent
	price money.Nanos           // what a win charges
	bid   money.Nanos           // a bid's expected charge
}

// due is how much n may spend by now + ahead to be on its plan at every
// horizon; noLimit where nothing is planned. It can be negative.
func (p *planner) due(n *node, m *moment) money.Nanos {
	c := p.pace(n, m.loc)
	best := noLimit
	var drawn, anew bool
	for h := range horizons {
		from, to, limit, ok := span(n, h, m.day, m.loc, m.now)
		if !ok {
			c.plans[h] = schedule{}
			continue
		}
		s, posted := &c.plans[h], n.posted(h, m.day, m.now)
		spent := addClamped(posted, m.held[h])
		if g := &s.goal; g.Limit != limit || !g.To.Equal(to) || h == daily && c.day != m.day {
			*g = control.Plan{From: latest(from, m.now), To: to, Base: min(posted, limit), Limit: limit, Pace: paceOf(n), Lead: control.DefaultLead}
			s.now, anew = stretch{}, true
		}
		drawn = s.follow(c.traffic.forecast, m, p.window, spent) || drawn
		if n.line != nil || n.binds(h, m.day, m.now) {
			best = min(best, addClamped(s.due(m, spent), s.lead(n.held(h, m.day, m.now)-m.held[h])))
		}
	}
	c.day = m.day
	if drawn {
		c.aim(n, m, anew)
	}
	return best
}

// follow draws the next stretch where the one before has ended, or where spend
// has strayed from it; then the rest is planned anew.
func (s *schedule) follow(f *control.Forecast, m *moment, window time.Duration, spent money.Nanos) (drawn bool) {
	step := s.now.at(m.now.Add(window)) - s.now.at(m.now)
	switch {
	case s.now.to.IsZero(), s.strayed(m.now, step, spent, m.bid):
		s.draw(f, m.now, spent)
	case !m.now.Before(s.now.to):
		s.draw(f, m.now, s.now.at(m.now))
	default:
		return false
	}
	return true
}

// due is what may be spent by now + ahead. What is behind is caught up with, and
// not in one burst.
func (s *schedule) due(m *moment, spent money.Nanos) money.Nanos {
	at := s.now.at(m.now.Add(m.ahead))
	return min(min(at+s.slack(), s.goal.Limit)-spent, addClamped((at-s.now.at(m.now))*windowBurst, m.bid))
}

// slack is how far a plan may be passed: what comes by chance in a window is left
// to the multiplier to make up for, and not thrown away. Without it each lease took
// back what was above its window's plan, and the auctions with it that were worth most.
func (s *schedule) slack() money.Nanos { return (s.goal.Limit - s.goal.Base) / slackOf }

const (
	slackOf     = 400
	windowBurst = 3 // times what the plan has for a window
)

// lead is how far a plan may be passed for what bids hold and are not expected to
// keep: towards the end that keeps money from being spent, and the sooner it is
// met the more comes back in time. A two-hundredth of the budget at most.
func (s *schedule) lead(idle money.Nanos) money.Nanos {
	return min(max(idle, 0)/16, (s.goal.Limit-s.goal.Base)/200)
}

func (n *node) held(h horizon, day Day, now time.Time) money.Nanos {
	return n.balance(h, day, now).Held
}

// press is by how much the multiplier aims above what is left over the traffic
// that is left: for what the account is behind. The more of what is spent is only
// expected, the longer that may take: it is no better known than that.
func (s *schedule) press(f *control.Forecast, now time.Time, spent, expected money.Nanos) money.PPM {
	soon := s.now.at(now.Add(longestStretch)) - s.now.at(now)
	behind := money.PPM(0)
	if soon > 0 {
		v, err := money.MulDiv(int64(s.now.at(now)-spent), 1_000_000, int64(addClamped(soon*catchUp, max(expected, 0))))
		if err == nil { // else the plan stands still: nothing to be behind of
			behind = money.PPM(min(max(v, -300_000), 1_000_000))
		}
	}
	return s.goal.Press(f, now) * (1_000_000 + behind) / 1_000_000
}

const catchUp = 4 // of the longest stretches

// aim re-plans n's multiplier.
func (c *pace) aim(n *node, m *moment, anew bool) {
	var o outlook
	tight, full := horizons, false
	for h := range horizons {
		s := &c.plans[h]
		if s.goal.To.IsZero() {
			continue
		}
		spent := addClamped(n.posted(h, m.day, m.now), m.held[h])
		rest := share(s.press(c.traffic.forecast, m.now, spent, m.held[h]), s.goal.Limit-spent)
		x := outlook{rest, c.traffic.forecast.Auctions(latest(m.now, s.goal.From), s.goal.To)}
		if x.auctions > 0 && x.tighter(o) {
			o, tight = x, h
			held := n.held(h, m.day, m.now)
			full = s.goal.Limit-n.posted(h, m.day, m.now)-held < held-m.held[h]
		}
	}
	if tight == horizons {
		return
	}
	// A forecast of less than an hour is a guess: no bound of later plans.
	anew = anew || m.now.Sub(c.traffic.since) < time.Hour
	c.steer.aim(tight, o, anew, full, m.price)
	c.steer.binding = n.line != nil || n.binds(tight, m.day, m.now)
}

// draw begins a new stretch at now with so much planned. What is left of the
// limit is spread over the traffic to come, but not at more than burst times the
// goal's own rate: what a flight has missed is not made up for at its end.
func (s *schedule) draw(f *control.Forecast, now time.Time, planned money.Nanos) {
	g := &s.goal
	now = latest(now, g.From)
	planned = min(planned, g.Limit)
	to := now.Add(min(longestStretch, max(g.To.Sub(g.From)/stretches, time.Millisecond)))
	if to.After(g.To) {
		to = g.To
	}
	s.now = stretch{from: now, to: to, base: planned, top: planned, limit: g.Limit}
	if !now.Before(g.To) {
		return
	}
	rest := control.Plan{From: now, To: g.To, Base: planned, Limit: g.Limit}
	step := share(g.Press(f, now), rest.At(f, to)-planned)
	most := (g.At(f, to) - g.At(f, now)) * burst
	s.now.top = min(planned+min(step, max(most, 0)), g.Limit)
}

const burst = 3

// strayed says whether spend is too far from the plan to be steered back without
// a burst or a gap: more than a hundredth of it, three windows and three bids.
// Then the rest is planned anew.
func (s *schedule) strayed(now time.Time, step, spent, bid money.Nanos) bool {
	off := s.now.at(now) - spent
	if off < 0 {
		off = -off
	}
	return off > (s.goal.Limit-s.goal.Base)/100 && off > addClamped(step, addClamped(step, step)) && off > addClamped(bid, addClamped(bid, bid))
}

func paceOf(n *node) control.Pace {
	switch n.terms.Pacing {
	case campaigns.PacingAhead:
		return control.Ahead
	case campaigns.PacingASAP:
		return control.ASAP
	}
	return control.Even
}

// binds says whether what lies below n could spend more than n has left. Where
// it cannot, a plan of n's own would only hold back a child whose flight is
// shorter than n's day.
func (n *node) binds(h horizon, day Day, now time.Time) bool {
	var sum money.Nanos
	for _, c := range n.below {
		sum = addClamped(sum, c.potential(h, day, now))
	}
	return sum > n.left(h, day, now)
}

// potential is what n and the nodes below it may still spend within a horizon.
func (n *node) potential(h horizon, day Day, now time.Time) money.Nanos {
	if _, end := flight(n); !n.terms.Active || !end.IsZero() && !now.Before(end) {
		return 0
	}
	own := min(n.left(lifetime, day, now), n.left(flighted, day, now))
	if h == daily {
		own = min(own, n.left(daily, day, now))
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
func (n *node) left(h horizon, day Day, now time.Time) money.Nanos {
	return max(0, n.limit(h, now)-n.posted(h, day, now))
}

func (n *node) posted(h horizon, day Day, now time.Time) money.Nanos {
	return n.balance(h, day, now).Posted
}

// balance is n's charge at a horizon.
func (n *node) balance(h horizon, day Day, now time.Time) balance {
	switch h {
	case daily:
		return *n.charge.on(day)
	case lifetime:
		return n.charge.Life
	}
	if f := n.flying(now); f != nil {
		if b := n.charge.flight(f.key()); b != nil {
			return b.balance
		}
	}
	return balance{}
}

// limit is what bounds it.
func (n *node) limit(h horizon, now time.Time) money.Nanos {
	switch h {
	case daily:
		return n.charge.Daily
	case lifetime:
		return n.charge.Lifetime
	}
	if f := n.flying(now); f != nil {
		return f.Budget
	}
	return noLimit
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// outstanding is how much of what n's line items hold is expected to be spent.
func (n *node) outstanding(day Day, now time.Time) (out [horizons]money.Nanos) {
	if n.line == nil {
		for _, c := range n.below {
			o := c.outstanding(day, now)
			for h := range out {
				out[h] = addClamped(out[h], o[h])
			}
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
	if out[flighted] = out[lifetime]; len(n.flights) > 0 {
		out[flighted] = share(win, n.held(flighted, day, now))
	}
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
	// Multiplier is what it bids of an impression's value.
	Multiplier money.PPM `json:"multiplier_ppm"`
	// Met counts the auctions that bidders say it could have bid in, Reserved is the
	// charge that they say it has reserved, since the pacer's process began.
	Met      int64       `json:"met,omitempty"`
	Reserved money.Nanos `json:"reserved_nanos,omitempty"`
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
	c := p.paces[keyOf(n)]
	if c != nil {
		v.Met, v.Reserved = c.met, c.reserved
	}
	if n.terms.Pacing == campaigns.PacingASAP {
		return v.asap(n, day, now)
	}
	v.Multiplier = p.multiplier(n)
	if c == nil {
		return v
	}
	for h := range horizons {
		g := c.plans[h].goal
		if g.To.IsZero() || h == daily && c.day != day {
			continue
		}
		x := v
		x.Planned, x.Spent, x.Limit = g.At(c.traffic.forecast, now), n.posted(h, day, now), g.Limit
		// The tightest horizon is the one that leaves least to plan.
		if v.Limit == 0 || x.Planned-x.Spent < v.Planned-v.Spent {
			v = x
		}
	}
	return v
}

// asap plans nothing: the limit that leaves least is all due.
func (v PlanView) asap(n *node, day Day, now time.Time) PlanView {
	v.Multiplier = fullValue
	for h := range horizons {
		limit, spent := n.limit(h, now), n.posted(h, day, now)
		if limit != noLimit && (v.Limit == 0 || limit-spent < v.Limit-v.Spent) {
			v.Planned, v.Spent, v.Limit = limit, spent, limit
		}
	}
	return v
}
