package pacing

import (
	"testing"
	"testing/synctest"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
	"bidhawk/pacing/control"
)

// planScene is a line item under a lifetime budget, and its planner.
type planScene struct {
	*scene
	p *planner
	n *node
}

func newPlanScene(t *testing.T, pacing campaigns.Pacing, start, end time.Time, budget money.Nanos) *planScene {
	s := newScene(t, Terms{}, Terms{}, Terms{Lifetime: budget, Start: start, End: end, Pacing: pacing})
	return &planScene{scene: s, p: newPlanner(10 * time.Second), n: s.l.lines[1]}
}

func (s *planScene) due(now time.Time) money.Nanos {
	return s.p.due(s.n, &moment{day: sceneDay, loc: time.UTC, now: now, ahead: 10 * time.Second, price: 1000, bid: 100})
}

// Spending what is due follows the forecast's curve to the limit, and never over
// it; AHEAD is ahead of it on the way.
func TestPlanFollowsTheForecast(t *testing.T) {
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC) // a Monday
	const budget = 1_000_000_000
	curve := control.Flat()
	for h := range 6 {
		curve[h] = 100_000 // a night
	}
	at := map[campaigns.Pacing]money.Nanos{}
	for _, pacing := range []campaigns.Pacing{campaigns.PacingEven, campaigns.PacingAhead} {
		s := newPlanScene(t, pacing, start, start.Add(24*time.Hour), budget)
		s.p.pace(s.n, time.UTC).traffic.forecast = newForecast(time.UTC, curve)
		for now := start; now.Before(start.Add(24 * time.Hour)); now = now.Add(10 * time.Second) {
			d := s.due(now)
			s.n.charge.Life.Posted += max(d, 0)
			if now.Equal(start.Add(6 * time.Hour)) {
				at[pacing] = s.n.charge.Life.Posted
			}
		}
		if got := s.n.charge.Life.Posted; got < budget*999/1000 || got > budget {
			t.Errorf("%s: spent %d of %d", pacing, got, int64(budget))
		}
	}
	// The night has 0.6 of the day's 18.6 mean hours.
	if want := money.Nanos(budget * 6 / 186); at[campaigns.PacingEven] < want*95/100 || at[campaigns.PacingEven] > want*105/100+budget/slackOf {
		t.Errorf("even: %d by six; want about %d", at[campaigns.PacingEven], want)
	}
	if a, e := at[campaigns.PacingAhead], at[campaigns.PacingEven]; a < e*115/100 || a > e*130/100 {
		t.Errorf("ahead: %d by six, even %d; want a quarter more, less and less", a, e)
	}
}

// A day of a changed clock has its own length: the plan reaches the limit at its
// end all the same.
func TestPlanOfADayOfAChangedClock(t *testing.T) {
	loc, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	f := func(day Day, hours int) {
		t.Helper()
		s := newScene(t, Terms{}, Terms{}, Terms{Daily: 1_000_000_000, Pacing: campaigns.PacingEven})
		p, n := newPlanner(10*time.Second), s.l.lines[1]
		begin, end := day.Start(loc), day.End(loc)
		if end.Sub(begin) != time.Duration(hours)*time.Hour {
			t.Fatalf("day %v lasts %v", day, end.Sub(begin))
		}
		for now := begin; now.Before(end); now = now.Add(10 * time.Second) {
			d := p.due(n, &moment{day: day, loc: loc, now: now, ahead: 10 * time.Second, price: 1000, bid: 100})
			n.charge.on(day).Posted += max(d, 0)
			if now.Equal(begin.Add(time.Duration(hours) * 30 * time.Minute)) {
				if got := n.charge.on(day).Posted; got < 490_000_000 || got > 510_000_000 {
					t.Errorf("day %v: half-way %d", day, got)
				}
			}
		}
		if got := n.charge.on(day).Posted; got < 999_000_000 || got > 1_000_000_000 {
			t.Errorf("day %v: spent %d", day, got)
		}
	}
	f(20260308, 23)
	f(20261101, 25)
	f(20261125, 24)
}

