package pacing

import (
	"math"
	"slices"

	"bidhawk/internal/money"
)

// noLimit is the limit of an account that has none of its own: the type's end,
// so that sums within limits cannot overflow.
const noLimit = money.Nanos(math.MaxInt64)

func limitOf(n money.Nanos) money.Nanos {
	if n == 0 {
		return noLimit
	}
	return n
}

// balance is one horizon (a day, or the lifetime) of an account.
type balance struct {
	Posted money.Nanos `json:"p"`
	Held   money.Nanos `json:"h"` // leased, reserved or pending
}

func (b balance) committed() money.Nanos { return addClamped(b.Posted, b.Held) }

// room is what fits under limit; 0 where more is committed already, as after a cut.
func (b balance) room(limit money.Nanos) money.Nanos { return max(0, limit-b.committed()) }

type dayBalance struct {
	Day Day `json:"d"`
	balance
}

// account bounds one kind of money (charge or media) of one node of the tree.
// Invariant, at both horizons: posted + held <= max(limit, what was committed
// when the limit was cut), late media aside.
type account struct {
	Daily    money.Nanos  `json:"daily"` // noLimit: none
	Lifetime money.Nanos  `json:"lifetime"`
	Life     balance      `json:"life"`
	Days     []dayBalance `json:"days"` // ascending; the days that leases still name, and the current one
}

// on returns the balance of day d, adding an empty one where there is none.
func (a *account) on(d Day) *balance {
	for i := len(a.Days) - 1; i >= 0; i-- {
		if a.Days[i].Day == d {
			return &a.Days[i].balance
		}
	}
	a.Days = append(a.Days, dayBalance{Day: d})
	slices.SortFunc(a.Days, func(x, y dayBalance) int { return int(x.Day - y.Day) })
	return a.on(d)
}

func (a *account) room(d Day) money.Nanos {
	return min(a.Life.room(a.Lifetime), a.on(d).room(a.Daily))
}

func (a *account) hold(d Day, n money.Nanos) {
	a.Life.Held += n
	a.on(d).Held += n
}

// post adds n, which may be media that came late and does not fit: then the
// sum can pass the type's end, and that is an error.
func (a *account) post(d Day, n money.Nanos) error {
	sum, err := money.Add(a.Life.Posted, n)
	if err != nil {
		return err
	}
	a.Life.Posted = sum
	a.on(d).Posted += n // a day's part of the same sum
	return nil
}

// forget drops the days before d that keep does not name.
func (a *account) forget(d Day, keep map[Day]int) {
	a.Days = slices.DeleteFunc(a.Days, func(b dayBalance) bool { return b.Day < d && keep[b.Day] == 0 })
}

// node is an advertiser, a campaign or a line item in the ledger.
type node struct {
	level  Level
	id     int64
	parent *node // nil: an advertiser
	below  []*node
	terms  Terms
	charge account
	media  account // of line items
	line   *line   // of line items
	owner  *book
	dirty  bool
}

// line is what only line items have.
type line struct {
	Fees  fees        `json:"fees"`
	Pools []clickPool `json:"pools"`
	Yield yield       `json:"yield"`
}

// fees are the parts of the charge besides media, and the house's losses.
// Invariant: charge + late + unbilled = media + data + platform + margin.
type fees struct {
	Data     money.Wide `json:"data_fee"`
	Platform money.Wide `json:"platform_fee"`
	Margin   money.Wide `json:"margin"`
	Late     money.Wide `json:"house_late"`
	Unbilled money.Wide `json:"house_unbilled"`
}

// clickPool is the expected charge of a day's billed impressions that wait for
// clicks. A click takes its price from here first: the pool insures one
// another's impressions, as the expectation that was reserved does. It is part
// of what the accounts hold. Invariant: Held <= Open.
type clickPool struct {
	Day  Day         `json:"d"`
	Held money.Nanos `json:"h"`
	Open money.Nanos `json:"o"` // what the leases that are not closed have put in
}

func (l *line) pool(d Day) *clickPool {
	for i := range l.Pools {
		if l.Pools[i].Day == d {
			return &l.Pools[i]
		}
	}
	l.Pools = append(l.Pools, clickPool{Day: d})
	return &l.Pools[len(l.Pools)-1]
}

// yield is how much of what bids reserve is kept, a fading count: 1 would be a
// win rate of 100%. It steers the plan; no money depends on it.
type yield struct {
	Kept     money.Nanos `json:"kept"`
	Resolved money.Nanos `json:"resolved"`
	Bids     int         `json:"bids"`
}

const yieldMemory = 4000 // bids after which the past counts half

func (y *yield) add(kept, resolved money.Nanos) {
	y.Kept, y.Resolved = addClamped(y.Kept, kept), addClamped(y.Resolved, resolved)
	if y.Bids++; y.Bids >= yieldMemory || y.Resolved > noLimit/4 {
		y.Kept, y.Resolved, y.Bids = y.Kept/2, y.Resolved/2, y.Bids/2
	}
}

// room is what fits at every level from n up.
func (n *node) room(d Day) money.Nanos {
	r := noLimit
	for ; n != nil; n = n.parent {
		r = min(r, n.charge.room(d))
	}
	return r
}

// hold adds (or with a negative amount releases) held charge at every level.
func (n *node) hold(d Day, amount money.Nanos) {
	if amount == 0 {
		return
	}
	for ; n != nil; n = n.parent {
		n.charge.hold(d, amount)
		n.touch()
	}
}

// take posts up to want at every level in place of own, which it releases: own
// always fits, because it was held; beyond it, what there is room for. It
// returns what was posted.
func (n *node) take(d Day, want, own money.Nanos) (money.Nanos, error) {
	n.hold(d, -own)
	posted := min(want, max(own, n.room(d)))
	if posted == 0 {
		return 0, nil
	}
	for ; n != nil; n = n.parent {
		if err := n.charge.post(d, posted); err != nil {
			return 0, err
		}
		n.touch()
	}
	return posted, nil
}

func (n *node) touch() {
	if !n.dirty {
		n.dirty = true
		n.owner.ledger.dirtyNodes = append(n.owner.ledger.dirtyNodes, n)
	}
}
