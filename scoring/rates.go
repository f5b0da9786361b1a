// Package scoring says what an impression is worth.
package scoring

import (
	"maps"
	"sync"
	"sync/atomic"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// Rates keeps click rates of creatives, smoothed towards a prior: with n
// impressions and c clicks the rate is (c + k*prior)/(n + k), k impressions of
// belief in the prior (a Beta prior's posterior mean). Safe for concurrent use:
// readers take no lock.
type Rates struct {
	belief int64
	mu     sync.Mutex // guards replacement of the map; counters are atomic
	counts atomic.Pointer[map[campaigns.ID]*Count]
}

// Count is what is known of one creative.
type Count struct {
	impressions, clicks atomic.Int64
}

// NewRates returns rates that trust a prior like belief impressions; at least 1.
func NewRates(belief int) *Rates {
	r := &Rates{belief: int64(max(belief, 1))}
	empty := map[campaigns.ID]*Count{}
	r.counts.Store(&empty)
	return r
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

// CTR is the smoothed click rate of a creative, 0 to 1,000,000 ppm. prior is
// the line item's expected rate.
func (r *Rates) CTR(creative campaigns.ID, prior money.PPM) money.PPM {
	n, c := r.Totals(creative)
	c = min(c, n)
	// c + k*prior/1e6 over n + k, in ppm: (c*1e6 + k*prior)/(n+k).
	return money.PPM((c*1_000_000 + r.belief*int64(prior)) / (n + r.belief))
}
