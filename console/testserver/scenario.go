package main

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scenario is one state of a server. Its figures follow from the clock alone.
type scenario struct {
	ready    string // why not, "" for ready
	requests float64
	seconds  int           // of counters, before start
	p99      time.Duration // of a usual second
	still    bool          // the counters stand still
	stopped  int
	spill    int
	noBids   map[string]float64 // shares of what is not bid on
	bidRate  float64
	switches []killSwitch
	lines    func(age float64) []line
}

func scenarios() map[string]scenario {
	normal := scenario{requests: 1240, bidRate: 0.63, seconds: 120, p99: 1700 * time.Microsecond, lines: demo, noBids: usual()}
	with := func(change func(s *scenario)) scenario {
		s := normal
		change(&s)
		return s
	}
	return map[string]scenario{
		"normal":   normal,
		"fresh":    with(func(s *scenario) { s.seconds, s.requests, s.lines = 0, 0, none }),
		"young":    with(func(s *scenario) { s.seconds = 9 }),
		"notready": with(func(s *scenario) { s.ready, s.requests, s.lines = "profiles: 18,204 records behind", 0, none }),
		"quiet":    with(func(s *scenario) { s.requests = 0 }),
		"nobids":   with(func(s *scenario) { s.bidRate, s.noBids = 0, map[string]float64{"budget": 0.9, "no_match": 0.1} }),
		"slow":     with(func(s *scenario) { s.p99 = 131 * time.Millisecond }),
		"killed": with(func(s *scenario) {
			s.noBids, s.bidRate = map[string]float64{"killed": 1}, 0
			s.switches = []killSwitch{{Scope: "all", On: true, Reason: "exchange adx-west bills twice, ticket 4411"}}
		}),
		"braked": with(func(s *scenario) {
			for i := range int64(8) {
				s.switches = append(s.switches, killSwitch{Scope: "campaign", Target: 200 + i, On: true, Reason: "wrong landing page"})
			}
			s.switches = append(s.switches, killSwitch{Scope: "line_item", Target: 34, On: true, By: "breaker/spend",
				Reason: "charged 37 USD in 5m0s, 3.7 times the 10 of its plan (limit: 300%); to release: bidhawk release line_item 34 --reason R"})
		}),
		"runaway": with(func(s *scenario) {
			s.switches = []killSwitch{{Scope: "line_item", Target: 34, On: true, By: "breaker/spend",
				Reason: "charged 37 USD in 5m0s, 3.7 times the 10 of its plan (limit: 300%); to release: bidhawk release line_item 34 --reason R"}}
		}),
		"stopped": with(func(s *scenario) { s.stopped, s.spill = 1, 1841 }),
		"still":   with(func(s *scenario) { s.still = true }),
		"many":    with(func(s *scenario) { s.requests, s.lines = 48_300, many }),
		"odd":     with(func(s *scenario) { s.lines, s.noBids, s.p99 = odd, all(), 31*time.Millisecond }),
		"gone":    normal, "refuse": normal, "forbid": normal, "broken": normal,
	}
}

func names() []string { return slices.Sorted(maps.Keys(scenarios())) }

func usual() map[string]float64 {
	return map[string]float64{"no_match": 0.52, "below_floor": 0.21, "budget": 0.14, "frequency_cap": 0.08, "blocked_category": 0.03,
		"insufficient_time": 0.006, "invalid": 0.002}
}

func all() map[string]float64 {
	m := map[string]float64{"of_a_newer_server": 0.01}
	for i, r := range strings.Fields("malformed invalid unknown_exchange not_ready killed insufficient_time overload seat_blocked privacy currency " +
		"unsupported_format no_match no_creative blocked_category below_floor frequency_cap budget answer_too_large internal") {
		m[r] = 0.09 / float64(1+i%7)
	}
	return m
}

type body struct {
	At         time.Time `json:"at"`
	Ready      bool      `json:"ready"`
	NotReady   string    `json:"not_ready,omitempty"`
	Generation int64     `json:"generation"`
	Killed     bool      `json:"killed"`
	Seconds    []second  `json:"seconds"`
	Lines      []line    `json:"lines"`
	Spill      int       `json:"spill_records"`
	OpenLeases int       `json:"open_leases"`
	Stopped    int       `json:"ledger_partitions_stopped"`
	Profiles   int       `json:"profiles"`
	Freshness  float64   `json:"report_lag_seconds"`
}

