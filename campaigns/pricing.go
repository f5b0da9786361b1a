package campaigns

import (
	"time"

	"bidhawk/internal/money"
)

// PricingModel says what is charged.
type PricingModel string

// The pricing models. docs/pricing.md says what each charges, and when.
const (
	PricingCPM  PricingModel = "cpm"  // a fixed price per billed impression
	PricingDCPM PricingModel = "dcpm" // dynamic CPM: what media cost, and a markup
	PricingVCPM PricingModel = "vcpm" // a fixed price per viewable impression
	PricingCPCV PricingModel = "cpcv" // a fixed price per completed view
	PricingCPC  PricingModel = "cpc"  // a fixed price per click
	PricingCPA  PricingModel = "cpa"  // a fixed price per conversion
	PricingCPS  PricingModel = "cps"  // a share of each sale
	PricingCPD  PricingModel = "cpd"  // a fixed price per day
)

// PricingTerms is what the newer pricing models need to know. A model forbids
// what means nothing to it, so that nobody believes that it counts.
type PricingTerms struct {
	// Markup is what dynamic CPM charges on top of media, as a share of it.
	Markup money.PPM `json:"markup_ppm"`
	// SaleShare is the share of a sale's value that CPS charges.
	SaleShare money.PPM `json:"sale_share_ppm"`
	// The prior rates of events, per impression but for conversions, which are per click.
	ExpectedViewRate       money.PPM `json:"expected_view_rate_ppm"`
	ExpectedCompletionRate money.PPM `json:"expected_completion_rate_ppm"`
	ExpectedCVR            money.PPM `json:"expected_cvr_ppm"`
	// ExpectedSale is the prior value of a sale.
	ExpectedSale money.Nanos `json:"expected_sale_nanos"`
	// LearningBudget is spent on media for a creative at one placement before its
	// own rates count there; until then the prior ones do. 0: they count at once.
	LearningBudget money.Nanos `json:"learning_budget_nanos"`
	// MediaCap bounds what the operator pays for media; zero: as much as may be charged.
	MediaCap Budget `json:"media_cap"`
	// ConversionDelayHours is the mean time from click to conversion; 0: a day.
	ConversionDelayHours int `json:"conversion_delay_hours"`
}

// EventPrice is what one of the events that the model charges costs, and of CPD
// what a day costs. It is 0 where each charge differs (dynamic CPM, CPS).
func (l *LineItem) EventPrice() money.Nanos {
	switch l.Pricing {
	case PricingCPM, PricingVCPM:
		return l.Price.PerImpression()
	case PricingCPCV, PricingCPC, PricingCPA, PricingCPD:
		return l.Price.PerImpression() * 1000 // micros of a unit; money.MaxCPM bounds it
	}
	return 0
}

// Share is the markup of dynamic CPM and the share of a sale of CPS; else 0.
func (l *LineItem) Share() money.PPM {
	switch l.Pricing {
	case PricingDCPM:
		return l.Markup
	case PricingCPS:
		return l.SaleShare
	}
	return 0
}

// ChargeEvent is what moves money beside the bill.
type ChargeEvent uint8

// The events. A model charges at one of them, or none.
const (
	ChargeAtBill ChargeEvent = iota // CPM, dynamic CPM, CPD
	ChargeAtView
	ChargeAtComplete
	ChargeAtClick
	ChargeAtConversion
)

func (e ChargeEvent) String() string {
	return [...]string{"bill", "view", "complete", "click", "conversion"}[e]
}

// Charges returns the event at which the model charges.
func (m PricingModel) Charges() ChargeEvent {
	switch m {
	case PricingVCPM:
		return ChargeAtView
	case PricingCPCV:
		return ChargeAtComplete
	case PricingCPC:
		return ChargeAtClick
	case PricingCPA, PricingCPS:
		return ChargeAtConversion
	}
	return ChargeAtBill
}

// Mean times from an impression to its event: a click or a view comes while the
// ad is on the screen, the end of a film after its length.
const (
	meanViewDelay         = 10 * time.Second
	meanClickDelay        = 30 * time.Second
	meanCompleteDelay     = 45 * time.Second
	defaultConversionMean = 24 * time.Hour
)

// EventDelay is the mean time from an impression to the event that is charged;
// 0 where the bill charges.
func (l *LineItem) EventDelay() time.Duration {
	switch l.Pricing.Charges() {
	case ChargeAtView:
		return meanViewDelay
	case ChargeAtComplete:
		return meanCompleteDelay
	case ChargeAtClick:
		return meanClickDelay
	case ChargeAtConversion:
		return l.ConversionDelay()
	}
	return 0
}

// ConversionDelay is the mean time from a click to its conversion.
func (l *LineItem) ConversionDelay() time.Duration {
	if l.ConversionDelayHours == 0 {
		return defaultConversionMean
	}
	return time.Duration(l.ConversionDelayHours) * time.Hour
}

// LateShare is the share of an impression's events that is still to come at age,
// exp(-age/mean) by the delay model: see Pending.
func (l *LineItem) LateShare(age time.Duration) money.PPM { return Pending(age, l.EventDelay()) }
