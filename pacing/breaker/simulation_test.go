package breaker

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// simulated says how many line items live a day: 500, or BIDHAWK_TEST_BREAKERS.
func simulated(t *testing.T) int {
	text := os.Getenv("BIDHAWK_TEST_BREAKERS")
	if text == "" {
		return 500
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("BIDHAWK_TEST_BREAKERS %q: want a number of line items", text)
	}
	return n
}

// shopper is a normal line item: an even plan over a day, traffic that comes and
// goes, bills that are late, impressions that are not all seen.
type shopper struct {
	rng      *rand.Rand
	line     Line
	charge   money.Nanos // of one event
	capacity float64     // events a step at the day's mean
	phase    float64     // of the day's curve
	spread   float64     // of each step's traffic, lognormal
	winRate  float64
	shownOf  float64
	holdFor  float64 // steps that a bill is late, mean; exponential
	base     money.Nanos
	from     int
	// Events by the step in which their bill comes, and by the quarter of their bid.
	pending  [128][8]int64
	outage   int // no traffic until this step
	silent   int // no bills until this step: they come in a heap
	bidsHeld float64
}

const stepsOfDay = int(24 * time.Hour / step)

func newShopper(seed uint64, id campaigns.ID) *shopper {
	r := rand.New(rand.NewPCG(seed, uint64(id)))
	unit := math.Exp(math.Log(0.0005) + r.Float64()*math.Log(40)) // 0.5 to 20 a mille
	if r.IntN(4) == 0 {
		unit = 0.1 + 2*r.Float64() // a click
	}
	budget := math.Exp(r.Float64() * math.Log(20_000)) // 1 to 20,000 a day
	s := &shopper{
		rng: r, charge: money.Nanos(unit * 1e9), phase: r.Float64(), spread: 0.2 + 0.8*r.Float64(),
		winRate: 0.03 + 0.45*r.Float64(), shownOf: 0.3 + 0.69*r.Float64(), holdFor: 1 + 20*r.Float64(),
	}
	s.line = Line{LineItem: id, Currency: money.USD, Limit: money.Nanos(budget * 1e9), Unit: s.charge, USD: money.One}
	needed := budget / unit / float64(stepsOfDay)
	s.capacity = needed * (0.5 + 5*r.Float64()) // some cannot spend it, some easily
	s.line.Open = r.IntN(4) == 0                // as fast as its traffic lets it: it wins each auction at its dearest
	return s
}

