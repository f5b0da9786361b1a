package breaker

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

var start = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)

func TestDefaultsKeepTheRules(t *testing.T) {
	c := DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	f := func(field string, change func(*Config)) {
		t.Helper()
		c := DefaultConfig()
		change(&c)
		var rule *RuleError
		if err := c.Validate(); !errors.As(err, &rule) || rule.Field != field {
			t.Errorf("got %v; want an error of %s", err, field)
		}
	}
	f("window", func(c *Config) { c.Window = time.Hour })
	f("window", func(c *Config) { c.Window += time.Millisecond })
	f("spend_percent", func(c *Config) { c.SpendPercent = 100 })
	f("spend_events", func(c *Config) { c.SpendEvents = 1 })
	f("win_rate_percent", func(c *Config) { c.WinRatePercent = -1 })
	f("norm_wins", func(c *Config) { c.NormWins = 0 })
	f("rendered_percent", func(c *Config) { c.RenderedPercent = 51 })
	f("cool_down", func(c *Config) { c.CoolDown = -1 })
}

// A trip is a kill switch with its figures and its release, and comes back from
// its record.
func TestTripsAreKillSwitches(t *testing.T) {
	trip := MaxBid(12, "demo", 2_500_000, 2_000_000, money.USD, start)
	k, err := trip.KillSwitch()
	if err != nil || k.Name() != "line_item/12" || !k.On || k.By != "breaker/max_bid" || k.Validate(true) != nil {
		t.Errorf("got %+v, %v", k, err)
	}
	for _, want := range []string{"2.5 USD", "maximum of 2", "demo", "bidhawk release line_item 12 --reason R"} {
		if !strings.Contains(k.Reason, want) {
			t.Errorf("the reason lacks %q: %s", want, k.Reason)
		}
	}
	for _, bad := range []Trip{{}, {V: 2, Type: "trip", Switch: "all"}, {V: 1, Type: "x", Switch: "all"}, {V: 1, Type: "trip", Switch: "moon"}} {
		if _, err := bad.KillSwitch(); !errors.Is(err, ErrTrip) {
			t.Errorf("%+v: got %v", bad, err)
		}
	}
}

// A breaker does not fight the operator: what was released stays released for
// the cool-down, and a repeat of an old trip changes nothing.
func TestCoolDown(t *testing.T) {
	c := DefaultConfig()
	f := func(held *campaigns.KillSwitch, tripped time.Duration, want string) {
		t.Helper()
		trip := Trip{At: start.Add(tripped)}
		k := campaigns.KillSwitch{}
		if held != nil {
			k = *held
		}
		if got := c.Holds(&trip, k, held != nil); got != want {
			t.Errorf("%+v, tripped after %v: got %q; want %q", held, tripped, got, want)
		}
	}
	released := &campaigns.KillSwitch{At: start}
	f(nil, 0, "")
	f(&campaigns.KillSwitch{On: true, At: start}, time.Hour, "on already")
	f(released, -time.Minute, "released since")
	f(released, 0, "released since")
	f(released, time.Minute, "released lately")
	f(released, 30*time.Minute-1, "released lately")
	f(released, 30*time.Minute, "")
}

// spender drives a Spend with one line item of a day's budget, planned evenly.
type spender struct {
	s    *Spend
	now  time.Time
	line Line
}

func newSpender(limit, unit money.Nanos) *spender {
	return &spender{s: NewSpend(DefaultConfig()), now: start, line: Line{LineItem: 7, Currency: money.USD, Limit: limit, Unit: unit, USD: money.One}}
}

const step = 30 * time.Second

// run spends posted and held in each step for a time, and returns what trips first.
func (p *spender) run(length time.Duration, posted, held money.Nanos) []Trip {
	for range int(length / step) {
		p.now = p.now.Add(step)
		p.line.Posted += posted
		p.line.Spent += posted
		p.line.Held += held
		p.line.Planned = money.Nanos(int64(p.line.Limit) / int64(24*time.Hour/step) * int64(p.now.Sub(start)/step))
		if trips := p.s.Observe(p.now, []Line{p.line}); len(trips) > 0 {
			return trips
		}
	}
	return nil
}

