package breaker

import (
	"fmt"
	"math"
	"time"

	"bidhawk/campaigns"
)

// Count is what was counted of a line item on an exchange since the last one.
type Count struct {
	LineItem campaigns.ID
	Exchange string
	// Quarter is the quarter of an hour of Bids, and of the bids that Wins were:
	// seconds since 1970 by 900.
	Quarter    int64
	Bids, Wins int64
	// Trackable are bills whose impression is told apart from the bill, Shown the
	// impressions that were seen.
	Trackable, Shown int64
}

// Flow watches win rates, and bills without impressions, of each line item on
// each exchange. Not safe for concurrent use.
//
// Wins are held against the bids of their own quarter of an hour, whenever they
// are told: notices that come late, or in a heap, are no rise.
type Flow struct {
	cfg     Config
	pairs   map[pair]*flow
	minute  int64
	passed  int64 // counts that had no room
	renders int   // minutes that impressions may be late
}

type pair struct {
	item     campaigns.ID
	exchange string
}

const (
	minutes  = 32 // that are kept: more than RenderDelay may be
	quarters = 8  // that are kept; then they are norm
	quarter  = 15 // minutes
)

// cohort is the bids of a quarter of an hour, and how many of them won.
type cohort struct {
	bids, wins int32
	tripped    bool
}

// slot is what was told in a minute.
type slot struct{ trackable, shown int32 }

// flow is one pair's counts.
type flow struct {
	cohorts [quarters]cohort // by quarter modulo quarters
	first   int64            // quarter from which on cohorts are whole
	last    int64            // minute in which something was counted
	// The norm: cohorts that have gone, with a half-life of a day. It is an
	// estimate and no money, so floats do.
	normBids, normWins float64
	normed             int64 // cohorts that the norm has seen

	slots [minutes]slot // by minute modulo minutes
	// Of all time, and at the beginning of the batch of bills that is looked at.
	trackable, shown         int64
	fromTrackable, fromShown int64
}

// NewFlow returns a breaker that has seen nothing.
func NewFlow(cfg Config) *Flow {
	return &Flow{cfg: cfg, pairs: map[pair]*flow{}, renders: int((cfg.RenderDelay + time.Minute - 1) / time.Minute)}
}

// Passed counts what was not watched because MaxKeys pairs are.
func (f *Flow) Passed() int64 { return f.passed }

// Len is how many pairs are watched.
func (f *Flow) Len() int { return len(f.pairs) }

// Add takes counts in that were told at now.
func (f *Flow) Add(now time.Time, counts []Count) {
	f.advance(now)
	for i := range counts {
		c := &counts[i]
		key := pair{c.LineItem, c.Exchange}
		p := f.pairs[key]
		if p == nil {
			if len(f.pairs) >= f.cfg.MaxKeys {
				f.passed++
				continue
			}
			p = &flow{first: f.quarter() + 1} // this one's bids may have begun before us
			f.pairs[key] = p
		}
		// The oldest place is the next quarter's already: see advance.
		if c.Quarter >= p.first && c.Quarter > f.quarter()+1-quarters && c.Quarter <= f.quarter()+1 {
			more(&p.cohorts[c.Quarter%quarters].bids, c.Bids)
			more(&p.cohorts[c.Quarter%quarters].wins, c.Wins)
		}
		s := &p.slots[f.minute%minutes]
		more(&s.trackable, c.Trackable)
		more(&s.shown, c.Shown)
		p.trackable += c.Trackable
		p.shown += c.Shown
		p.last = f.minute
	}
}

// more adds to a count, up to what it holds.
func more(n *int32, add int64) { *n = int32(min(int64(*n)+max(add, 0), math.MaxInt32)) }

func (f *Flow) quarter() int64 { return f.minute / quarter }

// Forget drops what is being looked at, and keeps the norms. It is for counts that
// came late and not in step: wins before their bids, bills before impressions.
func (f *Flow) Forget(now time.Time) {
	f.advance(now)
	for _, p := range f.pairs {
		p.cohorts, p.first = [quarters]cohort{}, f.quarter()+1
		p.slots = [minutes]slot{}
		p.fromTrackable, p.fromShown = p.trackable, p.shown
	}
}