type second struct {
	At       time.Time         `json:"at"`
	Requests uint64            `json:"requests"`
	Answered uint64            `json:"answered"`
	Bids     uint64            `json:"bids"`
	NoBids   map[string]uint64 `json:"no_bids"`
	P50us    int64             `json:"p50_us"`
	P99us    int64             `json:"p99_us"`
	Wins     uint64            `json:"wins"`
	Billed   uint64            `json:"billed"`
	Losses   uint64            `json:"losses"`
	Shown    uint64            `json:"impressions"`
	Clicks   uint64            `json:"clicks"`
}

type line struct {
	LineItem      int64  `json:"line_item"`
	Name          string `json:"name"`
	Advertiser    string `json:"advertiser"`
	Campaign      string `json:"campaign"`
	Currency      string `json:"currency"`
	Status        string `json:"status"`
	Pricing       string `json:"pricing"`
	Pacing        string `json:"pacing"`
	Limit         int64  `json:"limit_nanos"`
	Planned       int64  `json:"planned_nanos"`
	Spent         int64  `json:"spent_nanos"`
	Charge        int64  `json:"charge_nanos"`
	Media         int64  `json:"media_nanos"`
	Bids          int64  `json:"bids"`
	Wins          int64  `json:"wins"`
	Impressions   int64  `json:"impressions"`
	Clicks        int64  `json:"clicks"`
	Conversions   int64  `json:"conversions"`
	HouseLate     string `json:"house_late_nanos"`
	HouseUnbilled string `json:"house_unbilled_nanos"`
}

// body is the answer at now of a server that has played sc since start.
func (sc scenario) body(start, now time.Time, killed bool) body {
	end := now.Truncate(time.Second)
	if sc.still {
		end = end.Add(-45 * time.Second)
	}
	b := body{At: now, Ready: sc.ready == "", NotReady: sc.ready, Generation: 318, Killed: killed, Spill: sc.spill, OpenLeases: 42,
		Stopped: sc.stopped, Profiles: 100_000, Freshness: 0.8, Lines: sc.lines(now.Sub(start).Seconds())}
	if sc.seconds > 0 { // a server without counters says null
		first := max(end.Add(-119*time.Second).Unix(), start.Unix()-int64(sc.seconds)+1)
		for t := first; t <= end.Unix(); t++ {
			b.Seconds = append(b.Seconds, sc.second(t))
		}
	}
	return b
}

func (sc scenario) second(t int64) second {
	rng := rand.New(rand.NewPCG(uint64(t), 7))
	wave := 1 + 0.12*math.Sin(float64(t)/11) + 0.05*rng.NormFloat64()
	n := sc.requests * max(0, wave)
	s := second{At: time.Unix(t, 0).UTC(), Requests: uint64(n), NoBids: map[string]uint64{}}
	if s.Requests == 0 {
		return s
	}
	answered := n * sc.bidRate * (1 + 0.02*rng.NormFloat64())
	s.Answered, s.Bids = uint64(answered), uint64(answered*1.04)
	s.Wins = uint64(answered * 0.3 * (1 + 0.05*rng.NormFloat64()))
	s.Billed, s.Losses = uint64(float64(s.Wins)*0.93), uint64(answered*0.65)
	s.Shown, s.Clicks = uint64(float64(s.Wins)*0.92), uint64(float64(s.Wins)*0.009+rng.Float64())
	s.P99us = int64(float64(sc.p99.Microseconds()) * (1 + 0.25*rng.Float64()))
	if t%37 == 0 {
		s.P99us *= 3 // a pause of the collector
	}
	s.P50us = 140 + rng.Int64N(60)
	for reason, share := range sc.noBids {
		if k := uint64((n-answered)*share + rng.Float64()); k > 0 {
			s.NoBids[reason] = k
		}
	}
	return s
}

func none(float64) []line { return []line{} }

const unit = 1_000_000_000

