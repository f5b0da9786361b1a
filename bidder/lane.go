package bidder

import "bidhawk/internal/money"

// lane is the best candidates for one impression, under deals or in the open
// auction, best first.
type lane struct {
	best   []candidate
	taken  int  // best[:taken] were tried
	bound  int  // of best
	closed bool // no later row can be among the best
	met    bool // the impression has a bid of this lane
}

// start begins a walk over the rows; a lane that is met stays empty.
func (l *lane) start(bound int) { l.best, l.taken, l.bound, l.closed = l.best[:0], 0, bound, l.met }

// failed says that none of the best became a bid, and that there may be others.
func (l *lane) failed() bool { return !l.met && l.full() }

func (l *lane) full() bool { return len(l.best) == l.bound }

// close ends the lane where no row that can bid most at best can be kept.
func (l *lane) close(most money.CPM) {
	if l.full() && l.best[len(l.best)-1].price > most {
		l.closed = true
	}
}

// before says which of two candidates is tried first: guaranteed ones, then the
// dearer, then at random, so that equal bidders share.
func (c *candidate) before(o *candidate) bool {
	if c.guaranteed != o.guaranteed {
		return c.guaranteed
	}
	return c.price > o.price || c.price == o.price && c.tie > o.tie
}

// keep inserts c where it is among the best.
func (l *lane) keep(c candidate) {
	at := len(l.best)
	for at > 0 && c.before(&l.best[at-1]) {
		at--
	}
	if at == l.bound {
		return
	}
	if len(l.best) < l.bound {
		l.best = append(l.best, candidate{})
	}
	copy(l.best[at+1:], l.best[at:])
	l.best[at] = c
}

// head is the best candidate that was not tried; nil where there is none.
func (l *lane) head() *candidate {
	if l.taken == len(l.best) {
		return nil
	}
	return &l.best[l.taken]
}

func (l *lane) take() candidate {
	l.taken++
	return l.best[l.taken-1]
}

// done leaves the rest untried: the impression has its bid of this lane.
func (l *lane) done() { l.taken = len(l.best) }

// settled leaves untried what the bid c, under a deal, makes needless: other
// bids under its deal, and all that are not guaranteed.
func (l *lane) settled(c candidate) {
	rest := l.best[:l.taken]
	for _, o := range l.best[l.taken:] {
		if o.guaranteed && o.deal != c.deal {
			rest = append(rest, o)
		}
	}
	l.best = rest
}
