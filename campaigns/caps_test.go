package campaigns

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestNormalizeCaps(t *testing.T) {
	f := func(in, want Cap) {
		t.Helper()
		got := normalCaps([]Cap{in})
		if !reflect.DeepEqual(got, []Cap{want}) || !reflect.DeepEqual(normalCaps(got), got) {
			t.Errorf("%+v: got %+v; want %+v, and that to stay", in, got, want)
		}
	}
	f(Cap{Max: 3, Window: " 24H "}, Cap{Max: 3, Window: "24h", Kind: CapRolling, Per: PerUser})
	f(Cap{Max: 3, Window: "Day"}, Cap{Max: 3, Window: "day", Kind: CapCalendar, Per: PerUser})
	f(Cap{Max: 3, Window: "24h", Kind: "Calendar"}, Cap{Max: 3, Window: "day", Kind: CapCalendar, Per: PerUser})
	f(Cap{Max: 3, Window: "7d", Kind: "calendar", Per: "HOUSEHOLD"}, Cap{Max: 3, Window: "week", Kind: CapCalendar, Per: PerHousehold})
	f(Cap{Max: 3, Window: "lifetime"}, Cap{Max: 3, Window: "lifetime", Kind: CapRolling, Per: PerUser})
	f(Cap{Recency: " 10M"}, Cap{Recency: "10m", Kind: CapRolling, Per: PerUser})
	if normalCaps([]Cap{}) != nil {
		t.Error("no caps are absent in JSON")
	}
}

// TestCapRules are the same at every level that has caps.
func TestCapRules(t *testing.T) {
	set := func(w *world, kind Kind, list []Cap) (Entity, string) {
		switch kind {
		case KindAdvertiser:
			w.advertiser.FrequencyCaps = list
			return w.advertiser, "advertiser."
		case KindCampaign:
			w.campaign.FrequencyCaps = list
			return w.campaign, "campaign."
		case KindCreative:
			w.creative.FrequencyCaps = list
			return w.creative, "creative."
		}
		w.lineItem.FrequencyCaps = list
		return w.lineItem, "line_item."
	}
	f := func(field, value, rule string, list ...Cap) {
		t.Helper()
		for _, kind := range []Kind{KindAdvertiser, KindCampaign, KindLineItem, KindCreative} {
			w := newWorld()
			e, prefix := set(w, kind, list)
			e.Normalize()
			if field == "" {
				if err := e.Validate(&w.refs); err != nil {
					t.Errorf("%s: %v", kind, err)
				}
				continue
			}
			rejects(t, e, &w.refs, prefix+field, value, rule)
		}
	}
	f("", "", "", Cap{Max: 1, Window: "1m"}, Cap{Max: 10_000, Window: "90d", Recency: "1s"}, Cap{Max: 1, Window: "lifetime"},
		Cap{Max: 1, Window: "month"}, Cap{Recency: "90d", Per: PerHousehold}, Cap{Max: 2, Window: "1m", Per: PerHousehold},
		Cap{Max: 2, Window: "minute"}, Cap{Recency: "30m"})
	f("frequency_caps", "9", "at most 8", slices.Repeat([]Cap{{Recency: "1h"}}, 9)...)
	f("frequency_caps[0].max", "0", "1 to 10000", Cap{Window: "1h"})
	f("frequency_caps[0].max", "-1", "1 to 10000", Cap{Max: -1, Window: "1h"})
	f("frequency_caps[0].max", "10001", "1 to 10000", Cap{Max: 10_001, Window: "1h"})
	f("frequency_caps[1].max", "0", "1 to 10000", Cap{Max: 1, Window: "1h"}, Cap{Window: "day"})
	for _, w := range []string{"59s", "91d", "0h", "h", "1.5h", "-1h", "1w", "01h", "99999999999h", "week ", "1h30m", ""} {
		if w == "week " {
			f("frequency_caps[0].window", "week", "1m to 90d, or lifetime", Cap{Max: 1, Window: w, Kind: CapRolling})
			continue
		}
		f("frequency_caps[0].window", w, "1m to 90d, or lifetime", Cap{Max: 1, Window: w})
	}
	f("frequency_caps[0].window", "lifetime", "minute, hour, day, week or month", Cap{Max: 1, Window: "lifetime", Kind: CapCalendar})
	f("frequency_caps[0].window", "2d", "minute, hour, day, week or month", Cap{Max: 1, Window: "2d", Kind: CapCalendar})
	f("frequency_caps[0].kind", "sliding", "rolling or calendar", Cap{Max: 1, Window: "1h", Kind: "sliding"})
	f("frequency_caps[0].per", "device", "user or household", Cap{Max: 1, Window: "1h", Per: "device"})
	f("frequency_caps[0].recency", "91d", "1s to 90d", Cap{Recency: "91d"})
	f("frequency_caps[0].recency", "soon", "1s to 90d", Cap{Max: 1, Window: "1h", Recency: "soon"})
	f("frequency_caps[1].window", "60m", "frequency_caps[0] has it", Cap{Max: 1, Window: "1h"}, Cap{Max: 2, Window: "60m"})
	f("frequency_caps[2].window", "day", "frequency_caps[1] has it", Cap{Max: 1, Window: "24h"}, Cap{Max: 1, Window: "day"}, Cap{Max: 2, Window: "1d", Kind: CapCalendar})
}

func TestUnknownUsersRule(t *testing.T) {
	w := newWorld()
	w.lineItem.UnknownUsers = "guess"
	rejects(t, w.lineItem, &w.refs, "line_item.unknown_users", "guess", "skip (where not said), bid or site")
	for _, ok := range []UnknownUsers{"", " BID", "site", "skip"} {
		w.lineItem.UnknownUsers = ok
		w.lineItem.Normalize()
		if err := w.lineItem.Validate(&w.refs); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
}

func TestCapLengths(t *testing.T) {
	f := func(c Cap, length, gap time.Duration) {
		t.Helper()
		if c.Length() != length || c.Gap() != gap {
			t.Errorf("%+v: got %v, %v; want %v, %v", c, c.Length(), c.Gap(), length, gap)
		}
	}
	f(Cap{Window: "90d", Kind: CapRolling}, 90*24*time.Hour, 0)
	f(Cap{Window: "5m", Kind: CapRolling, Recency: "45s"}, 5*time.Minute, 45*time.Second)
	f(Cap{Window: "lifetime", Kind: CapRolling}, 0, 0)
	f(Cap{Window: "day", Kind: CapCalendar, Recency: "x"}, 0, 0)
}

// TestCapsAreNoPartOfAReview: an exchange reviewed the ad, not how often it is shown.
func TestCapsAreNoPartOfAReview(t *testing.T) {
	before := Creative{Exchanges: map[string]Registration{"x": {Status: RegistrationApproved, ID: "1"}}}
	after := before
	after.FrequencyCaps = []Cap{{Max: 1, Window: "1h"}}
	if after.reviewAnew(&before); after.Exchanges["x"].Status != RegistrationApproved {
		t.Errorf("got %+v", after.Exchanges)
	}
}
