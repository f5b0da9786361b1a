package replay

import (
	"container/heap"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"bidhawk/internal/money"
)

// Delay is how notices come. Times are in auctions, of which a flight has so
// many; a Mean of 0 is at once.
type Delay struct {
	// Mean of a notice's delay, exponential, as a share of the flight.
	Mean money.PPM
	// LossNotices says whether lost bids are told. Where they are not, a bid's
	// money comes back when its lease closes.
	LossNotices bool
	// Close is the quantile of the notices' delay at which a lease closes, such
	// as 999_000. A bill after that is late: it is charged as far as it fits.
	Close money.PPM
	// Early is the quantile from which on the oldest leases may be closed before
	// Close, as many as a bid needs; 0: never. Then money is kept aside for the
	// late bills that are to be expected of closed leases: their mean and three
	// standard deviations.
	Early money.PPM
}

// holds is a budget under reservations, as the ledger keeps it:
// posted + held <= budget. A bid's whole price is held until its bill, its loss
// notice or its lease's close.
type holds struct {
	delay  Delay
	rng    *rand.Rand
	mean   float64     // of a notice's delay, in auctions
	close  float64     // of a lease, after its bid
	early  float64     // and at the earliest
	unit   money.Nanos // the first bid's
	budget money.Nanos
	posted money.Nanos
	held   money.Nanos
	late   money.Nanos // posted after its lease's close
	lost   money.Nanos // late and did not fit: the house's
	// Of the money that was reserved: what was billed, and what should have
	// been by now if every bid were won.
	kept, due      money.Nanos
	events         notices
	silent         []silence  // bids without a notice, by age
	bucket         float64    // width of one
	open           []openHold // the oldest first
	closedTo       float64    // bids up to then are of closed leases
	looked         int        // the bucket for which the two below were added up, and one
	waiting, aside money.Nanos
}

// silence is the bids of some time that no notice came of.
type silence struct {
	bids   int64
	amount money.Nanos
	made   money.Nanos // by all the bids of that time
}

// openHold is a bid in the queue of those to close early.
type openHold struct {
	at    float64
	hold  money.Nanos
	state *bidState
}

type noticeKind uint8

const (
	billed noticeKind = iota
	lossNoticed
	leaseClosed
)

type notice struct {
	at        float64
	kind      noticeKind
	price     money.Nanos // to be billed
	hold      money.Nanos
	bid       *bidState
	bidBucket int
}

// bidState is shared by the notices of one bid.
type bidState struct{ closed, done bool }

func newHolds(budget money.Nanos, d Delay, auctions int, seed uint64) *holds {
	h := &holds{delay: d, rng: rand.New(rand.NewPCG(seed, 0x686f6c6473)), budget: budget, mean: float64(d.Mean) / 1e6 * float64(auctions)}
	h.close, h.early = h.quantile(d.Close), h.quantile(d.Early)
	h.bucket = max(h.mean/20, 1)
	if h.mean > 0 {
		h.silent = make([]silence, int(float64(auctions)/h.bucket)+2)
	}
	return h
}

// quantile is the delay that such a share of the notices has at most.
func (h *holds) quantile(p money.PPM) float64 { return h.mean * -math.Log(1-float64(p)/1e6) }

// fits says whether another bid of amount may be made at now. It closes leases
// early where that is allowed and makes room.
func (h *holds) fits(now float64, amount money.Nanos) bool {
	for amount > h.budget-h.posted-h.held-h.asideAt(now) {
		if !h.closeOldest(now) {
			return false
		}
	}
	return true
}

// closeOldest releases the oldest hold that may be; the chance that it is billed
// all the same goes to what is kept aside.
func (h *holds) closeOldest(now float64) bool {
	for h.early > 0 && len(h.open) > 0 && h.open[0].at+h.early <= now {
		o := h.open[0]
		h.open = h.open[1:]
		if o.state.done || o.state.closed {
			continue
		}
		o.state.closed = true
		h.closedTo = o.at
		h.held -= o.hold
		h.aside += money.Nanos(float64(o.hold) * h.stillWins(h.yield(), now-o.at))
		return true
	}
	return false
}

// bid reserves amount and sends its notices; price is what a win costs.
func (h *holds) bid(now float64, amount, price money.Nanos, won bool) {
	if h.unit == 0 {
		h.unit = amount
	}
	if h.mean == 0 {
		h.due += amount
		if won {
			h.posted += price
			h.kept += price
		}
		return
	}
	h.held += amount
	b, st := int(now/h.bucket), &bidState{}
	h.silent[b].bids++
	h.silent[b].amount += amount
	h.silent[b].made += amount
	if h.early > 0 {
		h.open = append(h.open, openHold{at: now, hold: amount, state: st})
	}
	after := now + h.rng.ExpFloat64()*h.mean
	if won {
		heap.Push(&h.events, notice{at: after, kind: billed, price: price, hold: amount, bid: st, bidBucket: b})
	} else if h.delay.LossNotices {
		heap.Push(&h.events, notice{at: after, kind: lossNoticed, hold: amount, bid: st, bidBucket: b})
	}
	heap.Push(&h.events, notice{at: now + h.close, kind: leaseClosed, hold: amount, bid: st, bidBucket: b})
}

