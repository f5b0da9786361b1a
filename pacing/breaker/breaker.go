// Package breaker stops bidding by itself: on spend that runs away from its
// plan, a win rate far above its norm, bills without impressions, and a bid above
// the line item's maximum. It is pure: it is shown figures and the time, and
// answers with trips, each a kill switch and its reason.
package breaker

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// Name is a breaker's name.
type Name string

// The breakers.
const (
	NameSpend   Name = "spend"    // spend of several times the plan
	NameWinRate Name = "win_rate" // wins of several times their norm
	NameBilling Name = "billing"  // bills without impressions
	NameMaxBid  Name = "max_bid"  // a bid above the line item's maximum
)

// Names lists the breakers.
func Names() []Name { return []Name{NameSpend, NameWinRate, NameBilling, NameMaxBid} }

// By is who a breaker's kill switch is set by.
func (n Name) By() string { return "breaker/" + string(n) }

// Config is the breakers' thresholds. A percentage of 0 switches its breaker off.
type Config struct {
	// Window is over how long spend is compared.
	Window time.Duration
	// SpendPercent of the plan is what a line item, or all of them together, may
	// charge in a window; from SpendEvents on, the number of its dearest charges
	// that the spend is worth, and TotalEvents for all together.
	SpendPercent int
	SpendEvents  int
	TotalEvents  int
	// WinRatePercent of the norm is what the share of wins may reach of the bids of a
	// quarter of an hour, from WinRateWins wins on; the norm counts once NormWins have
	// been seen over NormAfter.
	WinRatePercent int
	WinRateWins    int
	NormWins       int
	NormAfter      time.Duration
	// RenderedPercent of bills at least must be seen as impressions, of each
	// BilledMin bills that are older than RenderDelay.
	RenderedPercent int
	BilledMin       int
	RenderDelay     time.Duration
	// CoolDown is for how long a breaker leaves alone what a person has released.
	CoolDown time.Duration
	// MaxKeys bounds the pairs of line item and exchange that are watched.
	MaxKeys int
}

// DefaultConfig is the thresholds of docs/decisions/2026-11-25-brakes.md.
func DefaultConfig() Config {
	return Config{
		Window: 5 * time.Minute, SpendPercent: 300, SpendEvents: 60, TotalEvents: 600,
		WinRatePercent: 300, WinRateWins: 60, NormWins: 200, NormAfter: time.Hour,
		RenderedPercent: 5, BilledMin: 300, RenderDelay: 2 * time.Minute, CoolDown: 30 * time.Minute, MaxKeys: 50_000,
	}
}

// RuleError is a threshold that breaks its rule.
type RuleError struct {
	Field string
	Value any
	Rule  string
}

func (e *RuleError) Error() string {
	return fmt.Sprintf("%s: got %v; want %s", e.Field, e.Value, e.Rule)
}

// Validate names the first threshold that breaks its rule.
func (c *Config) Validate() error {
	durations := []struct {
		field     string
		value     time.Duration
		least, to time.Duration
	}{
		{"window", c.Window, time.Minute, 15 * time.Minute}, {"norm_after", c.NormAfter, 10 * time.Minute, 7 * 24 * time.Hour},
		{"render_delay", c.RenderDelay, time.Minute, 30 * time.Minute},
		{"cool_down", c.CoolDown, 0, 7 * 24 * time.Hour},
	}
	for _, d := range durations {
		if d.value < d.least || d.value > d.to {
			return &RuleError{d.field, d.value, fmt.Sprintf("%v to %v", d.least, d.to)}
		}
		if d.value%time.Second != 0 {
			return &RuleError{d.field, d.value, "whole seconds"}
		}
	}
	counts := []struct {
		field             string
		value, least, top int
	}{
		{"spend_events", c.SpendEvents, 10, 1_000_000}, {"total_events", c.TotalEvents, 10, 100_000_000},
		{"win_rate_wins", c.WinRateWins, 10, 1_000_000}, {"norm_wins", c.NormWins, 50, 100_000_000},
		{"billed_min", c.BilledMin, 50, 1_000_000}, {"max_keys", c.MaxKeys, 1000, 10_000_000},
	}
	for _, n := range counts {
		if n.value < n.least || n.value > n.top {
			return &RuleError{n.field, n.value, fmt.Sprintf("%d to %d", n.least, n.top)}
		}
	}
	for field, percent := range map[string]int{"spend_percent": c.SpendPercent, "win_rate_percent": c.WinRatePercent} {
		if percent != 0 && (percent < 150 || percent > 100_000) {
			return &RuleError{field, percent, "150 to 100000, or 0 for no such breaker"}
		}
	}
	if c.RenderedPercent < 0 || c.RenderedPercent > 50 {
		return &RuleError{"rendered_percent", c.RenderedPercent, "0 to 50; 0 for no such breaker"}
	}
	return nil
}