// What a flight has missed is not made up for in a burst at its end.
func TestNoBurstAtTheEnd(t *testing.T) {
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	const budget = 1_000_000_000
	s := newPlanScene(t, campaigns.PacingEven, start, start.Add(24*time.Hour), budget)
	even := money.Nanos(budget / (24 * 360)) // in ten seconds
	most := money.Nanos(0)
	for now := start; now.Before(start.Add(24 * time.Hour)); now = now.Add(10 * time.Second) {
		d := s.due(now)
		if now.Before(start.Add(22 * time.Hour)) { // no traffic
			continue
		}
		s.n.charge.Life.Posted += max(d, 0)
		most = max(most, d)
	}
	if most > even*burst*windowBurst+1000 { // what came short by chance is caught up with
		t.Errorf("up to %d in ten seconds; even is %d", most, even)
	}
	if got := s.n.charge.Life.Posted; got < even*720*2 || got > even*720*5 {
		t.Errorf("spent %d in the last two hours; even is %d", got, even*720)
	}
}

// A budget or an end edited mid-flight is planned for from then on: no burst, no
// gap, and the new limit at the new end.
func TestPlanOfEditedBudgetsAndDates(t *testing.T) {
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	const budget = 1_000_000_000
	f := func(name string, edit func(*node), end time.Duration, limit money.Nanos) {
		t.Helper()
		s := newPlanScene(t, campaigns.PacingEven, start, start.Add(24*time.Hour), budget)
		var most money.Nanos
		for now := start; now.Before(start.Add(end)); now = now.Add(10 * time.Second) {
			if now.Equal(start.Add(12 * time.Hour)) {
				edit(s.n)
				most = 0
			}
			d := s.due(now)
			s.n.charge.Life.Posted += max(d, 0)
			most = max(most, d)
		}
		even := (limit - budget/2) / money.Nanos((end-12*time.Hour)/(10*time.Second))
		if got := s.n.charge.Life.Posted; got < limit*999/1000 || got > limit {
			t.Errorf("%s: spent %d; want %d", name, got, limit)
		}
		if most > even*windowBurst*11/10 {
			t.Errorf("%s: up to %d in ten seconds; even is %d", name, most, even)
		}
	}
	f("twice the budget", func(n *node) { n.charge.Lifetime, n.terms.Lifetime = 2*budget, 2*budget }, 24*time.Hour, 2*budget)
	f("less", func(n *node) { n.charge.Lifetime, n.terms.Lifetime = budget*6/10, budget*6/10 }, 24*time.Hour, budget*6/10)
	f("longer", func(n *node) { n.terms.End = start.Add(48 * time.Hour) }, 48*time.Hour, budget)
	f("shorter", func(n *node) { n.terms.End = start.Add(15 * time.Hour) }, 15*time.Hour, budget)
}

