package control

import (
	"fmt"
	"time"

	"bidhawk/internal/money"
)

// Pace is how a plan spreads a budget over its traffic.
type Pace uint8

const (
	// Even follows the expected traffic.
	Even Pace = iota
	// Ahead is faster at first and reaches the limit at the end all the same.
	Ahead
	// ASAP plans nothing: the whole limit is due at once.
	ASAP
)

// Plan is what should be spent by when: from Base at From to Limit at To.
type Plan struct {
	From, To    time.Time
	Base, Limit money.Nanos
	Pace        Pace
	// Lead is how much faster than even an Ahead plan starts, and how much
	// slower it ends: 250_000 is 25%.
	Lead money.PPM
}

// DefaultLead is a quarter.
const DefaultLead money.PPM = 250_000

// Validate names the first field that makes no sense.
func (p Plan) Validate() error {
	switch {
	case !p.From.Before(p.To):
		return fmt.Errorf("control: plan from %v to %v; want a beginning before the end", p.From, p.To)
	case p.Base < 0 || p.Limit < p.Base:
		return fmt.Errorf("control: plan of %d to %d nanos; want 0 <= base <= limit", p.Base, p.Limit)
	case p.Pace > ASAP:
		return fmt.Errorf("control: pace is %d; want even, ahead or asap", p.Pace)
	case p.Lead < 0 || p.Lead > 900_000:
		return fmt.Errorf("control: lead is %d; want 0 to 900000 parts per million", p.Lead)
	}
	return nil
}

// At is the planned spend at t. It never falls with t, is Base before From and
// Limit from To on.
func (p Plan) At(f *Forecast, t time.Time) money.Nanos {
	switch {
	case p.Pace == ASAP || !t.Before(p.To):
		return p.Limit
	case !t.After(p.From):
		return p.Base
	}
	u := f.fraction(p.From, t, p.From, p.To)
	if p.Pace == Ahead {
		u += p.lead() * u * (1 - u)
	}
	return p.Base + money.Nanos(float64(p.Limit-p.Base)*min(u, 1))
}

// Next is what to re-plan with so that spend is back on the plan within a horizon:
// the money to spend until then and the auctions that are forecast. Over the whole
// rest of a flight, errors of the forecast are corrected late; over an hour they
// cost next to no value (docs/decisions/2026-11-25-multiplier.md). shape is the
// forecast that the plan follows, such as a copy of the morning's, live the newest.
func (p Plan) Next(shape, live *Forecast, t time.Time, horizon time.Duration, spent money.Nanos) (left money.Nanos, auctions int64) {
	end := t.Add(horizon)
	if end.After(p.To) {
		end = p.To
	}
	return p.At(shape, end) - spent, live.Auctions(t, end)
}

// DefaultHorizon is an hour.
const DefaultHorizon = time.Hour

// Press is by how much the rate of spend now should be more than what is left
// over the traffic that is left: 1_000_000 for Even. Multiply what is left by it
// before Replan.
func (p Plan) Press(f *Forecast, t time.Time) money.PPM {
	if p.Pace != Ahead {
		return 1_000_000
	}
	u, a := 0.0, p.lead()
	if t.After(p.From) {
		u = f.fraction(p.From, t, p.From, p.To)
	}
	// The plan's slope 1+a-2au over (1-u-au(1-u)) / (1-u), its mean from u on.
	return money.PPM(1e6 * (1 + a - 2*a*u) / (1 - a*u))
}

func (p Plan) lead() float64 { return float64(p.Lead) / 1e6 }