// until delivers the notices up to now. told is called for each bill.
func (h *holds) until(now float64, told func(price money.Nanos)) {
	for len(h.events) > 0 && h.events[0].at <= now {
		h.deliver(heap.Pop(&h.events).(notice), told)
	}
}

func (h *holds) deliver(n notice, told func(price money.Nanos)) {
	if n.bid.done {
		return
	}
	switch n.kind {
	case leaseClosed:
		if n.bid.closed {
			return
		}
		n.bid.closed = true
		h.held -= n.hold
		return // it is silent still: a bill may come
	case billed:
		h.kept += n.price
		charge := n.price
		if n.bid.closed {
			charge = min(n.price, h.budget-h.posted-h.held)
			h.late += n.price
			h.lost += n.price - charge
		}
		h.posted += charge
		told(charge)
	}
	if !n.bid.closed {
		h.held -= n.hold
	}
	n.bid.done = true
	if h.delay.LossNotices {
		h.due += n.hold
	}
	h.silent[n.bidBucket].bids--
	h.silent[n.bidBucket].amount -= n.hold
}

// yield is the share of reserved money that is billed, begun at a half. Where
// losses are told, bids that are answered say it. Where they are not, answers
// come of wins alone: then it is what was billed over what would have been by
// now, by the delay's distribution, if every bid had been won.
func (h *holds) yield() float64 {
	return min(float64(h.kept+5*h.unit)/float64(h.due+10*h.unit), 1)
}

// mature is yield's denominator without loss notices.
func (h *holds) mature(now float64) {
	if h.delay.LossNotices {
		return
	}
	h.due = 0
	for i := 0; i <= min(int(now/h.bucket), len(h.silent)-1); i++ {
		h.due += money.Nanos(float64(h.silent[i].made) * (1 - math.Exp(-(now-float64(i)*h.bucket)/h.mean)))
	}
}

// expected is how much of what no notice came of will be billed.
func (h *holds) expected(now float64) money.Nanos {
	h.look(now)
	return h.waiting
}

// asideAt is what is kept for the late bills of closed leases.
func (h *holds) asideAt(now float64) money.Nanos {
	if h.early == 0 {
		return 0
	}
	h.look(now)
	return h.aside
}

// look adds up the silent bids, once for each bucket of time.
func (h *holds) look(now float64) {
	at := int(now / h.bucket)
	if h.mean == 0 || h.looked == at+1 {
		return
	}
	h.looked, h.waiting, h.aside = at+1, 0, 0
	h.mature(now)
	win := h.yield()
	var late, variance float64
	for i := max(0, at-int((h.close+20*h.mean)/h.bucket)); i <= min(at, len(h.silent)-1); i++ {
		s := h.silent[i]
		if s.bids <= 0 {
			continue
		}
		age := now - float64(i)*h.bucket
		mean := float64(s.amount) * h.stillWins(win, age)
		h.waiting += money.Nanos(mean)
		if age > h.close || float64(i)*h.bucket < h.closedTo {
			each := float64(s.amount) / float64(s.bids)
			late += mean
			variance += each * mean
		}
	}
	h.aside = money.Nanos(late + 3*math.Sqrt(variance))
}

// stillWins is the chance that a bid which nothing was heard of for so long has
// been won: Bayes, with the delay exponential.
func (h *holds) stillWins(win, age float64) float64 {
	if h.delay.LossNotices {
		return win // the loss notice is as late as the bill
	}
	silent := win * math.Exp(-age/h.mean)
	return silent / (silent + 1 - win)
}

// notices is a min-heap by time.
type notices []notice

func (n notices) Len() int           { return len(n) }
func (n notices) Less(i, j int) bool { return n[i].at < n[j].at }
func (n notices) Swap(i, j int)      { n[i], n[j] = n[j], n[i] }
func (n *notices) Push(x any)        { *n = append(*n, x.(notice)) }
func (n *notices) Pop() any {
	last := len(*n) - 1
	x := (*n)[last]
	*n = (*n)[:last]
	return x
}

// Validate names the first field that makes no sense.
func (d Delay) Validate() error {
	for _, f := range []struct {
		name       string
		value, max money.PPM
	}{{"mean", d.Mean, 1_000_000}, {"close", d.Close, 999_999}, {"early", d.Early, 999_999}} {
		if f.value < 0 || f.value > f.max {
			return fmt.Errorf("replay: delay's %s is %d; want 0 to %d parts per million", f.name, f.value, f.max)
		}
	}
	if d.Mean > 0 && d.Close == 0 {
		return errors.New("replay: delay's close is 0; want the quantile of the notices at which a lease closes")
	}
	return nil
}