// What was learned outlives the process: traffic, multiplier and goal.
func TestPacesOutliveTheProcess(t *testing.T) {
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	s := newPlanScene(t, campaigns.PacingEven, start, start.Add(24*time.Hour), 1_000_000_000)
	now := start
	for range 600 {
		now = now.Add(10 * time.Second)
		d := LeaseDemand{LineItem: 1, Met: 1000, Asks: 1000, Bids: 100, Reserved: 100_000, Over: 10 * time.Second}
		s.n.line.Yield.add(50_000, 100_000)
		s.p.hear(s.n, &d, true, time.UTC, now)
		s.n.charge.Life.Posted += max(s.due(now), 0)
	}
	store := &memStore{}
	if err := store.commit(func(w snapWriter) error { return s.p.keep(w, 3, now) }); err != nil {
		t.Fatal(err)
	}
	again := newPlanner(10 * time.Second)
	if err := again.load(store, 3); err != nil {
		t.Fatal(err)
	}
	if m := again.multiplier(s.n); m != fullValue {
		t.Errorf("before it is asked for: multiplier %d", m)
	}
	was, is := s.p.pace(s.n, time.UTC), again.pace(s.n, time.UTC)
	until := start.Add(24 * time.Hour)
	if a, b := was.traffic.forecast.Auctions(now, until), is.traffic.forecast.Auctions(now, until); a == 0 || b < a*999/1000 || b > a*1001/1000 {
		t.Errorf("forecast of %d auctions; was %d", b, a)
	}
	if a, b := s.p.multiplier(s.n), again.multiplier(s.n); a != b || a == fullValue {
		t.Errorf("multiplier %d; was %d", b, a)
	}
	if a, b := was.plans[lifetime].goal, is.plans[lifetime].goal; !a.From.Equal(b.From) || a.Limit != b.Limit || b.Limit == 0 {
		t.Errorf("goal %+v; was %+v", b, a)
	}
	now = now.Add(10 * time.Second)
	before := s.due(now)
	m := moment{day: sceneDay, loc: time.UTC, now: now, ahead: 10 * time.Second, price: 1000, bid: 100}
	if after := again.due(s.n, &m); before <= 0 || after < before/3 || after > before*3 {
		t.Errorf("due %d; was %d", after, before)
	}
	other := newPlanner(time.Second)
	if err := store.commit(func(w snapWriter) error {
		return w.Set(paceSnapKey(3, keyOf(s.n)), []byte(`{"forecast":{"slots":[{}]}}`))
	}); err != nil {
		t.Fatal(err)
	}
	if err := other.load(store, 3); err != nil {
		t.Fatal(err)
	}
	if got := other.pace(s.n, time.UTC); got.traffic.forecast.Auctions(now, until) != 0 || got.steer.ctl != nil {
		t.Error("what cannot be read is learned anew")
	}
}

// $1 a day against a $5 CPM bid on three nodes: what is too little for all goes
// round, and is delivered.
func TestTinyBudgetGoesRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bids = 60
		w := newWorld(t, flightOf(time.Now(), 10*time.Minute, bids*sceneNeed, campaigns.PacingEven), 1, 200*time.Millisecond)
		defer func() { w.stop() }()
		nodes := []*Wallet{w.wallet, w.another(78), w.another(79)}
		got := map[*Wallet]int{}
		begin := time.Now()
		for time.Since(begin) < 10*time.Minute {
			for _, n := range nodes {
				w.wallet = n
				before := w.bids
				w.bid(1)
				got[n] += w.bids - before
			}
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(3 * time.Second)
		w.wallet = nodes[0]
		if got := w.spent(1) / sceneNeed; got < bids-2 {
			t.Errorf("delivered %d of %d impressions", got, bids)
		}
		for i, n := range nodes {
			if got[n] < bids/6 {
				t.Errorf("node %d made %d of %d bids", i, got[n], w.bids)
			}
		}
		w.audit()
	})
}

// Each flight is spent on its own plan, evenly and whole, and nothing between them.
func TestFlightsAreDeliveredEach(t *testing.T) {
	if raceEnabled {
		t.Skip("many bids: without -race")
	}
	synctest.Test(t, func(t *testing.T) {
		const first, second = 1000, 500
		c := flightOf(time.Now(), time.Hour, 0, campaigns.PacingEven)
		begin := time.Now()
		at := func(m int) time.Time { return begin.Add(time.Duration(m) * time.Minute) }
		c.LineItems[1].Flights = []campaigns.Flight{{Start: at(5), End: at(25), Budget: first * sceneNeed}, {Start: at(30), End: at(50), Budget: second * sceneNeed}}
		w := newWorld(t, c, 0.5, time.Second)
		defer w.stop()
		posted := map[int]int64{}
		for m := 0; m < 60; m++ {
			for time.Now().Before(at(m)) {
				w.bid(1)
				time.Sleep(200 * time.Millisecond)
			}
			posted[m] = int64(w.spent(1) / sceneNeed)
		}
		w.audit()
		f := func(minute int, want, off int64) {
			t.Helper()
			if got := posted[minute]; got < want-off || got > want+off {
				t.Errorf("after %d minutes %d impressions; want %d", minute, got, want)
			}
		}
		f(5, 0, 0)
		f(10, first/4, 40)
		f(15, first/2, 40)
		f(29, first-10, 10)
		f(30, posted[29], 0)
		f(40, posted[29]+second/2, 30)
		f(55, posted[29]+second-8, 8)
	})
}
