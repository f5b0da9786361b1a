package control

import (
	"fmt"
	"math"
	"time"

	"bidhawk/internal/money"
)

// ForecastConfig tunes a Forecast. Its zero value is not valid.
type ForecastConfig struct {
	// PriorAuctions is how many auctions of own traffic the prior curve counts
	// for in each slot.
	PriorAuctions int64
	// WeekKeeps is the weight of what was seen a week earlier.
	WeekKeeps money.PPM
	// LevelHours is the memory of the level: how much traffic there is now,
	// whatever the hour.
	LevelHours int64
}

// DefaultForecastConfig leaves the prior as soon as an hour of the
// week was seen with more than a few auctions.
func DefaultForecastConfig() ForecastConfig {
	return ForecastConfig{PriorAuctions: 25, WeekKeeps: 750_000, LevelHours: 24}
}

// Validate names the first setting that makes no sense.
func (c ForecastConfig) Validate() error {
	switch {
	case c.PriorAuctions < 1 || c.PriorAuctions > 1_000_000:
		return fmt.Errorf("control: prior auctions is %d; want 1 to 1000000", c.PriorAuctions)
	case c.WeekKeeps < 0 || c.WeekKeeps > 1_000_000:
		return fmt.Errorf("control: week keeps is %d; want 0 to 1000000 parts per million", c.WeekKeeps)
	case c.LevelHours < 1 || c.LevelHours > 10_000:
		return fmt.Errorf("control: level hours is %d; want 1 to 10000", c.LevelHours)
	}
	return nil
}

// ForecastState is what a Forecast has learned, to keep. A slot's auctions and
// seconds are weighted by their age.
type ForecastState struct {
	Slots []SlotState `json:"slots,omitempty"` // none, or one for each slot
	// Level is the traffic of late: auctions seen, and the hours of the curve's
	// mean hour that they were seen in, both in thousandths.
	LevelAuctions int64 `json:"level_auctions_thousandths,omitempty"`
	LevelHours    int64 `json:"level_hours_thousandths,omitempty"`
}

// SlotState is one hour of the week.
type SlotState struct {
	Auctions int64 `json:"auctions_thousandths"`
	Seconds  int64 `json:"seconds_thousandths"`
	Week     int64 `json:"week"` // when it was last seen
}

// Forecast learns when one line item's matching traffic comes. Each slot's rate
// is shrunk to the prior's, by the level of the line item's own traffic:
//
//	rate = (seen + prior auctions) / (hours seen + prior auctions / (prior rate x level))
//
// It is not safe for concurrent use.
type Forecast struct {
	cfg   ForecastConfig
	loc   *time.Location
	prior [Slots]float64
	slots [Slots]slotSeen
	// The level is seen / hours, both fading: auctions in a mean hour.
	seen, hours float64
	rate        [Slots]float64 // relative to the level; made by refit
	stale       bool
}

type slotSeen struct {
	auctions, hours float64
	week            int64
}

