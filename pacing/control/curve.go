package control

import (
	"fmt"
	"time"

	"bidhawk/internal/money"
)

// Slots are the hours of a week, from Monday 0:00 local time.
const Slots = 7 * 24

// Curve is how traffic is spread over a week: each hour's rate as a share of the
// mean hour's, 1_000_000 being the mean. The hours are local.
type Curve [Slots]money.PPM

// Flat is the curve of who knows nothing.
func Flat() *Curve {
	c := new(Curve)
	for i := range c {
		c[i] = 1_000_000
	}
	return c
}

// Validate wants rates of 0 to 168 times the mean, and not all of them 0.
func (c *Curve) Validate() error {
	var sum money.PPM
	for i, v := range c {
		if v < 0 || v > Slots*1_000_000 {
			return fmt.Errorf("control: curve slot %d is %d; want 0 to %d parts per million", i, v, Slots*1_000_000)
		}
		sum += v
	}
	if sum == 0 {
		return fmt.Errorf("control: curve is 0 in all its %d slots; want traffic in one of them", Slots)
	}
	return nil
}

// piece is the stretch of time from t to the end of its local hour, to the next
// change of the zone's clock, or to end, whichever is first.
func piece(t, end time.Time, loc *time.Location) (slot int, next time.Time) {
	local := t.In(loc)
	slot = (int(local.Weekday())+6)%7*24 + local.Hour()
	into := time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	next = t.Add(time.Hour - into)
	if _, change := local.ZoneBounds(); !change.IsZero() && change.Before(next) {
		next = change
	}
	if end.Before(next) {
		next = end
	}
	return slot, next
}

// week numbers the local week of t: 0 has the first Thursday of 1970.
func week(t time.Time, loc *time.Location) int64 {
	y, m, d := t.In(loc).Date()
	days := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86_400
	return (days + 3) / 7
}

// integral is the sum of rate over [from, to), in rate's unit x hours.
func integral(rate *[Slots]float64, from, to time.Time, loc *time.Location) (sum float64) {
	for from.Before(to) { // from one change of the zone's clock to the next
		local := from.In(loc)
		_, offset := local.Zone()
		end := to
		if _, change := local.ZoneBounds(); !change.IsZero() && change.Before(end) {
			end = change
		}
		sum += steady(rate, from.UnixNano()+int64(offset)*int64(time.Second), end.Sub(from))
		from = end
	}
	return sum
}

// steady is integral where the clock does not change: from local, in nanoseconds
// since 1970 by the local clock, for span.
func steady(rate *[Slots]float64, local int64, span time.Duration) (sum float64) {
	const hour = int64(time.Hour)
	if weeks := span / (Slots * time.Hour); weeks > 0 {
		for _, r := range rate {
			sum += r
		}
		sum *= float64(weeks)
		span -= weeks * Slots * time.Hour
	}
	const toMonday = 3 * 24 // 1970-01-01 was a Thursday
	slot := int((local/hour + toMonday) % Slots)
	into := local % hour
	for left := int64(span); left > 0; into = 0 {
		part := min(hour-into, left)
		sum += rate[slot] * float64(part) / float64(hour)
		left -= part
		if slot++; slot == Slots {
			slot = 0
		}
	}
	return sum
}