func TestSpend(t *testing.T) {
	const budget, unit = 2880 * money.Unit, money.Unit / 100 // a unit of money each step: 100 charges
	const plan = money.Unit
	p := newSpender(budget, unit)
	if trips := p.run(time.Hour, plan, 0); trips != nil {
		t.Fatalf("on plan: %+v", trips)
	}
	if trips := p.run(time.Hour, 29*plan/10, 0); trips != nil {
		t.Errorf("at 2.9 times the plan: %+v", trips)
	}
	p = newSpender(budget, unit)
	p.run(time.Hour, plan, 0)
	began := p.now
	trips := p.run(time.Hour, 10*plan, 0)
	if len(trips) != 1 || trips[0].Switch != "line_item/7" || trips[0].Breaker != NameSpend || p.now.Sub(began) > 2*time.Minute {
		t.Fatalf("at 10 times the plan: %+v after %v", trips, p.now.Sub(began))
	}
	if !strings.Contains(trips[0].Reason, "37 USD in 5m0s, 3.7 times the 10 of its plan (limit: 300%)") {
		t.Errorf("the reason is %q", trips[0].Reason)
	}
	// A heap of late bills: held before, posted at once.
	p = newSpender(budget, unit)
	p.run(time.Hour, 0, plan)
	if trips := p.run(step, 120*plan, -120*plan); trips != nil {
		t.Errorf("late bills: %+v", trips)
	}
	// A lease for later: held, and nothing posted.
	p = newSpender(budget, unit)
	p.run(time.Hour, plan, 0)
	if trips := p.run(step, plan, 500*plan); trips != nil {
		t.Errorf("a lease: %+v", trips)
	}
	// Behind its plan by half a day, it may catch up at what is left.
	p = newSpender(budget, unit)
	p.run(20*time.Hour, plan/10, 0)
	left := (budget - p.line.Spent) / money.Nanos(4*time.Hour/step)
	if trips := p.run(3*time.Hour, left, 0); trips != nil {
		t.Errorf("catching up at %v each step: %+v", left, trips)
	}
	// Few charges are noise whatever their ratio is.
	p = newSpender(money.Unit, 5*money.Unit/1000)
	for range 20 {
		if trips := p.run(time.Minute, 5*money.Unit/1000, 0); trips != nil {
			t.Errorf("a dollar a day: %+v", trips)
		}
	}
	off := DefaultConfig()
	off.SpendPercent = 0
	p = newSpender(budget, unit)
	p.s = NewSpend(off)
	if trips := p.run(time.Hour, 100*plan, 0); trips != nil {
		t.Errorf("switched off: %+v", trips)
	}
}

// All line items together: many small ones, none with enough charges of its own.
func TestSpendOfAllTogether(t *testing.T) {
	run := func(factor money.Nanos, stopped bool) (trips []Trip) {
		s := NewSpend(DefaultConfig())
		lines := make([]Line, 100)
		for now := start; now.Before(start.Add(10 * time.Minute)); now = now.Add(step) {
			for i := range lines {
				l := &lines[i]
				*l = Line{LineItem: campaigns.ID(i + 1), Currency: money.USD, Limit: 2880 * money.Unit, Unit: money.Unit, USD: money.One, Stopped: stopped,
					Posted: l.Posted + factor*money.Unit/1, Planned: l.Planned + money.Unit, Spent: l.Spent + factor*money.Unit}
			}
			if trips = s.Observe(now, lines); len(trips) > 0 {
				return trips
			}
		}
		return nil
	}
	if trips := run(2, false); trips != nil {
		t.Errorf("at twice the plan: %+v", trips)
	}
	if trips := run(4, false); len(trips) != 1 || trips[0].Switch != "all" || !strings.Contains(trips[0].Reason, "4.0 times") {
		t.Errorf("at 4 times the plan, 40 charges each: got %+v; want all to be stopped", trips)
	}
	if trips := run(4, true); trips != nil {
		t.Errorf("what is stopped is counted: %+v", trips)
	}
}

// feed tells a Flow the same counts each minute, of bids of that minute, and
// returns what trips first.
func feed(f *Flow, now *time.Time, n int, c Count) []Trip {
	for range n {
		*now = now.Add(time.Minute)
		c.Quarter = now.Unix() / 900
		f.Add(*now, []Count{c})
		if trips := f.Trips(*now); len(trips) > 0 {
			return trips
		}
	}
	return nil
}