// NewForecast begins with the curve prior (nil: flat) and perHour auctions in a
// mean hour, 0 where nobody knows; it counts as one hour's observation. The
// hours are those of loc.
func NewForecast(cfg ForecastConfig, loc *time.Location, prior *Curve, perHour int64) (*Forecast, error) {
	if prior == nil {
		prior = Flat()
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := prior.Validate(); err != nil {
		return nil, err
	}
	if perHour < 0 || perHour > maxPerHour {
		return nil, fmt.Errorf("control: auctions per hour is %d; want 0 to %d", perHour, int64(maxPerHour))
	}
	f := &Forecast{cfg: cfg, loc: loc, stale: true}
	var sum float64
	for _, v := range prior {
		sum += float64(v)
	}
	for i, v := range prior {
		f.prior[i] = float64(v) * Slots / sum
	}
	if perHour > 0 {
		f.seen, f.hours = float64(perHour), 1
	}
	return f, nil
}

const maxPerHour = 1e12

// Observe adds the auctions that came in [from, to), evenly: an hour or less.
// An hour without any is to be told too. Times go forward.
func (f *Forecast) Observe(from, to time.Time, auctions int64) error {
	span := to.Sub(from)
	if span <= 0 || span > time.Hour {
		return fmt.Errorf("control: traffic seen over %v; want more than 0 and at most an hour", span)
	}
	if auctions < 0 || float64(auctions) > maxPerHour {
		return fmt.Errorf("control: auctions seen is %d; want 0 to %d", auctions, int64(maxPerHour))
	}
	f.refit()
	for from.Before(to) {
		slot, next := piece(from, to, f.loc)
		part := next.Sub(from)
		n, h := float64(auctions)*float64(part)/float64(span), part.Hours()
		fade := math.Exp(-h / float64(f.cfg.LevelHours))
		f.seen, f.hours = f.seen*fade+n, f.hours*fade+h*f.rate[slot]
		f.slots[slot].add(n, h, week(from, f.loc), float64(f.cfg.WeekKeeps)/1e6)
		from = next
	}
	f.stale = true
	return nil
}

func (s *slotSeen) add(n, h float64, week int64, keep float64) {
	if s.hours > 0 && week > s.week {
		fade := math.Pow(keep, float64(week-s.week))
		s.auctions, s.hours = s.auctions*fade, s.hours*fade
	}
	s.week = max(s.week, week)
	s.auctions, s.hours = s.auctions+n, s.hours+h
}

// refit makes the rates anew from what was seen.
func (f *Forecast) refit() {
	if !f.stale {
		return
	}
	f.stale = false
	var seen, expected float64
	for i, s := range f.slots {
		seen, expected = seen+s.auctions, expected+s.hours*f.prior[i]
	}
	if seen == 0 || expected == 0 {
		f.rate = f.prior
		return
	}
	level, k, sum := seen/expected, float64(f.cfg.PriorAuctions), 0.0
	for i, s := range f.slots {
		// Where the prior says that nobody comes, one in a thousand may.
		usual := max(f.prior[i], 0.001) * level
		f.rate[i] = (s.auctions + k) / (s.hours + k/usual)
		sum += f.rate[i]
	}
	for i := range f.rate {
		f.rate[i] *= Slots / sum
	}
}

// weight is the traffic of [from, to) in mean hours.
func (f *Forecast) weight(from, to time.Time) float64 {
	f.refit()
	return integral(&f.rate, from, to, f.loc)
}

// Auctions is how many to expect in [from, to), at the level of late. It is 0
// where no traffic was seen yet.
func (f *Forecast) Auctions(from, to time.Time) int64 {
	if f.hours <= 0 {
		return 0
	}
	return int64(min(f.weight(from, to)*f.seen/f.hours, math.MaxInt64/2))
}

// Share is which part of the traffic of [from, to) comes in [t1, t2).
func (f *Forecast) Share(t1, t2, from, to time.Time) money.PPM {
	if t1.Before(from) {
		t1 = from
	}
	if t2.After(to) {
		t2 = to
	}
	return money.PPM(math.Round(f.fraction(t1, t2, from, to) * 1e6))
}

// fraction is by time where the curve expects nothing at all.
func (f *Forecast) fraction(t1, t2, from, to time.Time) float64 {
	if !from.Before(to) || !t1.Before(t2) {
		return 0
	}
	if whole := f.weight(from, to); whole > 0 {
		return min(f.weight(t1, t2)/whole, 1)
	}
	return min(float64(t2.Sub(t1))/float64(to.Sub(from)), 1)
}

// Curve is what was learned, as a prior for others.
func (f *Forecast) Curve() *Curve {
	f.refit()
	c := new(Curve)
	for i, r := range f.rate {
		c[i] = money.PPM(math.Round(r * 1e6))
	}
	return c
}

// State is f's, to keep.
func (f *Forecast) State() ForecastState {
	s := ForecastState{Slots: make([]SlotState, Slots), LevelAuctions: thousandths(f.seen), LevelHours: thousandths(f.hours)}
	for i, v := range f.slots {
		s.Slots[i] = SlotState{Auctions: thousandths(v.auctions), Seconds: thousandths(v.hours * 3600), Week: v.week}
	}
	return s
}

func thousandths(v float64) int64 { return int64(math.Round(min(v*1000, math.MaxInt64/2))) }

// Restore sets what was learned to a State that was kept; on an error f is as it was.
func (f *Forecast) Restore(s ForecastState) error {
	if len(s.Slots) != 0 && len(s.Slots) != Slots {
		return fmt.Errorf("%w: %d slots; want none or %d", ErrState, len(s.Slots), Slots)
	}
	if s.LevelAuctions < 0 || s.LevelHours < 0 {
		return fmt.Errorf("%w: level of %d auctions in %d hours; want none below 0", ErrState, s.LevelAuctions, s.LevelHours)
	}
	var slots [Slots]slotSeen
	for i, v := range s.Slots {
		if v.Auctions < 0 || v.Seconds < 0 {
			return fmt.Errorf("%w: slot %d has %d auctions in %d seconds; want none below 0", ErrState, i, v.Auctions, v.Seconds)
		}
		slots[i] = slotSeen{auctions: float64(v.Auctions) / 1000, hours: float64(v.Seconds) / 3_600_000, week: v.Week}
	}
	f.slots, f.stale = slots, true
	f.seen, f.hours = float64(s.LevelAuctions)/1000, float64(s.LevelHours)/1000
	return nil
}
