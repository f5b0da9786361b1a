package targeting

import "time"

// weekHours is the hours of a week; hour 0 is Monday 00:00.
const weekHours = 168

// offset is a zone's distance to UTC during [from, until), all in seconds. A
// Scratch keeps it between requests: finding it costs more than the rest of a match.
type offset struct {
	from, until int64
	seconds     int64
}

// hour is the hour of the week at now in zone.
func (o *offset) hour(now time.Time, zone *time.Location) uint8 {
	unix := now.Unix()
	if unix < o.from || unix >= o.until {
		o.find(now.In(zone))
	}
	const week = weekHours * 3600
	// 1 January 1970 was a Thursday: three days into the week.
	second := (unix + o.seconds + 3*24*3600) % week
	if second < 0 {
		second += week
	}
	return uint8(second / 3600)
}

// find is the slow path: the zone changed its offset, or was not asked before.
func (o *offset) find(local time.Time) {
	unix := local.Unix()
	_, seconds := local.Zone()
	start, end := local.ZoneBounds()
	o.seconds = int64(seconds)
	// Where the offset never changed or never will, the bound is the zero time.
	o.from, o.until = unix, unix+1
	if !start.IsZero() {
		o.from = start.Unix()
	}
	if !end.IsZero() {
		o.until = end.Unix()
	} else if o.until < farFuture {
		o.until = farFuture
	}
}

// farFuture is the year 9999: an offset that nothing ends holds until then.
const farFuture = 253_402_300_799
