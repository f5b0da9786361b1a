package rates

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Limits says how old a table may be and how far one may be from the last.
// Ages count from 00:00 UTC of the table's day.
type Limits struct {
	// WarnAfter is the age from which the table is stale: still used, and an alert.
	WarnAfter time.Duration
	// RefuseAfter is the age from which it is not used: every currency but the
	// base is unknown then, and what is priced in one is a no-bid. A bid whose
	// floor, price and budget are in one currency needs no rate and goes on.
	RefuseAfter time.Duration
	// MaxFactor bounds how far a rate may move between two tables, up or down: a
	// slipped decimal point in a daily file is refused. A currency that really
	// moves so far in a day wants a restart. 0: no bound.
	MaxFactor int64
}

// DefaultLimits bear one weekend without a new table: one of Friday is stale
// from Saturday noon and refused from Tuesday.
func DefaultLimits() Limits {
	return Limits{WarnAfter: 36 * time.Hour, RefuseAfter: 96 * time.Hour, MaxFactor: 2}
}

// Validate names the first field that breaks its rule.
func (l Limits) Validate() error {
	f := func(field string, value any, rule string) error {
		return fmt.Errorf("rates.%s: got %v; want %s", field, value, rule)
	}
	switch {
	case l.WarnAfter < time.Hour || l.WarnAfter > l.RefuseAfter:
		return f("warn_after", l.WarnAfter, "1h to refuse_after, "+l.RefuseAfter.String())
	case l.RefuseAfter > 30*24*time.Hour:
		return f("refuse_after", l.RefuseAfter, "at most 720h")
	case l.MaxFactor != 0 && (l.MaxFactor < 2 || l.MaxFactor > 1000):
		return f("max_factor", l.MaxFactor, "2 to 1000, or 0 for no bound")
	}
	return nil
}

// State is how a table's age stands to the limits.
type State uint8

// The states.
const (
	Fresh   State = iota
	Stale         // used, and an alert
	Refused       // not used
)

func (s State) String() string { return [...]string{"fresh", "stale", "refused"}[s] }

// maxAhead is how far a table's day may lie ahead of our clock: the day begins
// earlier east of Greenwich.
const maxAhead = 24 * time.Hour

// Source is the table that is in force, replaced by Reload while others read it.
type Source struct {
	path   string
	limits Limits
	clock  func() time.Time
	force  atomic.Pointer[inForce]
}

// inForce is a table and what it is once refused. It is immutable.
type inForce struct {
	table    *Table
	stripped *Table
	refuse   time.Time // from then on stripped holds; zero: never
}

// New reads the file at path; there is no Source without a good first table.
// A table that is already refused is good: the currencies come back with the
// next one.
func New(path string, limits Limits, clock func() time.Time) (*Source, error) {
	if err := limits.Validate(); err != nil {
		return nil, err
	}
	s := &Source{path: path, limits: limits, clock: clock}
	if err := s.Reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// NewFixed is a Source of a table that is neither replaced nor ever stale.
func NewFixed(t *Table) *Source {
	s := &Source{limits: DefaultLimits(), clock: func() time.Time { return time.Time{} }}
	s.force.Store(&inForce{table: t, stripped: t})
	return s
}

// At is the table in force at now: one atomic load, one comparison, no
// allocation. It stays as it is; a request takes it once.
func (s *Source) At(now time.Time) *Table {
	f := s.force.Load()
	if !f.refuse.IsZero() && !now.Before(f.refuse) {
		return f.stripped
	}
	return f.table
}

// Current is At of the clock.
func (s *Source) Current() *Table { return s.At(s.clock()) }

// State is how old the table in force is at now.
func (s *Source) State(now time.Time) State {
	switch age := s.force.Load().table.Age(now); {
	case age >= s.limits.RefuseAfter:
		return Refused
	case age >= s.limits.WarnAfter:
		return Stale
	}
	return Fresh
}

// Reload reads the file again. Where that fails the last good table stays in
// force, and goes on ageing. One caller at a time; a fixed source has no file.
func (s *Source) Reload() error {
	if s.path == "" {
		return nil
	}
	t, err := Load(s.path)
	if err != nil {
		return err
	}
	if ahead := -t.Age(s.clock()); ahead > maxAhead {
		return fmt.Errorf("%s: date: got %s; want at most %v ahead of the clock", s.path, t.date.Format(time.DateOnly), maxAhead)
	}
	if last := s.force.Load(); last != nil && s.limits.MaxFactor > 0 {
		if err := t.step(last.table, s.limits.MaxFactor); err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		}
	}
	s.force.Store(&inForce{table: t, stripped: t.stripped(), refuse: t.date.Add(s.limits.RefuseAfter)})
	return nil
}

// Watch reloads the file until ctx ends, and reports each failure and each
// change of state once: nil says that all is well again.
func (s *Source) Watch(ctx context.Context, every time.Duration, report func(error)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	last := ""
	for {
		err := s.Reload()
		if err == nil {
			err = s.tooOld()
		}
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != last {
			report(err)
		}
		last = text
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// tooOld is the alert about a table that is not fresh.
func (s *Source) tooOld() error {
	now := s.clock()
	state := s.State(now)
	if state == Fresh {
		return nil
	}
	return fmt.Errorf("%s: date: got %s, which is %s; want a day whose begin is less than %v ago",
		s.path, s.force.Load().table.date.Format(time.DateOnly), state, s.limits.WarnAfter)
}
