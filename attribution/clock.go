package attribution

import (
	"sort"
	"time"
)

// clock is a zone's offsets over a stretch of time, which turn slots into local days
// and hours without a look at the zone for each.
type clock []clockPiece

// clockPiece holds until the next piece's since.
type clockPiece struct {
	since  int64 // Unix seconds
	offset int   // seconds east of UTC
}

// clockOf lists the offsets of loc from from until to.
func clockOf(loc *time.Location, from, to time.Time) clock {
	var c clock
	for t := from.In(loc); ; {
		_, offset := t.Zone()
		start, end := t.ZoneBounds()
		piece := clockPiece{offset: offset}
		if !start.IsZero() {
			piece.since = start.Unix()
		}
		c = append(c, piece)
		if end.IsZero() || !end.Before(to) {
			return c
		}
		t = end
	}
}

// at is the piece that slot falls into.
func (c clock) at(slot int64) clockPiece {
	n := sort.Search(len(c), func(i int) bool { return c[i].since > slot })
	return c[max(n-1, 0)]
}

// day is the local date of slot, in days since 1970.
func (c clock) day(slot int64) int64 { return floorDiv(slot+int64(c.at(slot).offset), 86_400) }

// hour is the instant at which slot's local hour began. Where the clock was changed
// within an hour, the part after the change begins at the change.
func (c clock) hour(slot int64) int64 {
	p := c.at(slot)
	local := slot + int64(p.offset)
	return max(p.since, slot-(local-floorDiv(local, 3600)*3600))
}