func TestWinRate(t *testing.T) {
	norm := Count{LineItem: 7, Exchange: "demo", Bids: 1000, Wins: 100}
	at := func(wins int64) Count { c := norm; c.Wins = wins; return c }
	learned := func(minutes int) (*Flow, *time.Time) {
		f, now := NewFlow(DefaultConfig()), start
		if trips := feed(f, &now, minutes, norm); trips != nil {
			t.Fatalf("at its norm: %+v", trips)
		}
		return f, &now
	}
	f, now := learned(6 * 60)
	if trips := feed(f, now, 60, at(280)); trips != nil {
		t.Errorf("at 2.8 times its norm: %+v", trips)
	}
	f, now = learned(6 * 60)
	began := *now
	trips := feed(f, now, 60, at(500))
	if len(trips) != 1 || trips[0].Switch != "line_item/7" || trips[0].Breaker != NameWinRate || now.Sub(began) > 5*time.Minute ||
		!strings.Contains(trips[0].Reason, "a norm of 10.0% (limit: 300% of the norm)") {
		t.Errorf("at 5 times its norm: %+v after %v", trips, now.Sub(began))
	}
	if trips := feed(f, now, 5, norm); trips != nil {
		t.Errorf("tripped twice for one quarter of an hour: %+v", trips)
	}
	// Bids stop and wins of earlier bids still come, and in a heap.
	f, now = learned(6 * 60)
	feed(f, now, 14, at(0))
	late := Count{LineItem: 7, Exchange: "demo", Quarter: now.Unix() / 900, Wins: 1400}
	*now = now.Add(40 * time.Minute)
	f.Add(*now, []Count{late})
	if trips := f.Trips(*now); trips != nil {
		t.Errorf("late wins: %+v", trips)
	}
	// So late that their quarter of an hour has gone: they are nobody's, not the next one's.
	for _, ago := range []int64{quarters - 2, quarters - 1, quarters, quarters + 1} {
		f, now = learned(6 * 60)
		feed(f, now, 15, Count{LineItem: 7, Exchange: "demo"})
		f.Add(*now, []Count{{LineItem: 7, Exchange: "demo", Quarter: now.Unix()/900 - ago, Wins: 150}})
		if trips := feed(f, now, 60, Count{LineItem: 7, Exchange: "demo"}); trips != nil {
			t.Errorf("wins %d quarters late: %+v", ago, trips)
		}
	}
	// No norm yet.
	f, now = learned(60)
	if trips := feed(f, now, 30, at(900)); trips != nil {
		t.Errorf("without a norm: %+v", trips)
	}
	// Wins that were told before their bids are forgotten; the norm stays.
	f, now = learned(6 * 60)
	*now = now.Add(time.Minute)
	f.Add(*now, []Count{{LineItem: 7, Exchange: "demo", Quarter: now.Unix() / 900, Wins: 50_000}})
	f.Forget(*now)
	if trips := feed(f, now, 30, norm); trips != nil {
		t.Errorf("a heap that was forgotten: %+v", trips)
	}
	if trips := feed(f, now, 30, at(500)); len(trips) != 1 {
		t.Errorf("after it: %+v", trips)
	}
}

func TestBillingWithoutImpressions(t *testing.T) {
	f, now := NewFlow(DefaultConfig()), start
	good := Count{LineItem: 7, Exchange: "demo", Bids: 1000, Wins: 100, Trackable: 100, Shown: 80}
	if trips := feed(f, &now, 120, good); trips != nil {
		t.Fatalf("80%% rendered: %+v", trips)
	}
	// It stops, and nothing is left of its youngest bills.
	if trips := feed(f, &now, 10, Count{LineItem: 7, Exchange: "demo"}); trips != nil {
		t.Errorf("at its stop: %+v", trips)
	}
	bad := good
	bad.Shown = 0
	began := now
	trips := feed(f, &now, 30, bad)
	if len(trips) != 1 || trips[0].Switch != "line_item/7" || trips[0].Breaker != NameBilling || !strings.Contains(trips[0].Reason, "of which") {
		t.Fatalf("none rendered: %+v", trips)
	}
	if now.Sub(began) > 12*time.Minute {
		t.Errorf("found after %v", now.Sub(began))
	}
	// A slow pair is found by the count, however long that takes.
	f, now = NewFlow(DefaultConfig()), start
	if trips := feed(f, &now, 400, Count{LineItem: 7, Exchange: "demo", Bids: 10, Trackable: 1}); len(trips) != 1 {
		t.Errorf("a bill a minute, none rendered: %+v", trips)
	}
	// Where the bill is the impression there is nothing to compare.
	f, now = NewFlow(DefaultConfig()), start
	if trips := feed(f, &now, 60, Count{LineItem: 7, Exchange: "demo", Bids: 1000}); trips != nil {
		t.Errorf("no bill whose impression is told apart: %+v", trips)
	}
	// A burst of bills, and its impressions a minute later.
	f, now = NewFlow(DefaultConfig()), start
	feed(f, &now, 1, Count{LineItem: 7, Exchange: "demo", Bids: 9000, Trackable: 5000})
	if trips := feed(f, &now, 1, Count{LineItem: 7, Exchange: "demo", Shown: 4500}); trips != nil {
		t.Errorf("impressions a minute late: %+v", trips)
	}
	if trips := feed(f, &now, 20, Count{LineItem: 7, Exchange: "demo"}); trips != nil {
		t.Errorf("after a burst: %+v", trips)
	}
}

