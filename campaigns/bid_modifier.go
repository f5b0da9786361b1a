package campaigns

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bidhawk/internal/money"
)

// KindBidModifier is that of BidModifier.
const KindBidModifier Kind = "bid_modifier"

// BidModifier says what share of its value a line item bids where a dimension of
// the request has a value: 600,000 is 60%. Where several apply they multiply. It
// lowers bids alone: what an impression is worth, and the maximum bid, bound them,
// so that no modifier makes the house pay more than it charges. Bids on guaranteed
// deals are not modified.
type BidModifier struct {
	Meta
	LineItemID ID                `json:"line_item_id"`
	Name       string            `json:"name"`
	Status     Status            `json:"status"`
	Dimension  ModifierDimension `json:"dimension"`
	Values     []ValueModifier   `json:"values"`
	// Other is of requests with none of the values, or without the dimension; 0 is all of it.
	Other money.PPM `json:"other_ppm,omitempty"`
}

// ValueModifier is the share of one value.
type ValueModifier struct {
	Value string    `json:"value"`
	Bid   money.PPM `json:"bid_ppm"`
}

// ModifierDimension is what of a request a modifier looks at.
type ModifierDimension string

// The dimensions; their values are as in targeting.
const (
	ModifyExchange   ModifierDimension = "exchange"
	ModifyCountry    ModifierDimension = "country"
	ModifyRegion     ModifierDimension = "region"
	ModifyDeviceType ModifierDimension = "device_type"
	ModifyOS         ModifierDimension = "os"
	ModifyDomain     ModifierDimension = "domain" // or any parent of it; the nearest counts
	ModifyBundle     ModifierDimension = "bundle"
	ModifyHour       ModifierDimension = "hour_of_week" // 0 is Monday 00:00 in the advertiser's zone
)

// Bounds of modifiers.
const (
	MaxModifierValues = 1_000
	MinModifier       = money.PPM(10_000) // a value that is not wanted at all is excluded by targeting
	wholeBid          = money.PPM(1_000_000)
)

// Kind implements Entity.
func (*BidModifier) Kind() Kind { return KindBidModifier }

// Parent implements Entity.
func (m *BidModifier) Parent() (Kind, ID) { return KindLineItem, m.LineItemID }

// Label implements Entity.
func (m *BidModifier) Label() string { return m.Name }

// State implements Entity.
func (m *BidModifier) State() Status { return m.Status }

func (m *BidModifier) setState(s Status) { m.Status = s }

// Normalize implements Entity.
func (m *BidModifier) Normalize() {
	m.Name, m.Status = strings.TrimSpace(m.Name), orActive(m.Status)
	m.Dimension = ModifierDimension(lower(string(m.Dimension)))
	if m.Values == nil {
		m.Values = []ValueModifier{}
	}
	f := strings.TrimSpace
	switch m.Dimension {
	case ModifyExchange, ModifyOS:
		f = lower
	case ModifyCountry, ModifyRegion:
		f = upper
	case ModifyDomain:
		f = normalDomain
	}
	m.Values = slices.Clone(m.Values)
	for i := range m.Values {
		m.Values[i].Value = f(m.Values[i].Value)
	}
}

// Validate implements Entity.
func (m *BidModifier) Validate(r *Refs) error {
	c := newChecker(KindBidModifier)
	c.entity(m, m.Name, r)
	c.parent("line_item_id", m, r.LineItem == nil, r)
	rule := modifierRule(m.Dimension)
	if rule == nil {
		c.fail("dimension", m.Dimension, "must be exchange, country, region, device_type, os, domain, bundle or hour_of_week")
		return c.err()
	}
	c.length("values", len(m.Values), MaxModifierValues)
	c.check(len(m.Values) > 0, "values", "[]", "must name at least one value")
	seen := make(map[string]bool, len(m.Values))
	for i, v := range m.Values[:min(len(m.Values), MaxModifierValues)] {
		field := index("values", i)
		c.text(field+".value", v.Value, rule)
		c.check(!seen[v.Value], field+".value", v.Value, "must be named once")
		seen[v.Value] = true
		span(c, field+".bid_ppm", v.Bid, MinModifier, wholeBid)
	}
	if m.Other != 0 {
		span(c, "other_ppm", m.Other, MinModifier, wholeBid)
	}
	return c.err()
}

// modifierRule is the rule of a dimension's values; nil where there is no such dimension.
func modifierRule(d ModifierDimension) func(string) string {
	switch d {
	case ModifyExchange:
		return exchangeRule
	case ModifyCountry:
		return countryRule
	case ModifyRegion:
		return regionRule
	case ModifyDeviceType:
		return numberRule(1, 8, "an AdCOM device type")
	case ModifyOS:
		return osRule
	case ModifyDomain:
		return domainRule
	case ModifyBundle:
		return bundleRule
	case ModifyHour:
		return numberRule(0, hoursOfWeek-1, "an hour of the week, 0 is Monday 00:00")
	}
	return nil
}

func numberRule(lo, hi int, what string) func(string) string {
	return func(s string) string {
		if n, err := strconv.Atoi(s); err != nil || n < lo || n > hi || strconv.Itoa(n) != s {
			return fmt.Sprintf("must be %s: %d to %d", what, lo, hi)
		}
		return ""
	}
}