// Trip is a breaker that has tripped: what it stops, and why. It is a record of
// the topic brakes.
type Trip struct {
	V       int       `json:"v"`
	Type    string    `json:"type"` // trip
	Breaker Name      `json:"breaker"`
	Switch  string    `json:"switch"` // the kill switch's Name
	At      time.Time `json:"at"`
	Reason  string    `json:"reason"`
}

// TripVersion is Trip's schema.
const TripVersion = 1

// ErrTrip reports a record that is no trip.
var ErrTrip = errors.New("not a trip")

func newTrip(n Name, k campaigns.KillSwitch, now time.Time, why string) Trip {
	reason := fmt.Sprintf("%s; to release: %s", why, Release(&k))
	if len(reason) > campaigns.MaxReasonBytes {
		reason = strings.ToValidUTF8(reason[:campaigns.MaxReasonBytes], "")
	}
	return Trip{V: TripVersion, Type: "trip", Breaker: n, Switch: k.Name(), At: now.UTC(), Reason: reason}
}

// KillSwitch is the switch that t turns on.
func (t *Trip) KillSwitch() (campaigns.KillSwitch, error) {
	if t.V != TripVersion || t.Type != "trip" {
		return campaigns.KillSwitch{}, fmt.Errorf("%w: type %.40q of version %d", ErrTrip, t.Type, t.V)
	}
	k, err := campaigns.ParseKillSwitch(t.Switch)
	if err != nil {
		return k, fmt.Errorf("%w: switch %w", ErrTrip, err)
	}
	k.On, k.Reason, k.By = true, t.Reason, t.Breaker.By()
	return k, nil
}

// Holds says why t must not set its switch, where held is the switch as it was
// last set: it is on already, it was set after the trip (a repeat), or a person
// has released it within the cool-down. "" where nothing holds it.
func (c *Config) Holds(t *Trip, held campaigns.KillSwitch, known bool) string {
	switch {
	case !known:
		return ""
	case held.On:
		return "on already"
	case !held.At.Before(t.At):
		return "released since"
	case t.At.Sub(held.At) < c.CoolDown:
		return "released lately"
	}
	return ""
}

// Release is the command that lets bids go on.
func Release(k *campaigns.KillSwitch) string {
	return "bidhawk release " + strings.Replace(k.Name(), "/", " ", 1) + " --reason R"
}

// MaxBid is the trip of a line item whose bid, in the advertiser's currency, is
// above its maximum. The bid was not sent.
func MaxBid(item campaigns.ID, exchange string, bid, most money.CPM, cur money.Currency, now time.Time) Trip {
	return newTrip(NameMaxBid, lineItem(item), now, fmt.Sprintf("a bid of %v %v per mille on %.40s, above the line item's maximum of %v, was made and not sent: a fault in pricing",
		bid, cur, exchange, most))
}

func lineItem(id campaigns.ID) campaigns.KillSwitch {
	return campaigns.KillSwitch{Scope: campaigns.ScopeLineItem, Target: id}
}

// times writes n / d with a decimal, for people.
func times(n, d int64) string {
	if d <= 0 {
		return "many"
	}
	v, err := money.MulDiv(n, 10, d)
	if err != nil {
		return "very many"
	}
	return fmt.Sprintf("%d.%d", v/10, v%10)
}
