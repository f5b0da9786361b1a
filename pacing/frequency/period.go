package frequency

import (
	"time"

	"bidhawk/pacing"
)

// periodEnd is the first instant after the calendar period of at, in at's
// location. Days, weeks (from Monday) and months end at midnight, of 23 to 25 hours
// where the clock changes; minutes and hours end where the clock changes, so that
// the hour that comes twice in autumn is two.
func periodEnd(w Window, at time.Time) time.Time {
	switch w {
	case Minute:
		return clockEnd(at, 60)
	case Hour:
		return clockEnd(at, 3600)
	}
	y, m, d := at.Date()
	switch w {
	case Week:
		d += 7 - (int(at.Weekday())+6)%7
	case Month:
		m, d = m+1, 1
	default:
		d++
	}
	// At noon no clock changes the date.
	next := time.Date(y, m, d, 12, 0, 0, 0, time.UTC)
	return pacing.DayOf(next).Start(at.Location())
}

func clockEnd(at time.Time, seconds int64) time.Time {
	_, offset := at.Zone()
	local := at.Unix() + int64(offset)
	end := time.Unix(local-mod(local, seconds)+seconds-int64(offset), 0)
	if _, change := at.ZoneBounds(); !change.IsZero() && change.Before(end) {
		return change
	}
	return end
}

func mod(a, b int64) int64 { return (a%b + b) % b }
