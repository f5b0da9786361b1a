package audit

import (
	"fmt"
	"math"
)

// horizon is one bound: a scope's charge or media over a day or for good.
type horizon struct {
	limit    int64 // 0: none
	posted   int64
	held     int64
	late     int64 // media that was posted though it did not fit: never the advertiser's
	accepted int64 // what was committed when the limit was cut below it; falls with it
}

func (h *horizon) bound() int64 {
	if h.limit == 0 {
		return math.MaxInt64
	}
	return h.limit
}

func (h *horizon) room() int64 { return max(0, h.bound()-h.posted-h.held) }

func (h *horizon) cut(limit int64) {
	h.limit = limit
	h.accepted = 0
	if c := h.posted + h.held; c > h.bound() {
		h.accepted = c
	}
}

// check is the promise: what is posted and held stays within the limit, or
// within what was committed when the limit was cut below that, and never grows there.
func (h *horizon) check() error {
	committed := h.posted + h.held - h.late
	switch {
	case h.posted < 0 || h.held < 0:
		return fmt.Errorf("posted %d, held %d: below zero", h.posted, h.held)
	case committed > max(h.bound(), h.accepted):
		return fmt.Errorf("posted %d + held %d is over the limit %d (accepted when it was cut: %d)", h.posted-h.late, h.held, h.limit, h.accepted)
	case committed <= h.bound():
		h.accepted = 0
	default:
		h.accepted = committed
	}
	return nil
}

// scope is an advertiser, a campaign or a line item: its charge, and for a line
// item its media.
type scope struct {
	name   string // "line_item/9"
	up     *scope
	charge ledgerOf
	media  ledgerOf
	// Of an advertiser.
	day string
	fee int64
	// Of a line item.
	clicks     bool
	clickPrice int64
	dataFee    int64
	waiting    map[string]*waiting // by day: expected charges that wait for clicks
}

type ledgerOf struct {
	daily int64
	life  horizon
	days  map[string]*horizon
}

// waiting is a day's expected click charges: what is held, and what the leases
// that are not closed have brought.
type waiting struct{ held, brought int64 }

func (l *ledgerOf) on(day string) *horizon {
	h := l.days[day]
	if h == nil {
		h = &horizon{limit: l.daily}
		if l.days == nil {
			l.days = map[string]*horizon{}
		}
		l.days[day] = h
	}
	return h
}

func (l *ledgerOf) set(daily, lifetime int64) {
	l.daily = daily
	l.life.cut(lifetime)
	for _, h := range l.days {
		h.cut(daily)
	}
}

func (l *ledgerOf) room(day string) int64 { return min(l.life.room(), l.on(day).room()) }

func (l *ledgerOf) both(day string) [2]*horizon { return [2]*horizon{&l.life, l.on(day)} }

func (s *scope) advertiser() *scope {
	for s.up != nil {
		s = s.up
	}
	return s
}

// room is what an advertiser may still be charged for s on day.
func (s *scope) room(day string) int64 {
	r := int64(math.MaxInt64)
	for ; s != nil; s = s.up {
		r = min(r, s.charge.room(day))
	}
	return r
}

// move changes held and posted charge at every level.
func (s *scope) move(day string, held, posted int64) {
	for ; s != nil; s = s.up {
		for _, h := range s.charge.both(day) {
			h.held += held
			h.posted += posted
		}
	}
}

func (s *scope) moveMedia(day string, held, posted, late int64) {
	for _, h := range s.media.both(day) {
		h.held += held
		h.posted += posted
		h.late += late
	}
}

func (s *scope) check(day string) error {
	for t := s; t != nil; t = t.up {
		for i, h := range t.charge.both(day) {
			if err := h.check(); err != nil {
				return fmt.Errorf("%s charge %s: %w", t.name, [2]string{"lifetime", day}[i], err)
			}
		}
	}
	for i, h := range s.media.both(day) {
		if err := h.check(); err != nil {
			return fmt.Errorf("%s media %s: %w", s.name, [2]string{"lifetime", day}[i], err)
		}
	}
	return nil
}

func (s *scope) wait(day string) *waiting {
	w := s.waiting[day]
	if w == nil {
		w = &waiting{}
		if s.waiting == nil {
			s.waiting = map[string]*waiting{}
		}
		s.waiting[day] = w
	}
	return w
}