func TestFlowIsBounded(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxKeys = 1000
	f := NewFlow(cfg)
	for i := range 2000 {
		f.Add(start, []Count{{LineItem: campaigns.ID(i), Exchange: fmt.Sprint(i), Bids: 1}})
	}
	if f.Len() != 1000 || f.Passed() != 1000 {
		t.Errorf("watches %d and passed over %d; want 1000 each", f.Len(), f.Passed())
	}
	f.Trips(start.Add(8 * 24 * time.Hour))
	if f.Len() != 0 {
		t.Errorf("watches %d that have been idle for a week", f.Len())
	}
}

// What has no plan is held against the traffic it met, each auction at its dearest.
func TestSpendAgainstTraffic(t *testing.T) {
	const unit = money.Unit / 1000
	var now time.Time
	var l Line
	var s *Spend
	begin := func() {
		s, now, l = NewSpend(DefaultConfig()), start, Line{LineItem: 7, Currency: money.USD, Unit: unit, Open: true}
	}
	run := func(length time.Duration, met int64, posted, held money.Nanos) []Trip {
		for range int(length / step) {
			now = now.Add(step)
			l.Planned += money.Nanos(met) * unit
			l.Posted, l.Held = l.Posted+posted, l.Held+held
			if trips := s.Observe(now, []Line{l}); len(trips) > 0 {
				return trips
			}
		}
		return nil
	}
	begin()
	if trips := run(time.Hour, 100, 100*unit, 0); trips != nil {
		t.Errorf("every auction is won at the dearest: %+v", trips)
	}
	if trips := run(time.Hour, 5000, 5000*unit, 0); trips != nil {
		t.Errorf("fifty times the traffic: %+v", trips)
	}
	if trips := run(20*time.Minute, 0, 0, 0); trips != nil {
		t.Errorf("no traffic: %+v", trips)
	}
	if trips := run(10*time.Minute, 0, 5000*unit, 0); trips != nil {
		t.Errorf("bills after the traffic has gone: %+v", trips)
	}
	begin()
	run(time.Hour, 100, 50*unit, 0)
	began := now
	trips := run(time.Hour, 100, 1000*unit, 0)
	if len(trips) != 1 || trips[0].Switch != "line_item/7" || now.Sub(began) > 3*time.Minute {
		t.Fatalf("ten times what traffic could cost: %+v after %v", trips, now.Sub(began))
	}
	if !strings.Contains(trips[0].Reason, "spent on media 3.35 USD in 5m0s, 3.3 times the 1 that its traffic could cost (limit: 300%)") {
		t.Errorf("the reason is %q", trips[0].Reason)
	}
	begin()
	l.Stopped = true
	if trips := run(time.Hour, 1, 1000*unit, 0); trips != nil {
		t.Errorf("stopped already: %+v", trips)
	}
}

// A flat day's media cost against its price: it trips, and again when as much more
// was spent, and not for what was spent before a new day.
func TestSpendAgainstADaysPrice(t *testing.T) {
	s, now := NewSpend(DefaultConfig()), start
	l := Line{LineItem: 7, Currency: money.USD, Unit: money.Unit / 1000, Open: true, Fee: 2 * money.Unit}
	f := func(today money.Nanos, want string) {
		t.Helper()
		now = now.Add(step)
		l.Planned += 1_000_000 * l.Unit // traffic explains it all
		l.Posted += max(today-l.Today, 0)
		l.Today = today
		trips := s.Observe(now, []Line{l})
		if want == "" && trips == nil {
			return
		}
		if len(trips) != 1 || want == "" || trips[0].Switch != "line_item/7" || !strings.Contains(trips[0].Reason, want) {
			t.Errorf("%v spent: got %+v; want %q", today, trips, want)
		}
	}
	f(2*money.Unit, "")
	f(6*money.Unit, "")
	f(6*money.Unit+1, "media cost 6.000000001 USD today, 3.0 times the day's price of 2 (limit: 300%)")
	f(7*money.Unit, "")
	f(12*money.Unit+2, "media cost 12.000000002 USD today")
	f(0, "") // the next day
	f(5*money.Unit, "")
	f(7*money.Unit, "media cost 7 USD today")
	l.Stopped = true
	f(100*money.Unit, "")
}
