package pacing

import (
	"fmt"
	"time"
)

// Day is a calendar date as yyyymmdd, such as 20261121, in some advertiser's
// zone; days compare as integers. 0 is no day.
type Day int32

// DayOf is the day of t in t's location.
func DayOf(t time.Time) Day {
	y, m, d := t.Date()
	return Day(y*10_000 + int(m)*100 + d)
}

// Start is the first instant of d in loc; End that of the next day.
func (d Day) Start(loc *time.Location) time.Time { return d.midnight(loc, 0) }

// End is the first instant after d in loc.
func (d Day) End(loc *time.Location) time.Time { return d.midnight(loc, 1) }

// midnight finds the first instant of a date. Where a clock change skips
// midnight, time.Date may answer an instant of the day before: the day then
// starts when the clock jumps.
func (d Day) midnight(loc *time.Location, plus int) time.Time {
	year, month, day := int(d)/10_000, time.Month(int(d)/100%100), int(d)%100+plus
	t := time.Date(year, month, day, 0, 0, 0, 0, loc)
	want := DayOf(time.Date(year, month, day, 12, 0, 0, 0, loc))
	if DayOf(t) < want {
		_, end := t.ZoneBounds()
		return end.In(loc)
	}
	return t
}

// AppendText appends d as 2026-11-21.
func (d Day) AppendText(b []byte) ([]byte, error) {
	return append(b, byte('0'+d/10_000_000%10), byte('0'+d/1_000_000%10), byte('0'+d/100_000%10), byte('0'+d/10_000%10), '-',
		byte('0'+d/1000%10), byte('0'+d/100%10), '-', byte('0'+d/10%10), byte('0'+d%10)), nil
}

func (d Day) String() string {
	b, _ := d.AppendText(nil)
	return string(b)
}

// MarshalText writes 2026-11-21.
func (d Day) MarshalText() ([]byte, error) { return d.AppendText(nil) }

// UnmarshalText is ParseDay.
func (d *Day) UnmarshalText(b []byte) error {
	v, err := ParseDay(string(b))
	if err == nil {
		*d = v
	}
	return err
}

// ParseDay reads a date such as 2026-11-21.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1 {
		return 0, fmt.Errorf("day %.20q: want a date such as 2026-11-21", s)
	}
	return DayOf(t), nil
}