// demo are twelve line items of two advertisers.
func demo(age float64) []line {
	kinds := []string{"Prospecting", "Retargeting", "Weekend", "Lookalike", "Homepage takeover", "App installs"}
	places := []string{"DE", "FR", "US east", "UK", "Nordics", "JP"}
	rng := rand.New(rand.NewPCG(1, 2))
	var out []line
	for i := range 12 {
		l := line{LineItem: int64(101 + i), Name: kinds[i%6] + " · " + places[(i*5+i/6)%6], Advertiser: "Northwind Motors", Campaign: "Autumn launch",
			Currency: "EUR", Status: "active", Pricing: "cpm", Pacing: "even", Limit: int64(200+rng.IntN(900)) * unit}
		if i%2 == 1 {
			l.Advertiser, l.Campaign, l.Currency = "Aurora Travel", "City breaks", "USD"
		}
		if i%3 == 2 {
			l.Pricing = "cpc"
		}
		if i == 5 {
			l.Pacing = "asap"
		}
		l.fill(0.42, []float64{1.01, 0.97, 0.62, 1.04, 0.99, 1, 1.31, 1.0, 0.95, 1.02, 0, 0.98}[i], age, rng)
		out = append(out, l)
	}
	out[8].Status = "paused"
	out[10].Limit, out[10].Planned, out[10].Spent = 0, 0, 0
	out[3].HouseLate = "418250000"
	return out
}

// fill makes the figures of a line item whose plan is at part of its limit and
// whose spend is at ratio of its plan.
func (l *line) fill(part, ratio, age float64, rng *rand.Rand) {
	limit := float64(l.Limit)
	planned := limit * min(1, part+age/20_000)
	l.Planned, l.Spent = int64(planned), min(l.Limit, int64(planned*ratio))
	if l.Pacing == "asap" {
		l.Planned = l.Limit
	}
	l.Charge = l.Spent + int64(rng.IntN(900_000_000))*2 + 71
	l.Media = int64(float64(l.Charge) * (0.6 + 0.25*rng.Float64()))
	l.Impressions = l.Charge / 3_200_000
	l.Wins, l.Bids = l.Impressions*108/100, l.Impressions*36/10
	l.Clicks = int64(float64(l.Impressions) * (0.002 + 0.009*rng.Float64()))
	l.Conversions = l.Clicks * int64(rng.IntN(9)) / 100
	l.HouseLate, l.HouseUnbilled = "0", "0"
}

// many are 200 line items of three currencies.
func many(age float64) []line {
	rng := rand.New(rand.NewPCG(3, 4))
	var out []line
	for i := range 200 {
		l := line{LineItem: int64(1000 + i), Name: fmt.Sprintf("Line %03d %s", i, []string{"desktop", "mobile web", "in-app", "CTV"}[i%4]),
			Advertiser: fmt.Sprintf("Advertiser %d", i/20), Campaign: fmt.Sprintf("Campaign %d", i/5), Currency: []string{"USD", "EUR", "CNY"}[i/20%3],
			Status: "active", Pricing: "cpm", Pacing: "even", Limit: int64(50+rng.IntN(5000)) * unit}
		l.fill(0.3+0.4*rng.Float64(), 0.9+0.2*rng.Float64(), age, rng)
		out = append(out, l)
	}
	return out
}

// odd is what a page must bear: names as long as they may be or like markup,
// amounts past 2^53, losses, an overspent budget, a currency of its own.
func odd(age float64) []line {
	out := demo(age)[:8]
	out[0].Name = strings.Repeat("Sehr lange Einzelposition mit Zielgruppe ", 5)
	out[0].Advertiser, out[0].Campaign = strings.Repeat("Donaudampfschifffahrtsgesellschaft", 3), strings.Repeat("a campaign ", 18)
	out[1].Name, out[1].Advertiser = `<img src=x onerror="document.title='owned'">`, `"quoted" & <b>bold</b>`
	out[2].Media = out[2].Charge + 12_345_678_901
	out[3].Limit, out[3].Planned, out[3].Spent = math.MaxInt64, 4_611_686_018_427_387_905, 4_611_686_018_427_387_903
	out[3].Charge, out[3].Media = math.MaxInt64, 9_007_199_254_740_993
	out[3].HouseUnbilled = strconv.FormatInt(math.MaxInt64, 10) + "00"
	out[4].Spent = out[4].Limit + 1
	out[4].Currency, out[4].HouseLate = "CNY", "1"
	out[5].Charge, out[5].Media, out[5].Impressions, out[5].Clicks, out[5].Bids, out[5].Wins = 1, 2, 0, 0, 0, 0
	out[6].Status, out[6].Pricing, out[6].Pacing = "archived", "vcpm", "ahead"
	out[7].Name, out[7].Planned, out[7].Spent = "x", 0, 0
	return out
}