// step lives one step: it bids as its plan and traffic allow, and bills come.
func (s *shopper) step(day, n int) []Count {
	r := s.rng
	switch {
	case r.IntN(stepsOfDay) == 0: // about once a day an exchange is away
		s.outage = n + 20 + r.IntN(200)
	case r.IntN(stepsOfDay) == 0 && n > s.silent+len(s.pending): // or its bills are; one is over before the next
		s.silent = n + 5 + r.IntN(60)
	}
	tide := 1 + 0.7*math.Sin(2*math.Pi*(float64(n)/float64(stepsOfDay)+s.phase))
	traffic := s.capacity * tide * math.Exp(s.spread*r.NormFloat64()-s.spread*s.spread/2)
	if n < s.outage {
		traffic = 0
	}
	plan := func(at int) money.Nanos { // made anew from base where the spend has strayed
		return s.base + money.Nanos(float64(s.line.Limit-s.base)*float64(at-s.from)/float64(stepsOfDay-s.from))
	}
	committed := s.line.Posted + s.line.Held
	if off := plan(n) - committed; off > max(plan(n+1)-plan(n), 3*s.charge) || off < -max(plan(n+1)-plan(n), 3*s.charge) {
		s.base, s.from = committed, n
	}
	want := float64(plan(n+1)-committed) / float64(s.charge)
	if s.line.Open {
		want = traffic
	}
	events := min(poisson(r, max(0, min(traffic, want))), int64(max(s.line.Limit-committed, 0)/s.charge))
	s.line.Held += money.Nanos(events) * s.charge
	if s.line.Open {
		s.line.Planned += money.Nanos(events) * s.charge
	}
	// Half a day's drift of the win rate, as competition comes and goes.
	rate := s.winRate * (1 + 0.4*math.Sin(2*math.Pi*float64(n)/float64(stepsOfDay)))
	s.bidsHeld += float64(events) / rate
	bids := int64(s.bidsHeld)
	s.bidsHeld -= float64(bids)
	q := n / stepsOfQuarter
	for left := events; left > 0; {
		some := min(left, 1+events/16)
		late := min(int(s.holdFor*r.ExpFloat64()), len(s.pending)-1)
		s.pending[(n+late)%len(s.pending)][q%8] += some
		left -= some
	}
	c := Count{LineItem: s.line.LineItem, Exchange: "demo", Quarter: start.Unix()/900 + int64((day*stepsOfDay+n)/stepsOfQuarter), Bids: bids}
	out := []Count{c}
	arrived := &s.pending[n%len(s.pending)]
	if n < s.silent { // later, all at once
		to := &s.pending[s.silent%len(s.pending)]
		for k := range arrived {
			to[k], arrived[k] = to[k]+arrived[k], 0
		}
		return out
	}
	for back := range 8 {
		k := ((q-back)%8 + 8) % 8
		if bills := arrived[k]; bills > 0 {
			posted := money.Nanos(bills) * s.charge
			s.line.Posted += posted
			s.line.Spent += posted
			s.line.Held -= posted
			out = append(out, Count{LineItem: c.LineItem, Exchange: c.Exchange, Quarter: c.Quarter - int64(back), Wins: bills, Trackable: bills, Shown: binomial(r, bills, s.shownOf)})
		}
		arrived[k] = 0
	}
	if s.line.Open {
		return out
	}
	s.line.Planned = money.Nanos(float64(s.line.Limit) * float64(n+1) / float64(stepsOfDay))
	return out
}

const stepsOfQuarter = int(15 * time.Minute / step)

func poisson(r *rand.Rand, mean float64) int64 {
	if mean > 30 {
		return int64(max(0, math.Round(mean+math.Sqrt(mean)*r.NormFloat64())))
	}
	n, p := int64(0), r.Float64()
	for limit := math.Exp(-mean); p > limit; n++ {
		p *= r.Float64()
	}
	return n
}

func binomial(r *rand.Rand, n int64, p float64) int64 {
	if n > 50 {
		v := float64(n)*p + math.Sqrt(float64(n)*p*(1-p))*r.NormFloat64()
		return min(max(int64(math.Round(v)), 0), n)
	}
	k := int64(0)
	for range n {
		if r.Float64() < p {
			k++
		}
	}
	return k
}

// TestNormalLineItemsDoNotTrip: a day of normal line items, small and large, with
// outages of traffic and of bills. None may trip; nor may all of them together.
func TestNormalLineItemsDoNotTrip(t *testing.T) {
	n := simulated(t)
	spend, flow := NewSpend(DefaultConfig()), NewFlow(DefaultConfig())
	shoppers := make([]*shopper, n)
	for i := range shoppers {
		shoppers[i] = newShopper(1, campaigns.ID(i+1))
	}
	lines, counts := make([]Line, n), make([]Count, 0, 2*n)
	var charged, limits float64
	var bills int64
	trips := 0
	tell := func(list []Trip) {
		for i := range list {
			if trips++; trips <= 10 {
				t.Errorf("%s of %s at %s: %s", list[i].Breaker, list[i].Switch, list[i].At.Format(time.TimeOnly), list[i].Reason)
			}
		}
	}
	// The norms are a day old, and the plan begins at midnight.
	for day := range 2 {
		for s := range stepsOfDay {
			now := start.Add(time.Duration(day*stepsOfDay+s+1) * step)
			counts = counts[:0]
			for i, x := range shoppers {
				counts = append(counts, x.step(day, s)...)
				lines[i] = x.line
			}
			for i := range counts {
				bills += counts[i].Trackable
			}
			flow.Add(now, counts)
			tell(spend.Observe(now, lines))
			if s%2 == 1 {
				tell(flow.Trips(now))
			}
		}
		for _, x := range shoppers {
			charged += float64(x.line.Spent)
			limits += float64(x.line.Limit)
			x.line.Spent, x.line.Planned, x.line.Posted, x.line.Held = 0, 0, 0, 0
			x.base, x.from, x.outage, x.silent, x.pending = 0, 0, 0, 0, [128][8]int64{}
		}
	}
	t.Logf("%d line items, 2 days, %d bills, %.1f%% of the budgets charged: %d trips", n, bills, 100*charged/limits, trips)
	if bills == 0 || charged < 0.5*limits {
		t.Error("the simulated line items hardly spend: nothing was tested")
	}
}

