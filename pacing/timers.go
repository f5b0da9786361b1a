package pacing

import (
	"container/heap"
	"maps"
	"slices"
	"time"

	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
)

// Deadlines are how long after a bid its notices may come, for one class
// (exchange and format) of bids.
type Deadlines struct {
	Win   time.Duration // no win by then: lost; 0: the exchange's wins say nothing
	Close time.Duration // no bill by then: it is late; the default until enough bills have been seen
	Hard  time.Duration // no bill counts from then on, after the close
}

// deadlines of a class: as configured, or else as for all.
func (s *shard) deadlines(class string) Deadlines {
	d := Deadlines{Close: s.cfg.CloseAfter, Hard: s.cfg.HardAfter}
	if s.cfg.Deadlines == nil {
		return d
	}
	c := s.cfg.Deadlines(class)
	d.Win = c.Win
	if c.Close > 0 {
		d.Close = c.Close
	}
	if c.Hard > 0 {
		d.Hard = c.Hard
	}
	return d
}

// closeAfter is when a class closes: where enough of its bills have been seen, a
// quarter after the delay that one in a thousand exceeds.
func (s *shard) closeAfter(class string) time.Duration {
	d := s.deadlines(class)
	q, ok := s.ledger.delays[class].quantile(1000)
	if !ok {
		return d.Close
	}
	return min(max(q+q/4, leastClose), d.Hard)
}

// leastClose covers bids that are known to the second, and a notice's own way.
const leastClose = 3 * time.Second

// hardAfter is the longest of the lease's classes.
func (s *shard) hardAfter(ls *lease) time.Duration {
	hard := s.cfg.HardAfter
	for i := range ls.items {
		for _, c := range ls.items[i].classes {
			hard = max(hard, s.deadlines(c.Class).Hard)
		}
	}
	return hard
}

// phase sets the timers that follow from a lease's return, close or class.
func (s *shard) phase(now time.Time, ls *lease, r *eventlog.Record) {
	switch {
	case ls.closed:
		s.timers.add(timer{at: s.hardAt(now, ls), lease: ls.id, typ: TypeHard})
	case ls.settled(): // there is nothing to wait for
		s.timers.add(timer{at: now, lease: ls.id, typ: TypeClose})
	case r != nil && isReturn(r):
		s.classTimers(now, ls)
	}
}

func isReturn(r *eventlog.Record) bool {
	t, err := recordType(r.Value)
	return err == nil && t == TypeReturn
}

// classTimers ends the classes of a lease whose window is over, each at its time.
func (s *shard) classTimers(now time.Time, ls *lease) {
	done := map[string]bool{}
	for i := range ls.items {
		for _, c := range ls.items[i].classes {
			if !c.Told || c.Closed || done[c.Class] {
				continue
			}
			done[c.Class] = true
			end := s.closeAfter(c.Class)
			s.easeTimers(now, ls, c.Class, end)
			if d := s.deadlines(c.Class); d.Win > 0 && d.Win < end && !c.Unwon {
				s.timers.add(timer{at: now.Add(d.Win), lease: ls.id, typ: TypeUnwon, class: c.Class})
			}
			s.timers.add(timer{at: now.Add(end), lease: ls.id, typ: TypeClose, class: c.Class})
		}
	}
}

// easeSteps are the shares of bills that come later than an ease.
var easeSteps = [...]money.PPM{800_000, 500_000, 250_000, 100_000, 10_000}

// insured is how many bids of a line item's other leases count like one of the
// lease's own; docs/decisions/2026-11-25-holds.md has what other numbers deliver.
const insured = 8

// easeTimers lets go, in steps, of what is not expected to be billed any more:
// of the bids that nothing was heard of most are lost, and the more so the later.
// An exchange that tells of losses frees them itself, and exactly.
func (s *shard) easeTimers(now time.Time, ls *lease, class string, end time.Duration) {
	d := s.ledger.delays[class]
	if _, known := d.quantile(1000); !known || d.Losses > d.Total/10 {
		return
	}
	for _, step := range easeSteps {
		if at, _ := d.quantile(step); at < end {
			s.timers.add(timer{at: now.Add(at), lease: ls.id, typ: TypeEase, class: class, later: step})
		}
	}
}

