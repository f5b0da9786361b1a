// Package scoring says what an impression is worth.
package scoring

import (
	"maps"
	"sync"
	"sync/atomic"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// Config says how rates are smoothed, and how much is remembered.
type Config struct {
	// The belief in a prior, as a number of trials that it counts like: of clicks,
	// views and completions impressions, of conversions clicks. Each at least 1.
	Click, View, Completion, Conversion int
	// Places is how many creatives at placements have rates of their own.
	Places int
}

// Rates keeps rates of events, smoothed from the place towards the creative, and
// from there towards the line item's prior: with n trials, s successes and a belief
// of k trials a rate is (s + k*prior)/(n + k), the posterior mean of a Beta prior.
// Safe for concurrent use: readers take no lock and allocate nothing.
type Rates struct {
	belief [events]int64
	mu     sync.Mutex // guards replacement of the map, and writes of places
	counts atomic.Pointer[map[campaigns.ID]*Count]
	places *places
}

// Count is what is known of one creative.
type Count struct {
	impressions, clicks atomic.Int64
	others              tally // of views, completions and conversions
}

// New returns rates that know nothing yet.
func New(cfg Config) *Rates {
	r := &Rates{places: newPlaces(cfg.Places)}
	for e, k := range [events]int{cfg.Click, cfg.View, cfg.Completion, cfg.Conversion} {
		r.belief[e] = int64(max(k, 1))
	}
	empty := map[campaigns.ID]*Count{}
	r.counts.Store(&empty)
	return r
}

// NewRates returns rates that trust every prior like belief trials; at least 1.
func NewRates(belief int) *Rates {
	return New(Config{Click: belief, View: belief, Completion: belief, Conversion: belief, Places: 1 << 12})
}

// Observe adds impressions and clicks of a creative.
func (r *Rates) Observe(creative campaigns.ID, impressions, clicks int64) {
	c := r.count(creative)
	c.impressions.Add(impressions)
	c.clicks.Add(clicks)
}

// Restore adds what was observed of many creatives before. It copies the map of
// counts once; Observe does so for each creative that it meets first.
func (r *Rates) Restore(observed map[campaigns.ID]Observed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := maps.Clone(*r.counts.Load())
	for creative, o := range observed {
		c := next[creative]
		if c == nil {
			c = &Count{}
			next[creative] = c
		}
		c.impressions.Add(o.Impressions)
		c.clicks.Add(o.Clicks)
	}
	r.counts.Store(&next)
}

// Observed is what was observed of one creative.
type Observed struct{ Impressions, Clicks int64 }

// Totals returns what was observed of a creative.
func (r *Rates) Totals(creative campaigns.ID) (impressions, clicks int64) {
	if c := (*r.counts.Load())[creative]; c != nil {
		return c.impressions.Load(), c.clicks.Load()
	}
	return 0, 0
}

func (r *Rates) count(creative campaigns.ID) *Count {
	if c := (*r.counts.Load())[creative]; c != nil {
		return c
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old := *r.counts.Load()
	if c := old[creative]; c != nil {
		return c
	}
	next := maps.Clone(old)
	c := &Count{}
	next[creative] = c
	r.counts.Store(&next)
	return c
}

// Set replaces what is known of a place; of placement 0, of the creative anywhere
// but for its clicks, which Observe counts. Where there is no room, the place that
// was set longest ago is forgotten.
func (r *Rates) Set(p Place, s Seen) {
	if p.Placement == 0 {
		r.count(p.Creative).others.set(s)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.places.set(p, s)
}

// Rate implements Predictor.
func (r *Rates) Rate(q Question) money.PPM {
	var here Seen
	known := false
	if q.Placement != 0 {
		here, known = r.places.get(q.Place)
		if here.Spent < q.Learning {
			return q.Prior
		}
	}
	anywhere := Seen{}
	if c := (*r.counts.Load())[q.Creative]; c != nil {
		if q.Event == Click {
			anywhere.Trials[Click], anywhere.Successes[Click] = c.impressions.Load(), c.clicks.Load()
		} else {
			anywhere = c.others.get()
		}
	}
	rate := r.posterior(&q, &anywhere, q.Prior)
	if known {
		rate = r.posterior(&q, &here, rate)
	}
	return rate
}

// CTR is the smoothed click rate of a creative, 0 to 1,000,000 ppm. prior is
// the line item's expected rate.
func (r *Rates) CTR(creative campaigns.ID, prior money.PPM) money.PPM {
	return r.Rate(Question{Event: Click, Place: Place{Creative: creative}, Prior: prior})
}

// posterior is s + k*prior/1e6 over n + k, in ppm. Clicks whose conversions are
// still to come are no full trials (Chapelle 2014).
func (r *Rates) posterior(q *Question, seen *Seen, prior money.PPM) money.PPM {
	n, s, k := seen.Trials[q.Event], seen.Successes[q.Event], r.belief[q.Event]
	if q.Event == Conversion {
		n -= seen.Pending.At(q.At, q.Delay)
	} else {
		s = min(s, n) // one at most each; they may come out of order
	}
	if s > n { // conversions of one click, or young ones: each had a click
		n = max(s, 0)
	}
	return money.PPM((s*1_000_000 + k*int64(prior)) / (n + k))
}