// Trips looks at what has been counted. It is to be called about once a minute.
func (f *Flow) Trips(now time.Time) (trips []Trip) {
	f.advance(now)
	for key, p := range f.pairs {
		trips = f.winRate(trips, now, key, p)
		if t, ok := f.billing(now, key, p); ok {
			trips = append(trips, t)
		}
	}
	return trips
}

const idleMinutes = 7 * 24 * 60

// advance moves to the minute of now. A cohort that leaves becomes norm.
func (f *Flow) advance(now time.Time) {
	to := now.Unix() / 60
	if f.minute == 0 || to < f.minute { // the first call; a clock that went back stands still
		f.minute = max(f.minute, to)
		return
	}
	if to-f.minute > idleMinutes { // nobody looked for a week
		f.minute = to
		clear(f.pairs)
	}
	for f.minute < to {
		f.minute++
		next := f.quarter() + 1 // whose place is needed: a node's clock may be ahead
		turns := f.minute%quarter == 0
		for key, p := range f.pairs {
			if turns {
				c := &p.cohorts[next%quarters]
				if next-quarters >= p.first {
					p.learn(c)
				}
				*c = cohort{}
			}
			p.slots[f.minute%minutes] = slot{}
			if f.minute-p.last > idleMinutes {
				delete(f.pairs, key)
			}
		}
	}
}

// keep is what of a norm is left after a quarter of an hour: half after a day.
const keep = 0.99280572

func (p *flow) learn(c *cohort) {
	if c.tripped { // what was stopped as a fault is no norm
		return
	}
	p.normBids = p.normBids*keep + float64(c.bids)
	p.normWins = p.normWins*keep + float64(c.wins)
	p.normed++
}

// winRate compares each cohort's wins with the norm, once its first minute is over
// and bids have been told.
func (f *Flow) winRate(trips []Trip, now time.Time, key pair, p *flow) []Trip {
	if f.cfg.WinRatePercent == 0 || p.normWins < float64(f.cfg.NormWins) || p.normed < int64(f.cfg.NormAfter/(quarter*time.Minute)) {
		return trips
	}
	norm := p.normWins / max(p.normBids, 1)
	for q := max(p.first, f.quarter()-quarters+2); q <= f.quarter(); q++ {
		c := &p.cohorts[q%quarters]
		if c.tripped || int64(c.wins) < int64(f.cfg.WinRateWins) || f.minute < q*quarter+2 ||
			float64(c.wins)*100 <= norm*float64(c.bids)*float64(f.cfg.WinRatePercent) {
			continue
		}
		c.tripped = true
		trips = append(trips, newTrip(NameWinRate, lineItem(key.item), now, fmt.Sprintf(
			"%d wins of %d bids on %.32s in the quarter of an hour from %s, %.1f%%, against a norm of %.1f%% (limit: %d%% of the norm)",
			c.wins, c.bids, key.exchange, time.Unix(q*quarter*60, 0).UTC().Format("15:04Z"),
			100*float64(c.wins)/float64(max(c.bids, 1)), 100*norm, f.cfg.WinRatePercent)))
	}
	return trips
}

// billing looks at a batch of bills once they are old enough for their
// impressions to have come, and then begins the next.
func (f *Flow) billing(now time.Time, key pair, p *flow) (Trip, bool) {
	if f.cfg.RenderedPercent == 0 {
		return Trip{}, false
	}
	var young struct{ trackable, shown int64 }
	for m := f.minute - int64(f.renders); m <= f.minute; m++ {
		s := &p.slots[m%minutes]
		young.trackable += int64(s.trackable)
		young.shown += int64(s.shown)
	}
	bills, shown := p.trackable-young.trackable-p.fromTrackable, p.shown-p.fromShown
	if bills < int64(f.cfg.BilledMin) {
		return Trip{}, false
	}
	// The next batch's bills are the young ones on, and so are its impressions.
	p.fromTrackable, p.fromShown = p.trackable-young.trackable, p.shown-young.shown
	if shown*100 >= bills*int64(f.cfg.RenderedPercent) {
		return Trip{}, false
	}
	return newTrip(NameBilling, lineItem(key.item), now, fmt.Sprintf(
		"%.32s billed %d impressions of which %d were rendered, %s%% (limit: %d%%)",
		key.exchange, bills, shown, times(shown*100, bills), f.cfg.RenderedPercent)), true
}
