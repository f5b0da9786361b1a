package campaigns_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"bidhawk/campaigns"
)

const cappedFile = `
agencies: [{key: a, name: A}]
advertisers:
  - {key: v, agency: a, name: V, currency: USD, time_zone: Europe/Berlin, domain: v.example, redirect_hosts: [v.example],
     frequency_caps: [{max: 50, window: lifetime}]}
campaigns:
  - {key: c, advertiser: v, name: C, start: now, end: +30d, budget: {daily_nanos: 1_000_000_000_000},
     frequency_caps: [{max: 10, window: 7d, kind: calendar}]}
creatives:
  - {key: k, advertiser: v, name: K, w: 300, h: 250, image_url: "https://cdn.example/k.png", landing_url: "https://v.example/",
     frequency_caps: [{max: 2, window: 1h, per: household, recency: 90s}]}
line_items:
  - {key: l, campaign: c, name: L, pricing: cpm, price_micros: 1_000_000, max_bid_micros: 1_000_000, creatives: [k],
     frequency_cap: {per_day: 5}, frequency_caps: [{recency: 10m}, {max: 3, window: 30m}], unknown_users: site}
`

func TestImportOfCaps(t *testing.T) {
	s := openStore(t, t.TempDir())
	if _, err := campaigns.ImportYAML(context.Background(), s, nil, strings.NewReader(cappedFile), fixedClock()); err != nil {
		t.Fatal(err)
	}
	cat := catalogOf(t, s)
	f := func(got []campaigns.Cap, want ...campaigns.Cap) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v; want %+v", got, want)
		}
	}
	for _, v := range cat.Advertisers {
		f(v.FrequencyCaps, campaigns.Cap{Max: 50, Window: "lifetime", Kind: "rolling", Per: "user"})
	}
	for _, v := range cat.Campaigns {
		f(v.FrequencyCaps, campaigns.Cap{Max: 10, Window: "week", Kind: "calendar", Per: "user"})
	}
	for _, v := range cat.Creatives {
		f(v.FrequencyCaps, campaigns.Cap{Max: 2, Window: "1h", Kind: "rolling", Per: "household", Recency: "90s"})
	}
	for _, v := range cat.LineItems {
		f(v.FrequencyCaps, campaigns.Cap{Kind: "rolling", Per: "user", Recency: "10m"}, campaigns.Cap{Max: 3, Window: "30m", Kind: "rolling", Per: "user"})
		if v.FrequencyCap.PerDay != 5 || v.UnknownUsers != campaigns.UnknownSite {
			t.Errorf("got %+v, %q", v.FrequencyCap, v.UnknownUsers)
		}
	}
	if len(cat.Advertisers)*len(cat.Campaigns)*len(cat.Creatives)*len(cat.LineItems) != 1 {
		t.Error("want one of each kind")
	}
	broken := strings.Replace(cappedFile, "window: 7d, kind: calendar", "window: 9d, kind: calendar", 1)
	_, err := campaigns.ImportYAML(context.Background(), openStore(t, t.TempDir()), nil, strings.NewReader(broken), fixedClock())
	if err == nil || !strings.Contains(err.Error(), `line 8: campaigns[0].frequency_caps[0].window "9d": must be minute, hour, day, week or month`) {
		t.Errorf("got %v", err)
	}
}
