package campaigns

import (
	"slices"
	"strings"

	"bidhawk/internal/money"
)

// KindConversionDefinition is that of ConversionDefinition.
const KindConversionDefinition Kind = "conversion_definition"

// ConversionDefinition says what an advertiser counts as a conversion, how long a
// touch may lie before it, and how its value is shared among touches. It moves no
// money: what CPA and CPS line items charge follows the last touch within the
// advertiser's windows, whatever a definition says.
type ConversionDefinition struct {
	Meta
	AdvertiserID ID     `json:"advertiser_id"`
	Name         string `json:"name"`
	Status       Status `json:"status"`
	// Type is that of the conversions which it counts: "purchase", "lead".
	Type string `json:"type"`
	// Windows; where not said, the advertiser's.
	ClickWindowHours int  `json:"click_window_hours,omitempty"`
	ViewWindowHours  int  `json:"view_window_hours,omitempty"`
	IgnoreViews      bool `json:"ignore_views,omitempty"` // clicks alone are touches
	// Model is how credit is shared; HalfLifeHours is of time_decay.
	Model         AttributionModel `json:"model"`
	HalfLifeHours int              `json:"half_life_hours,omitempty"`
	// Value is what one is worth: as reported, or FixedValue, or nothing.
	Value      ValueRule   `json:"value"`
	FixedValue money.Nanos `json:"fixed_value_nanos,omitempty"`
	// Count is whether each counts, or the first of each last touch.
	Count CountRule `json:"count"`
}

// AttributionModel names a way to share a conversion among touches.
type AttributionModel string

// The models.
const (
	ModelLast      AttributionModel = "last"
	ModelFirst     AttributionModel = "first"
	ModelLinear    AttributionModel = "linear"
	ModelTimeDecay AttributionModel = "time_decay"
	ModelPosition  AttributionModel = "position"
	ModelMarkov    AttributionModel = "markov"
	ModelShapley   AttributionModel = "shapley"
)

// AttributionModels lists all of them.
func AttributionModels() []AttributionModel {
	return []AttributionModel{ModelLast, ModelFirst, ModelLinear, ModelTimeDecay, ModelPosition, ModelMarkov, ModelShapley}
}

// ValueRule says what a conversion is worth.
type ValueRule string

// The rules of value.
const (
	ValueReported ValueRule = "reported"
	ValueFixed    ValueRule = "fixed"
	ValueNone     ValueRule = "none"
)

// CountRule says which conversions count.
type CountRule string

// The rules of counting.
const (
	CountEvery CountRule = "every"
	CountOne   CountRule = "one" // leads: the first of each last touch
)

// Bounds of a definition.
const (
	MaxConversionTypeBytes = 64
	MaxHalfLife            = 90 * 24 // hours
	defaultHalfLife        = 7 * 24
)

// Kind implements Entity.
func (*ConversionDefinition) Kind() Kind { return KindConversionDefinition }

// Parent implements Entity.
func (d *ConversionDefinition) Parent() (Kind, ID) { return KindAdvertiser, d.AdvertiserID }

// Label implements Entity.
func (d *ConversionDefinition) Label() string { return d.Name }

// State implements Entity.
func (d *ConversionDefinition) State() Status { return d.Status }

func (d *ConversionDefinition) setState(s Status) { d.Status = s }

// Normalize implements Entity.
func (d *ConversionDefinition) Normalize() {
	d.Name = strings.TrimSpace(d.Name)
	d.Status = orActive(d.Status)
	d.Type = lower(d.Type)
	if d.Model = AttributionModel(lower(string(d.Model))); d.Model == "" {
		d.Model = ModelLast
	}
	if d.Model == ModelTimeDecay && d.HalfLifeHours == 0 {
		d.HalfLifeHours = defaultHalfLife
	}
	if d.Value = ValueRule(lower(string(d.Value))); d.Value == "" {
		d.Value = ValueReported
	}
	if d.Count = CountRule(lower(string(d.Count))); d.Count == "" {
		d.Count = CountEvery
	}
}

// Validate implements Entity.
func (d *ConversionDefinition) Validate(r *Refs) error {
	c := newChecker(KindConversionDefinition)
	c.entity(d, d.Name, r)
	c.parent("advertiser_id", d, r.Advertiser == nil, r)
	c.text("type", d.Type, ConversionTypeRule)
	span(c, "click_window_hours", d.ClickWindowHours, 0, MaxClickWindow)
	span(c, "view_window_hours", d.ViewWindowHours, 0, MaxViewWindow)
	if a := r.Advertiser; a != nil {
		// Touches are kept as long as the advertiser's windows ask.
		c.check(d.ClickWindowHours <= a.ClickWindowHours, "click_window_hours", d.ClickWindowHours, "must not be longer than the advertiser's")
		c.check(d.ViewWindowHours <= a.ViewWindowHours, "view_window_hours", d.ViewWindowHours, "must not be longer than the advertiser's")
	}
	c.check(!d.IgnoreViews || d.ViewWindowHours == 0, "view_window_hours", d.ViewWindowHours, "must be absent where ignore_views is true")
	c.check(slices.Contains(AttributionModels(), d.Model), "model", d.Model, "must be last, first, linear, time_decay, position, markov or shapley")
	if d.Model == ModelTimeDecay {
		span(c, "half_life_hours", d.HalfLifeHours, 1, MaxHalfLife)
	} else {
		c.check(d.HalfLifeHours == 0, "half_life_hours", d.HalfLifeHours, "must be absent: only time_decay has one")
	}
	switch d.Value {
	case ValueFixed:
		span(c, "fixed_value_nanos", d.FixedValue, 1, MaxBudget)
	case ValueReported, ValueNone:
		c.check(d.FixedValue == 0, "fixed_value_nanos", d.FixedValue, "must be absent: only value fixed has one")
	default:
		c.fail("value", d.Value, "must be reported, fixed or none")
	}
	c.check(d.Count == CountEvery || d.Count == CountOne, "count", d.Count, "must be every or one")
	return c.err()
}

// ConversionTypeRule takes the names of conversions' types.
func ConversionTypeRule(s string) string {
	ok := func(b byte) bool { return isSlugByte(b) || b == '.' }
	if len(s) < 1 || len(s) > MaxConversionTypeBytes || !all(s, ok) {
		return "must be 1 to 64 of a-z, 0-9, _, - and ."
	}
	return ""
}
