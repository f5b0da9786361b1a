package pacing

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// wish is one line item of a request on its way to a grant.
type wish struct {
	LeaseDemand
	line   *node
	bidder uint64
	even   bool
	due    money.Nanos // of its own plan; noLimit where nothing plans it
	window time.Duration
	get    Amounts
	reason Refusal
	// multiplier is what its bids are of their value from now on, and shaded what
	// Need's were; 0: nothing steers it.
	multiplier, shaded money.PPM
}

// steer is how a lease's part is to be spent.
type steer struct {
	smooth     bool
	multiplier money.PPM
}

// round sizes the grants of one moment. More than one request may be in it;
// what it has given away so far counts, though the ledger does not know it yet.
type round struct {
	s       *shard
	now     time.Time
	given   map[*node]Amounts     // asked of the ledger in this round
	expect  map[*node]money.Nanos // of given, expected to be spent
	waiting map[*node]int         // EVEN line items below it that still wait for their share
}

func (s *shard) newRound(now time.Time) *round {
	return &round{s: s, now: now, given: map[*node]Amounts{}, expect: map[*node]money.Nanos{}, waiting: map[*node]int{}}
}

// grants sizes what bidder gets of one advertiser's line items: a grant record
// for each length of window, most often one. It fills the wishes' reasons.
func (r *round) grants(bk *book, bidder uint64, wishes []*wish) []*Grant {
	loc, err := r.s.zone(bk)
	if err != nil || bk.day == 0 {
		refuse(wishes, RefusedInactive)
		return nil
	}
	midnight, told := bk.day.End(loc).Sub(r.now), r.s.ledger.tellsLosses()
	for _, w := range wishes {
		w.bidder = bidder
		w.shaded = r.s.plan.multiplier(w.line)
		r.s.plan.hear(w.line, &w.LeaseDemand, told, loc, r.now)
		r.prepare(w, bk, loc, midnight)
	}
	// Those that want least first, so that what they leave of a shared budget
	// goes to the others: max-min fairness.
	slices.SortStableFunc(wishes, func(a, b *wish) int { return cmp.Compare(a.due, b.due) })
	nodes := r.s.bidders(bk, bidder, r.now)
	byWindow := map[time.Duration]*Grant{}
	var out []*Grant
	for _, w := range wishes {
		if w.reason != RefusedNot {
			continue
		}
		r.size(w, bk.day, loc, nodes)
		if w.even {
			r.arrived(w.line)
		}
		if w.reason != RefusedNot {
			continue
		}
		g := byWindow[w.window]
		if g == nil {
			g = &Grant{At: r.now, Epoch: r.s.ledger.epoch, Advertiser: campaigns.ID(bk.node.id), Bidder: fmt.Sprintf("%016x", bidder),
				Day: bk.day, WindowMS: w.window.Milliseconds()}
			byWindow[w.window] = g
			out = append(out, g)
		}
		g.Items = append(g.Items, ItemAmount{LineItem: w.LineItem, Amounts: w.get, Flight: w.line.flightAt(r.now), CampaignFlight: w.line.parent.flightAt(r.now)})
	}
	return out
}

func refuse(wishes []*wish, why Refusal) {
	for _, w := range wishes {
		w.reason = why
	}
}

// prepare settles what needs no share of anything: may it run, for how long,
// and what is due by its own plan.
func (r *round) prepare(w *wish, bk *book, loc *time.Location, midnight time.Duration) {
	n := w.line
	start, end := flight(n)
	w.window = min(max(r.s.cfg.Window, min(2*w.Apart, sparseWindow)), midnight)
	if !end.IsZero() {
		w.window = min(w.window, end.Sub(r.now))
	}
	w.window = min(w.window, n.flightLeft(r.now), n.parent.flightLeft(r.now)).Truncate(time.Millisecond)
	switch {
	case n.flightAt(r.now) < 0 || n.parent.flightAt(r.now) < 0:
		w.reason = RefusedInactive // between two flights
	case !n.terms.Active || r.s.killed(campaigns.ID(n.id)) || r.now.Before(start) || !end.IsZero() && !r.now.Before(end):
		w.reason = RefusedInactive
	case w.window < minWindow: // the next day, or nothing, comes at once
		w.reason = RefusedPaced
	case w.Need.Charge <= 0 || w.Need.Media <= 0:
		// Nothing was asked for yet: enough for one bid as its terms allow.
		w.reason = RefusedNoLease
	}
	if w.reason != RefusedNot {
		return
	}
	if w.even = n.terms.Pacing != campaigns.PacingASAP; !w.even {
		w.due = noLimit
		return
	}
	w.due = r.due(n, bk.day, loc, w)
	for p := n.parent; p != nil; p = p.parent {
		r.waiting[p]++
	}
}

const minWindow = 50 * time.Millisecond

// sparseWindow bounds the lease of a line item whose auctions are rare: long, so
// that waiting for the next one costs few records; not so long that what other
// bidders could spend waits with it.
const sparseWindow = 2 * time.Minute

// due is what of n's plan is left for the window of w.
func (r *round) due(n *node, day Day, loc *time.Location, w *wish) money.Nanos {
	out := n.outstanding(day, r.now)
	for h := range out {
		out[h] = addClamped(out[h], r.expect[n])
	}
	win := w.line.line.Yield.ratio(w.Need.Charge)
	return r.s.plan.due(n, &moment{day: day, loc: loc, now: r.now, ahead: w.window, held: out, price: w.Need.Charge, bid: share(win, w.Need.Charge)})
}

