package campaigns

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Cap bounds how often one user, or one household, meets an entity: at most Max
// exposures in a window, and at least Recency between two of them. Of all caps of a
// creative, its line item, campaign and advertiser each must allow a bid. A cap
// counts from the day on which it is set; another Max keeps its count, another
// window begins one.
type Cap struct {
	// Max exposures in Window; 0, without a window, of a cap that is a Recency alone.
	Max int `json:"max,omitempty"`
	// Window of a rolling cap is a time before now, "30m", "24h" or "7d", or
	// WindowLifetime; that of a calendar cap is one of CalendarWindows in the
	// advertiser's time zone.
	Window string  `json:"window,omitempty"`
	Kind   CapKind `json:"kind,omitempty"`
	Per    CapPer  `json:"per,omitempty"`
	// Recency is the least time between two exposures: "30s", "10m", "1d".
	Recency string `json:"recency,omitempty"`
}

// CapKind says how a cap's window moves.
type CapKind string

// The kinds of caps.
const (
	CapRolling  CapKind = "rolling"  // with the clock: the time just before now
	CapCalendar CapKind = "calendar" // from one period of the advertiser's calendar to the next
)

// CapPer says whose exposures a cap counts.
type CapPer string

// Whom caps count for.
const (
	PerUser      CapPer = "user"
	PerHousehold CapPer = "household"
)

// WindowLifetime is as long as there is the entity.
const WindowLifetime = "lifetime"

// CalendarWindows are the windows of calendar caps. A week begins on Monday.
func CalendarWindows() []string { return []string{"minute", "hour", "day", "week", "month"} }

// UnknownUsers says what becomes of a line item's capped bids where a cap can't be
// kept, because nobody knows whose exposure it would be.
type UnknownUsers string

// The policies.
const (
	UnknownSkip UnknownUsers = "skip" // no bid: a cap is a promise; the default
	UnknownBid  UnknownUsers = "bid"  // caps bind those alone who are known
	UnknownSite UnknownUsers = "site" // all of one site or app share the caps as if they were one
)

// Length is the window of a rolling cap; 0 of any other.
func (c *Cap) Length() time.Duration {
	if c.Kind != CapRolling {
		return 0
	}
	d, _ := capDuration(c.Window)
	return d
}

// Gap is Recency; 0 where there is none.
func (c *Cap) Gap() time.Duration {
	d, _ := capDuration(c.Recency)
	return d
}

// capDuration reads a whole number of seconds, minutes, hours or days.
func capDuration(s string) (time.Duration, bool) {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	if len(s) < 2 || len(s) > 9 || !all(s[:len(s)-1], isDigit) || s[0] == '0' {
		return 0, false
	}
	unit := units[s[len(s)-1]]
	n, err := strconv.Atoi(s[:len(s)-1])
	return time.Duration(n) * unit, err == nil && unit > 0 && n > 0
}

// calendarNames are the lengths that people write for a calendar's periods.
func calendarNames() map[string]string {
	return map[string]string{"1m": "minute", "60s": "minute", "1h": "hour", "60m": "hour", "24h": "day", "1d": "day", "7d": "week"}
}

func normalCaps(list []Cap) []Cap {
	out := make([]Cap, 0, len(list))
	for _, c := range list {
		c.Window, c.Recency = lower(c.Window), lower(c.Recency)
		c.Kind, c.Per = CapKind(lower(string(c.Kind))), CapPer(lower(string(c.Per)))
		if c.Per == "" {
			c.Per = PerUser
		}
		if name := calendarNames()[c.Window]; name != "" && c.Kind == CapCalendar {
			c.Window = name
		}
		if c.Kind == "" {
			c.Kind = CapRolling
			if slices.Contains(CalendarWindows(), c.Window) {
				c.Kind = CapCalendar
			}
		}
		out = append(out, c)
	}
	return some(out)
}

// caps checks the caps of one entity.
func (c *checker) caps(list []Cap) {
	const field = "frequency_caps"
	c.length(field, len(list), MaxCaps)
	for i := range list[:min(len(list), MaxCaps)] {
		c.cap(index(field, i), &list[i])
		for k := range list[:i] {
			if list[i].Window != "" && list[k].sameWindow(&list[i]) {
				c.fail(index(field, i)+".window", list[i].Window, "must be given once for each kind and per: "+index(field, k)+" has it")
				break
			}
		}
	}
}

func (c *Cap) sameWindow(o *Cap) bool {
	if c.Kind != o.Kind || c.Per != o.Per {
		return false
	}
	return c.Window == o.Window || c.Length() > 0 && c.Length() == o.Length()
}

func (c *checker) cap(field string, v *Cap) {
	c.check(v.Kind == CapRolling || v.Kind == CapCalendar, field+".kind", v.Kind, "must be rolling or calendar")
	c.check(v.Per == PerUser || v.Per == PerHousehold, field+".per", v.Per, "must be user or household")
	if v.Recency != "" {
		d, ok := capDuration(v.Recency)
		c.check(ok && d <= MaxCapWindow, field+".recency", v.Recency, durationRule("1s"))
	}
	if v.Max == 0 && v.Window == "" && v.Recency != "" {
		return
	}
	span(c, field+".max", v.Max, 1, MaxCapExposures)
	switch v.Kind {
	case CapCalendar:
		c.check(slices.Contains(CalendarWindows(), v.Window), field+".window", v.Window,
			"must be minute, hour, day, week or month where the kind is calendar")
	case CapRolling:
		d, ok := capDuration(v.Window)
		c.check(v.Window == WindowLifetime || ok && d >= time.Minute && d <= MaxCapWindow, field+".window", v.Window,
			durationRule("1m")+", or lifetime")
	}
}

func durationRule(least string) string {
	return fmt.Sprintf("must be a whole number of s, m, h or d such as 30m, of %s to %dd", least, int(MaxCapWindow/(24*time.Hour)))
}

func unknownUsersRule(s string) string {
	switch UnknownUsers(s) {
	case "", UnknownSkip, UnknownBid, UnknownSite:
		return ""
	}
	return "must be skip (where not said), bid or site"
}