// keep is the share of what is unresolved of a class that stays held where later
// of the bills are still to come: by Bayes' rule w*s / (1 - w + w*s), with w the
// win rate and s what is later, and three standard deviations of the bids' number.
func (ls *lease) keep(class string, later money.PPM) money.PPM {
	const one = 1_000_000
	var w, n int64
	for i := range ls.items {
		it := &ls.items[i]
		c := it.known(class)
		if c == nil || !c.Told {
			continue
		}
		y := &it.line.line.Yield
		w = max(w, int64(y.ratio(0)))
		// The leases of a line item insure one another, though not wholly: a bill can
		// draw on another's hold only once that is free.
		n += int64((c.unresolved().Charge + it.line.charge.Life.Held/insured) / y.each(noLimit))
	}
	ws := w * int64(later) / one
	q := ws * one / (one - w + ws)
	return money.PPM(min(one, q+3*isqrt(q*(one-q)/max(n, 1))))
}

// keepFor is what the record of a timer says of keeping: of ease alone.
func (ls *lease) keepFor(t timer) money.PPM {
	if t.typ != TypeEase {
		return 0
	}
	return ls.keep(t.class, t.later)
}

// isqrt is the root of n, rounded down, by Newton's steps.
func isqrt(n int64) int64 {
	x := n
	for y := (x + 1) / 2; y < x; y = (x + n/x) / 2 {
		x = y
	}
	return x
}

// postponed moves the close of a whole lease to after the last of its classes'.
func (s *shard) postponed(now time.Time, ls *lease, t timer) bool {
	if t.typ != TypeClose || t.class != "" || !ls.returned || ls.settled() {
		return false
	}
	for i := range ls.items {
		for _, c := range ls.items[i].classes {
			if c.Told && !c.Closed && s.closeAfter(c.Class) > s.cfg.CloseAfter {
				s.timers.add(timer{at: now.Add(s.closeAfter(c.Class)), lease: ls.id, typ: TypeClose})
				return true
			}
		}
	}
	return false
}

// restartTimers begins every lease's window anew: how long the owner before us
// has waited is not known.
func (s *shard) restartTimers(now time.Time) {
	s.timers = s.timers[:0]
	for _, id := range slices.Sorted(maps.Keys(s.ledger.leases)) {
		ls := s.ledger.leases[id]
		t := timer{at: now.Add(time.Duration(ls.windowMS)*time.Millisecond + s.cfg.CloseAfter), lease: id, typ: TypeClose}
		if ls.closed {
			t = timer{at: s.hardAt(now, ls), lease: id, typ: TypeHard}
		} else if ls.returned {
			s.classTimers(now, ls)
		}
		s.timers.add(t)
	}
}

// hardAt is when a closed lease of an owner before us is past hard. It goes on
// from the close record's time: begun anew with each owner, one that restarts
// more often than HardAfter would keep every lease and its bids for good. Clocks
// that differ cannot end it before CloseAfter from now, nor keep it longer than
// HardAfter.
func (s *shard) hardAt(now time.Time, ls *lease) time.Time {
	hard := s.hardAfter(ls)
	latest, soonest := now.Add(hard), now.Add(min(s.cfg.CloseAfter, hard))
	switch at := ls.closedAt.Add(hard); {
	case ls.closedAt.IsZero() || at.After(latest):
		return latest
	case at.Before(soonest):
		return soonest
	default:
		return at
	}
}

// timer is a phase's end.
type timer struct {
	at    time.Time
	lease int64
	typ   Type
	class string    // of ease, of unwon, and of the close of a class
	later money.PPM // of ease: the share of bills that is still to come
}

// timerHeap is a min-heap by instant.
type timerHeap []timer

func (h *timerHeap) add(t timer)       { heap.Push(h, t) }
func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h timerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)        { *h = append(*h, x.(timer)) }
func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	*h = (*h)[:last]
	return t
}
