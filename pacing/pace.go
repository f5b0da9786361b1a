package pacing

import (
	"time"

	"bidhawk/internal/money"
	"bidhawk/pacing/control"
)

// pace is what the planner knows of one account.
type pace struct {
	plans   [horizons]schedule
	day     Day // of the daily plan
	traffic traffic
	// What bidders have told of a line item, of all time that this process has:
	// auctions met, and charge reserved.
	met      int64
	reserved money.Nanos
	steer    steering
	turns    turns
	saved    time.Time // when keep last wrote it
}

// paceKey names an account, whatever became of the ledger that held it.
type paceKey struct {
	level Level
	id    int64
}

func keyOf(n *node) paceKey { return paceKey{n.level, n.id} }

// pace finds or makes n's. A line item that begins expects the traffic of its
// campaign, and that the advertiser's.
func (p *planner) pace(n *node, loc *time.Location) *pace {
	key := keyOf(n)
	c := p.paces[key]
	if c == nil {
		c = &pace{}
		var prior *control.Curve
		if n.parent != nil {
			prior = p.pace(n.parent, loc).traffic.forecast.Curve()
		}
		c.traffic.forecast = newForecast(loc, prior)
		p.paces[key] = c
		p.restore(key, c)
	}
	return c
}

func newForecast(loc *time.Location, prior *control.Curve) *control.Forecast {
	f, err := control.NewForecast(control.DefaultForecastConfig(), loc, prior, 0)
	if err != nil { // a prior of nothing but zeros
		f, _ = control.NewForecast(control.DefaultForecastConfig(), loc, nil, 0)
	}
	return f
}

// traffic is what an account's line items have met.
type traffic struct {
	forecast *control.Forecast
	since    time.Time // this process has told it
	until    time.Time // up to here
	met      int64     // since then
}

// observeEvery bounds how often a forecast is told.
const observeEvery = 10 * time.Second

// meet adds what a bidder met within over. Nothing met is traffic, too: where
// nobody asks for hours, the next that does tells of them.
func (t *traffic) meet(now time.Time, met int64, over time.Duration) {
	if t.until.IsZero() {
		t.until = now.Add(-min(max(over, 0), time.Hour))
		t.since = t.until
	}
	t.met += met
	span := now.Sub(t.until)
	if span < observeEvery {
		return
	}
	for t.until.Before(now) {
		to := t.until.Add(min(time.Hour, now.Sub(t.until)))
		part, err := money.MulDiv(t.met, int64(to.Sub(t.until)), int64(span))
		if err == nil {
			err = t.forecast.Observe(t.until, to, part)
		}
		if err != nil { // more than anyone can meet: no money depends on it
			break
		}
		t.until = to
	}
	t.until, t.met = now, 0
}

// hear takes what a bidder says of n's traffic and bids since it last asked. told
// says whether exchanges tell of losses.
func (p *planner) hear(n *node, d *LeaseDemand, told bool, loc *time.Location, now time.Time) {
	c := p.pace(n, loc)
	c.met = int64(addClamped(money.Nanos(c.met), money.Nanos(max(d.Met, 0))))
	c.reserved = addClamped(c.reserved, max(d.Reserved, 0))
	h := c.steer.told.hear(n, d, told)
	for q := n; q != nil; q = q.parent {
		c := p.pace(q, loc)
		c.traffic.meet(now, max(d.Met, 0), d.Over)
		c.steer.observe(h, q.charge.Life.Held)
	}
}

// turns is who holds, and who has waited for, what is too little for all bidders
// at once.
type turns struct {
	holder  uint64
	waiting map[uint64]time.Time
}

// patience is how long a bidder that was refused is waited for: it asks again
// before that, if its line item still meets traffic.
const patience = 2 * time.Second

// take says whether it is bidder's turn: not where it had the last one and
// another has asked in vain since.
func (t *turns) take(bidder uint64, now time.Time) bool {
	for other, at := range t.waiting {
		if now.Sub(at) > patience {
			delete(t.waiting, other)
		} else if other != bidder && t.holder == bidder {
			return false
		}
	}
	delete(t.waiting, bidder)
	t.holder = bidder
	return true
}

func (t *turns) wait(bidder uint64, now time.Time) {
	if t.waiting == nil {
		t.waiting = map[uint64]time.Time{}
	}
	t.waiting[bidder] = now
}
