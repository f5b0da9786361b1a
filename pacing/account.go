package pacing

import (
	"cmp"
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
	Day Day `json:"d,omitzero"`
	balance
}

// when is what money counts by, besides the lifetime: the day, and the flights of
// the line item and of its campaign where they have some.
type when struct {
	Day            Day   `json:"d,omitzero"`
	Flight         int64 `json:"f,omitempty"` // Flight.key; 0: none
	CampaignFlight int64 `json:"cf,omitempty"`
}

// flightBalance is what an account has in one flight. A flight that its terms
// name no more has the limit 0: no room.
type flightBalance struct {
	Start int64       `json:"s"` // Flight.key
	Limit money.Nanos `json:"l"`
	balance
}

// account bounds one kind of money (charge or media) of one node of the tree.
// Invariant, at each horizon: posted + held <= max(limit, what was committed
// when the limit was cut), late media aside.
type account struct {
	Daily    money.Nanos     `json:"daily"` // noLimit: none
	Lifetime money.Nanos     `json:"lifetime"`
	Life     balance         `json:"life"`
	Days     []dayBalance    `json:"days"`              // ascending; those that have no closing yet
	Flights  []flightBalance `json:"flights,omitempty"` // of charge, ascending
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

// flight returns the balance of a flight, nil where there is none of that start.
func (a *account) flight(start int64) *flightBalance {
	for i := range a.Flights {
		if a.Flights[i].Start == start {
			return &a.Flights[i]
		}
	}
	return nil
}

// fly sets the flights' limits: what terms do not name closes.
func (a *account) fly(flights []Flight) {
	for i := range a.Flights {
		a.Flights[i].Limit = 0
	}
	for _, f := range flights {
		if b := a.flight(f.key()); b != nil {
			b.Limit = f.Budget
			continue
		}
		a.Flights = append(a.Flights, flightBalance{Start: f.key(), Limit: f.Budget})
	}
	slices.SortFunc(a.Flights, func(x, y flightBalance) int { return cmp.Compare(x.Start, y.Start) })
}

func (a *account) room(d Day, flight int64) money.Nanos {
	r := min(a.Life.room(a.Lifetime), a.on(d).room(a.Daily))
	if flight != 0 {
		b := a.flight(flight)
		if b == nil {
			return 0
		}
		r = min(r, b.room(b.Limit))
	}
	return r
}

func (a *account) hold(d Day, flight int64, n money.Nanos) {
	a.Life.Held += n
	a.on(d).Held += n
	if b := a.flight(flight); b != nil {
		b.Held += n
	}
}

// post adds n, which may be media that came late and does not fit: then the
// sum can pass the type's end, and that is an error.
func (a *account) post(d Day, flight int64, n money.Nanos) error {
	sum, err := money.Add(a.Life.Posted, n)
	if err != nil {
		return err
	}
	a.Life.Posted = sum
	a.on(d).Posted += n // a day's part of the same sum
	if b := a.flight(flight); b != nil {
		b.Posted += n
	}
	return nil
}

// postedOn is what a day posted; it adds nothing.
func (a *account) postedOn(d Day) money.Nanos {
	for i := range a.Days {
		if a.Days[i].Day == d {
			return a.Days[i].Posted
		}
	}
	return 0
}

// drop forgets a day.
func (a *account) drop(d Day) {
	a.Days = slices.DeleteFunc(a.Days, func(b dayBalance) bool { return b.Day == d })
}

// node is an advertiser, a campaign or a line item in the ledger.
type node struct {
	level   Level
	id      int64
	parent  *node // nil: an advertiser
	below   []*node
	terms   Terms
	flights []Flight
	charge  account
	media   account // of line items
	line    *line   // of line items
	owner   *book
	dirty   bool
}

// line is what only line items have.
type line struct {
	Fees  fees        `json:"fees"`
	Pools []eventPool `json:"pools"`
	Flats []flat      `json:"flats,omitempty"`
	Yield yield       `json:"yield"`
	Last  when        `json:"last,omitzero"` // of the last grant: what has no lease counts on its flights
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

// yield is how much of what bids reserve is kept, a fading count: 1 would be a
// win rate of 100%. It steers the plan; no money depends on it.
type yield struct {
	Kept     money.Nanos `json:"kept"`
	Resolved money.Nanos `json:"resolved"`
	Bids     int         `json:"bids"`
}

const yieldMemory = 4000 // bids after which the past counts half

func (y *yield) add(kept, resolved money.Nanos) { y.count(kept, resolved, 1) }

func (y *yield) count(kept, resolved money.Nanos, bids int) {
	y.Kept, y.Resolved = addClamped(y.Kept, kept), addClamped(y.Resolved, resolved)
	if y.Bids += bids; y.Bids >= yieldMemory || y.Resolved > noLimit/4 {
		y.Kept, y.Resolved, y.Bids = y.Kept/2, y.Resolved/2, y.Bids/2
	}
}

// lose counts the charge of bids that nothing was ever heard of.
func (y *yield) lose(charge money.Nanos) {
	if charge > 0 {
		y.count(0, charge, int(min(max(1, charge/y.each(charge)), yieldMemory)))
	}
}

// each is what a bid reserves on average; def where no bid is known.
func (y *yield) each(def money.Nanos) money.Nanos {
	if y.Bids == 0 || y.Resolved < money.Nanos(y.Bids) {
		return max(1, def)
	}
	return y.Resolved / money.Nanos(y.Bids)
}

// flightOf is the flight of w that n's money counts in.
func (n *node) flightOf(w when) int64 {
	switch n.level {
	case LevelLineItem:
		return w.Flight
	case LevelCampaign:
		return w.CampaignFlight
	default:
		return 0
	}
}

// room is what fits at every level from n up.
func (n *node) room(w when) money.Nanos {
	r := noLimit
	for ; n != nil; n = n.parent {
		r = min(r, n.charge.room(w.Day, n.flightOf(w)))
	}
	return r
}

// hold adds (or with a negative amount releases) held charge at every level.
func (n *node) hold(w when, amount money.Nanos) {
	if amount == 0 {
		return
	}
	for ; n != nil; n = n.parent {
		n.charge.hold(w.Day, n.flightOf(w), amount)
		n.touch()
	}
}

// take posts up to want at every level in place of own, which it releases: own
// always fits, because it was held; beyond it, what there is room for. It
// returns what was posted.
func (n *node) take(w when, want, own money.Nanos) (money.Nanos, error) {
	n.hold(w, -own)
	posted := min(want, max(own, n.room(w)))
	if posted == 0 {
		return 0, nil
	}
	n.owner.accrue(posted)
	for ; n != nil; n = n.parent {
		if err := n.charge.post(w.Day, n.flightOf(w), posted); err != nil {
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