// TestFaultsTrip: of the same line items, those with enough of a sample trip once
// they go wrong, in a time that is told.
func TestFaultsTrip(t *testing.T) {
	spend, flow := NewSpend(DefaultConfig()), NewFlow(DefaultConfig())
	const n = 100
	from := stepsOfDay / 2
	found := map[Name]map[string]time.Duration{NameSpend: {}, NameWinRate: {}, NameBilling: {}}
	shoppers := make([]*shopper, n)
	for i := range shoppers {
		s := newShopper(2, campaigns.ID(i+1))
		s.charge, s.line.Unit, s.line.Limit, s.capacity = money.Unit/1000, money.Unit/1000, 1000*money.Unit, 1000
		s.line.Open = false            // TestSpendAgainstTraffic is of these
		s.winRate = 0.05 + s.winRate/4 // three times it is below 1
		shoppers[i] = s
	}
	fault := []Name{NameSpend, NameWinRate, NameBilling}
	for s := range from + 60 {
		now := start.Add(time.Duration(s+1) * step)
		for i, x := range shoppers {
			list := x.step(0, s)
			if s >= from {
				switch fault[i%3] {
				case NameSpend: // ten times the plan
					runaway := 9 * x.line.Limit / money.Nanos(stepsOfDay)
					x.line.Posted += runaway
					x.line.Spent += runaway
				case NameWinRate: // wins on bids that never were
					list[0].Wins += list[0].Bids * 8 / 10
				case NameBilling:
					for k := range list {
						list[k].Shown = 0
					}
				}
			}
			flow.Add(now, list)
			x.line.Planned = min(x.line.Planned, x.line.Limit)
		}
		lines := make([]Line, n)
		for i, x := range shoppers {
			lines[i] = x.line
			lines[i].Stopped = len(found[NameSpend]) > 0 && found[NameSpend]["line_item/"+strconv.Itoa(i+1)] > 0
		}
		for _, trip := range append(spend.Observe(now, lines), flow.Trips(now)...) {
			after := now.Sub(start.Add(time.Duration(from) * step))
			if after < 0 {
				t.Fatalf("before any fault: %+v", trip)
			}
			if _, again := found[trip.Breaker][trip.Switch]; !again {
				found[trip.Breaker][trip.Switch] = after
			}
		}
	}
	for _, name := range fault {
		var longest time.Duration
		right := 0
		for sw, after := range found[name] {
			id, err := strconv.Atoi(strings.TrimPrefix(sw, "line_item/"))
			if err != nil || fault[(id-1)%3] != name {
				t.Errorf("%s tripped %s, which has another fault", name, sw)
				continue
			}
			right++
			longest = max(longest, after)
		}
		want := n / 3 // one may have no traffic or no bills just then
		t.Logf("%s: %d of %d found, the last after %v", name, right, want, longest)
		if right < want*9/10 {
			t.Errorf("%s: found %d of %d", name, right, want)
		}
	}
}
