package audit

import (
	"fmt"
	"math"
	"strconv"

	"bidhawk/internal/money"
)

// noBound is the bound of a horizon without a limit.
const noBound = math.MaxInt64

func boundOf(limit int64) int64 {
	if limit == 0 {
		return noBound
	}
	return limit
}

// horizon is one bound: a scope's charge or media for good, over a day or over
// a flight.
type horizon struct {
	name      string // for people: "campaign/4 charge 2026-11-21"
	*accounts        // as the ledger calls them; nil of a day, which goes by today
	bound     int64
	posted    int64
	held      int64
	late      int64 // media that was posted though it did not fit: never the advertiser's
	accepted  int64 // what was committed when the limit was cut below it; falls with it
}

func (h *horizon) room() int64 { return max(0, h.bound-h.posted-h.held) }

func (h *horizon) cut(bound int64) {
	h.bound = bound
	h.accepted = 0
	if c := h.posted + h.held - h.late; c > bound {
		h.accepted = c
	}
}

// check is the promise: what is posted and held stays within the limit, or
// within what was committed when the limit was cut below that, and never grows there.
func (h *horizon) check() error {
	committed := h.posted + h.held - h.late
	switch {
	case h.posted < 0 || h.held < 0:
		return fmt.Errorf("%s: posted %d, held %d: below zero", h.name, h.posted, h.held)
	case committed > max(h.bound, h.accepted):
		return fmt.Errorf("%s: posted %d + held %d is over the limit %d (accepted when it was cut: %d)", h.name, h.posted-h.late, h.held, h.bound, h.accepted)
	case committed <= h.bound:
		h.accepted = 0
	default:
		h.accepted = committed
	}
	return nil
}

// over is what is posted beyond every limit that ever allowed it.
func (h *horizon) over() int64 { return max(0, h.posted-h.late-max(h.bound, h.accepted)) }

// accounts are the names of two balances.
type accounts struct{ postedName, heldName string }

func named(prefix string) *accounts { return &accounts{prefix + "/posted", prefix + "/held"} }

// account is what a scope is charged, or the media of a line item, at every
// horizon.
type account struct {
	name    string // "campaign/4 charge"
	path    string // "campaign/4/charge"
	today   *accounts
	daily   int64 // the bound of every day
	life    horizon
	days    map[date]*horizon
	named   map[int64]int64 // the bounds of the flights of the newest terms, by start
	flights map[int64]*horizon
}

func newAccount(scope, kind string) account {
	name, path := scope+" "+kind, scope+"/"+kind
	return account{name: name, path: path, today: named(path + "/today"), daily: noBound,
		life: horizon{name: name + " lifetime", accounts: named(path), bound: noBound}, days: map[date]*horizon{}, flights: map[int64]*horizon{}}
}

func (a *account) on(day date) *horizon {
	h := a.days[day]
	if h == nil {
		h = &horizon{name: a.name + " " + day.String(), bound: a.daily}
		a.days[day] = h
	}
	return h
}

// flight is the horizon of a flight; one that the newest terms do not name is closed.
func (a *account) flight(start int64) *horizon {
	h := a.flights[start]
	if h == nil {
		h = &horizon{name: fmt.Sprintf("%s flight %d", a.name, start), accounts: named(fmt.Sprintf("%s/flight/%d", a.path, start)), bound: a.named[start]}
		a.flights[start] = h
	}
	return h
}

// hasFlight says whether start is one of the newest terms: 0 where there are none.
func (a *account) hasFlight(start int64) bool {
	if len(a.named) == 0 {
		return start == 0
	}
	_, ok := a.named[start]
	return ok && start != 0
}

func (a *account) set(daily, lifetime int64, flights map[int64]int64) {
	a.daily = daily
	a.life.cut(lifetime)
	for _, h := range a.days {
		h.cut(daily)
	}
	a.named = flights
	for start, h := range a.flights {
		h.cut(flights[start])
	}
}

func (a *account) horizons(f func(h *horizon)) {
	f(&a.life)
	for _, h := range a.days {
		f(h)
	}
	for _, h := range a.flights {
		f(h)
	}
}

type level uint8

const (
	advertiserLevel level = iota
	campaignLevel
	lineLevel
)

var levelNames = [...]string{"advertiser", "campaign", "line_item"}

// scope is an advertiser, a campaign or a line item.
type scope struct {
	level  level
	id     int64
	up     *scope // nil of an advertiser
	adv    *scope // an advertiser: itself
	charge account
	media  account // of line items

	*advertiser // of an advertiser
	*lineItem   // of a line item
}

// advertiser is what only an advertiser has.
type advertiser struct {
	currency string
	agency   int64
	fee      int64 // ppm
	day      date
	funded   bool
	credit   int64
	paid     int64
	paidName string
	lifetime int64        // the bound of its lifetime budget
	below    []*scope     // itself, and every scope below
	leases   map[date]int // how many leases that are not past hard name a day
	closed   map[date]bool
}

// lineItem is what only a line item has.
type lineItem struct {
	pricing   string
	price     int64 // of an event, or of a day
	shareOf   int64 // ppm
	lateShare int64 // ppm
	dataFee   int64
	last      flights // of the last granted item
	places    map[when]*place
	flats     map[date]*flat
	fees      [len(feeNames)]money.Wide
	feeNames  [len(feeNames)]string
}

// The fee accounts of a line item.
const (
	dataFee = iota
	platformFee
	margin
	houseLate
	houseUnbilled
)

var feeNames = [...]string{"data_fee", "platform_fee", "margin", "house_late", "house_unbilled"}

type flights struct{ line, campaign int64 }

// when is where money is held and posted: a day, and the flights, 0 where there are none.
type when struct {
	day date
	flights
}

// flat is a day's price of a line item that is paid by the day.
type flat struct {
	held    int64
	at      *place // where it is held; nil: it is not
	lease   int64  // whose item holds it
	charged bool
}

func (s *scope) name() string { return levelNames[s.level] + "/" + strconv.FormatInt(s.id, 10) }

func newScope(l level, id int64, up *scope) *scope {
	s := &scope{level: l, id: id, up: up}
	s.charge = newAccount(s.name(), "charge")
	switch l {
	case advertiserLevel:
		s.adv = s
		s.advertiser = &advertiser{leases: map[date]int{}, paidName: s.name() + "/paid"}
	case lineLevel:
		s.lineItem = &lineItem{places: map[when]*place{}, flats: map[date]*flat{}}
		s.media = newAccount(s.name(), "media")
		for i, fee := range feeNames {
			s.feeNames[i] = s.name() + "/" + fee
		}
		fallthrough
	default:
		s.adv = up.adv
	}
	s.adv.below = append(s.adv.below, s)
	return s
}

// limitLife sets an advertiser's lifetime limit: a funded one's is never more than
// what it has paid and its credit.
func (s *scope) limitLife() {
	bound := s.lifetime
	if s.funded {
		bound = min(bound, plus(s.paid, s.credit))
	}
	s.charge.life.cut(bound)
}

func (s *scope) flatOf(day date) *flat {
	f := s.flats[day]
	if f == nil {
		f = &flat{}
		s.flats[day] = f
	}
	return f
}

func (f *flat) release() {
	if f.at != nil {
		f.at.move(-f.held, 0)
		f.held, f.at = 0, nil
	}
}
