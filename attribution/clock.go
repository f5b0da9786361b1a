package attribution

import (
	"fmt"
	"strings"
	"time"
)

// clock is a zone's offsets over a stretch of time, so that SQL can turn slots
// into local days and hours: SQLite knows no zones.
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

// daySQL is the local date of slot, in days since 1970.
func (c clock) daySQL() string {
	return c.cases(func(p clockPiece) string { return fmt.Sprintf("(slot + %d) / 86400", p.offset) })
}

// hourSQL is the instant at which slot's local hour began. Where the clock was
// changed within an hour, the part after the change begins at the change.
func (c clock) hourSQL() string {
	return c.cases(func(p clockPiece) string {
		return fmt.Sprintf("max(%d, slot - (slot + %d) %% 3600)", p.since, p.offset)
	})
}

func (c clock) cases(expr func(clockPiece) string) string {
	if len(c) == 1 {
		return expr(c[0])
	}
	var b strings.Builder
	b.WriteString("CASE")
	for i := range c[:len(c)-1] {
		fmt.Fprintf(&b, " WHEN slot < %d THEN %s", c[i+1].since, expr(c[i]))
	}
	return b.String() + " ELSE " + expr(c[len(c)-1]) + " END"
}
