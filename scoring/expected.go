package scoring

import (
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// Event is what may follow an impression.
type Event uint8

// The events. Their rates are per impression, but for conversions, per click.
const (
	Click Event = iota
	View
	Completion
	Conversion
	events
)

func (e Event) String() string { return [...]string{"click", "view", "completion", "conversion"}[e] }

// Place is a creative at a placement, which is a site or an app and a slot of it,
// hashed; 0 where it is not known.
type Place struct {
	Creative  campaigns.ID
	Placement uint32
}

// Question asks for the rate of an event.
type Question struct {
	Event Event
	Place
	Prior money.PPM // what the line item expects
	// Learning is what media at the place must have cost before what was seen there
	// counts.
	Learning money.Nanos
	// Delay is the mean time to the event; At is now: clicks that are younger than
	// their conversions count in part.
	Delay time.Duration
	At    time.Time
}

// Predictor answers how likely an event is, 0 to 1,000,000 ppm. Smoothed counts do
// (see Rates); a model may. It is called within bids: it must not block or allocate.
type Predictor interface {
	Rate(Question) money.PPM
}

// Expected is what is expected of one impression, as far as its line item's pricing
// rule asks.
type Expected struct {
	CTR, View, Completion money.PPM // per impression
	CVR                   money.PPM // per click
	Sale                  money.Nanos
}

// Expect asks p for the rates that the rule of li needs.
func Expect(p Predictor, li *campaigns.LineItem, place Place, now time.Time) (e Expected) {
	q := Question{Place: place, Learning: li.LearningBudget, At: now}
	ask := func(event Event, prior money.PPM) money.PPM {
		q.Event, q.Prior = event, prior
		return p.Rate(q)
	}
	switch li.Pricing {
	case campaigns.PricingVCPM:
		e.View = ask(View, li.ExpectedViewRate)
	case campaigns.PricingCPCV:
		e.Completion = ask(Completion, li.ExpectedCompletionRate)
	case campaigns.PricingCPC:
		e.CTR = ask(Click, li.ExpectedCTR)
	case campaigns.PricingCPA, campaigns.PricingCPS:
		e.CTR = ask(Click, li.ExpectedCTR)
		q.Delay = li.ConversionDelay()
		e.CVR = ask(Conversion, li.ExpectedCVR)
		e.Sale = li.ExpectedSale
	}
	return e
}
