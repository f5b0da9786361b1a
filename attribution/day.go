package attribution

import (
	"fmt"
	"time"
)

// Day is a calendar date: days since 1970-01-01.
type Day int32

// quarter is the grain of the roll-ups' time.
const quarter = 15 * time.Minute

// ParseDay reads "2026-11-21".
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("day %.20q: want a date such as 2026-11-21", s)
	}
	return dayOf(t, time.UTC), nil
}

// String prints the date.
func (d Day) String() string { return d.utc().Format(time.DateOnly) }

func (d Day) utc() time.Time { return time.Unix(int64(d)*86_400, 0).UTC() }

// dayOf is the date of t in loc.
func dayOf(t time.Time, loc *time.Location) Day {
	_, offset := t.In(loc).Zone()
	return Day(floorDiv(t.Unix()+int64(offset), 86_400))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// start is the first instant of d in loc. Where the clock skips midnight that
// is the first instant after the gap; where midnight comes twice, the first.
func (d Day) start(loc *time.Location) time.Time {
	y, m, day := d.utc().Date()
	t := time.Date(y, m, day, 0, 0, 0, 0, loc)
	for dayOf(t.Add(-quarter), loc) >= d {
		t = t.Add(-quarter)
	}
	for dayOf(t, loc) < d {
		t = t.Add(quarter)
	}
	return t
}

// slotOf is the quarter hour of t, in Unix seconds.
func slotOf(t time.Time) int64 {
	const q = int64(quarter / time.Second)
	return floorDiv(t.Unix(), q) * q
}

// slotWithin is the quarter hour of t, moved into d where t lies outside it.
func slotWithin(t time.Time, d Day, loc *time.Location) int64 {
	if dayOf(t, loc) == d {
		return slotOf(t)
	}
	if start := d.start(loc); t.Before(start) {
		return slotOf(start)
	}
	return slotOf((d + 1).start(loc).Add(-time.Nanosecond))
}
