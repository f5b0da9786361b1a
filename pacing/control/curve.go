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

// integral is the sum of rate over [from, to), in rate's unit x hours. Whole
// weeks between two changes of the clock count at once.
func integral(rate *[Slots]float64, from, to time.Time, loc *time.Location) float64 {
	const aWeek = Slots * time.Hour
	var sum, whole float64
	for _, r := range rate {
		whole += r
	}
	for from.Before(to) {
		if n := to.Sub(from) / aWeek; n > 0 {
			if _, change := from.In(loc).ZoneBounds(); !change.IsZero() {
				n = min(n, change.Sub(from)/aWeek)
			}
			if n > 0 {
				sum += float64(n) * whole
				from = from.Add(n * aWeek)
				continue
			}
		}
		slot, next := piece(from, to, loc)
		sum += rate[slot] * next.Sub(from).Hours()
		from = next
	}
	return sum
}