func (r *round) arrived(n *node) {
	for p := n.parent; p != nil; p = p.parent {
		r.waiting[p]--
	}
}

// size decides an amount: what is due over the win rate, at most what the
// traffic asked for and what fits, at least one bid or nothing. nodes bidders share.
func (r *round) size(w *wish, day Day, loc *time.Location, nodes int) {
	n, win := w.line, w.line.line.Yield.ratio(w.Need.Charge)
	room, bounded := noLimit, false
	for p := n; p != nil; p = p.parent {
		room = min(room, p.charge.room(day, p.flightAt(r.now))-r.given[p].Charge)
		bounded = bounded || p.charge.Daily != noLimit || p.charge.Lifetime != noLimit || len(p.flights) > 0
	}
	if !bounded { // no budget anywhere is no budget, not an endless one
		room = 0
	}
	if n.terms.Pricing == campaigns.PricingCPD && (n.line.flat(day) != nil || room >= n.terms.EventPrice) {
		room, bounded = noLimit/8, true // the day's price is all that it charges
	}
	media := n.media.room(day, 0) - r.given[n].Media
	if room < w.Need.Charge || media < w.Need.Media {
		w.reason = RefusedBudget
		return
	}
	want := r.demanded(w, room)
	turns := &r.s.plan.pace(n, loc).turns
	if w.even {
		due := w.due
		for p := n.parent; p != nil; p = p.parent {
			if d := r.due(p, day, loc, w); d != noLimit {
				due = min(due, max(d, 0)/money.Nanos(max(1, r.waiting[p])))
			}
		}
		w.multiplier = r.s.plan.multiplier(n)
		if w.multiplier > leastMultiplier && w.multiplier < fullValue {
			due = due / 4 * 5 // the multiplier decides; the plan bounds it
		}
		planned := perWin(max(due, 0), win)
		if planned < w.Need.Charge || !r.turn(turns, w, min(planned, room), nodes) {
			turns.wait(w.bidder, r.now)
			w.reason = RefusedPaced
			return
		}
		want = min(want, max(planned/money.Nanos(nodes), w.Need.Charge))
		if want > room {
			w.window = shortened(w.window, room, want)
		}
	} else {
		want = min(want, max(room/money.Nanos(nodes), w.Need.Charge))
	}
	w.get.Charge = max(min(want, room), w.Need.Charge)
	// Need's media was shaded by the multiplier so far; the next may be any.
	full := ratioUp(w.Need.Media, money.Nanos(fullValue), money.Nanos(max(w.shaded, leastMultiplier)))
	w.get.Media = max(w.Need.Media, min(media, ratioUp(w.get.Charge, full, w.Need.Charge)))
	for p := n; p != nil; p = p.parent {
		g := r.given[p]
		r.given[p] = Amounts{Charge: addClamped(g.Charge, w.get.Charge), Media: addClamped(g.Media, w.get.Media)}
		r.expect[p] = addClamped(r.expect[p], share(win, w.get.Charge))
	}
}

// turn says whether w's bidder may hold what is too little for all nodes at once:
// then one holds at a time, and those that wait come before who held last.
func (r *round) turn(t *turns, w *wish, least money.Nanos, nodes int) bool {
	if nodes <= 1 || least/money.Nanos(nodes) >= w.Need.Charge {
		return true
	}
	return t.take(w.bidder, r.now)
}

// shortened is the window of a grant for which there is less room than the plan
// wants: the same pace for a shorter time. What is lost comes back meanwhile,
// and the next grant can have it; held for the whole window it would be missed.
func shortened(window time.Duration, room, want money.Nanos) time.Duration {
	v, err := money.MulDiv(int64(window), int64(room), int64(want))
	if err != nil {
		return window
	}
	const step = 100 * time.Millisecond // few lengths, few records
	return min(window, max(time.Duration(v).Truncate(step), 5*step))
}

// demanded bounds a grant by the traffic that the bidder saw: twice its rate
// over the window. Where it has not looked long enough, an EVEN line item has
// its plan as the bound, and ASAP gets 64 bids or a tenth of the room.
func (r *round) demanded(w *wish, room money.Nanos) money.Nanos {
	if w.Over >= time.Second {
		return max(min(w.Need.Charge, noLimit/8)*8, ratioUp(w.Asked, int64of(2*w.window), int64of(w.Over)))
	}
	if w.even {
		return noLimit
	}
	return addClamped(min(w.Need.Charge, noLimit/64)*64, room/10)
}

func int64of(d time.Duration) money.Nanos { return money.Nanos(d) }

// perWin is what must be reserved for due to be won.
func perWin(due money.Nanos, win money.PPM) money.Nanos {
	return ratioUp(due, 1_000_000, money.Nanos(win))
}

// ratioUp is n x num / den rounded up, at most noLimit.
func ratioUp(n, num, den money.Nanos) money.Nanos {
	v, err := money.MulDivUp(int64(n), int64(num), int64(den))
	if err != nil {
		return noLimit
	}
	return money.Nanos(v)
}
