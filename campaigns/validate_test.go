package campaigns

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bidhawk/internal/money"
)

// rejects asserts that e breaks exactly one rule: the one named.
func rejects(t *testing.T, e interface{ Validate(*Refs) error }, r *Refs, field, value, rule string) {
	t.Helper()
	var ve *ValidationError
	if err := e.Validate(r); !errors.As(err, &ve) {
		t.Errorf("%s: got %v; want a violation", field, err)
		return
	}
	if len(ve.Violations) != 1 {
		t.Errorf("%s: got %d violations (%v); want one", field, len(ve.Violations), ve)
		return
	}
	v := ve.Violations[0]
	if v.Field != field || !strings.HasPrefix(v.Value, value) || !strings.Contains(v.Rule, rule) {
		t.Errorf("got %q = %q: %q; want %q = %q...: ...%q...", v.Field, v.Value, v.Rule, field, value, rule)
	}
}

func TestValidEntities(t *testing.T) {
	w := newWorld()
	for _, e := range []Entity{w.agency, w.advertiser, w.campaign, w.creative, w.lineItem} {
		e.Normalize()
		if err := e.Validate(&w.refs); err != nil {
			t.Errorf("%s: %v", e.Kind(), err)
		}
	}
}

func TestAgencyRules(t *testing.T) {
	f := func(field, value, rule string, edit func(*Agency, *Refs)) {
		t.Helper()
		w := newWorld()
		edit(w.agency, &w.refs)
		rejects(t, w.agency, &w.refs, "agency."+field, value, rule)
	}
	f("name", "", "1 to 200", func(a *Agency, _ *Refs) { a.Name = "" })
	f("name", "aaa", "1 to 200", func(a *Agency, _ *Refs) { a.Name = long(201) })
	f("name", "a\nb", "control", func(a *Agency, _ *Refs) { a.Name = "a\nb" })
	f("name", "a\xff", "UTF-8", func(a *Agency, _ *Refs) { a.Name = "a\xff" })
	f("status", "gone", "active, paused", func(a *Agency, _ *Refs) { a.Status = "gone" })
	f("platform_fee_ppm", "-1", "0 to 1000000", func(a *Agency, _ *Refs) { a.PlatformFee = -1 })
	f("platform_fee_ppm", "1000001", "0 to 1000000", func(a *Agency, _ *Refs) { a.PlatformFee = 1_000_001 })
	f("status", "active", "archived for good", func(a *Agency, r *Refs) { r.Before = &Agency{Status: StatusArchived} })
}

func TestAdvertiserRules(t *testing.T) {
	f := func(field, value, rule string, edit func(*Advertiser, *Refs)) {
		t.Helper()
		w := newWorld()
		edit(w.advertiser, &w.refs)
		rejects(t, w.advertiser, &w.refs, "advertiser."+field, value, rule)
	}
	before := func(edit func(*Advertiser)) func(*Advertiser, *Refs) {
		return func(a *Advertiser, r *Refs) {
			was := *a
			edit(a)
			r.Before = &was
		}
	}
	f("name", "", "1 to 200", func(a *Advertiser, _ *Refs) { a.Name = "" })
	f("agency_id", "1", "existing agency", func(a *Advertiser, r *Refs) { r.Agency = nil })
	f("agency_id", "1", "archived agency", func(a *Advertiser, r *Refs) { r.Agency.Status = StatusArchived })
	f("agency_id", "9", "must not change", before(func(a *Advertiser) { a.AgencyID = 9 }))
	f("currency", "", "ISO 4217", func(a *Advertiser, _ *Refs) { a.Currency = money.Currency{} })
	f("currency", "XXX", "ISO 4217", func(a *Advertiser, _ *Refs) { a.Currency = money.Currency{'X', 'X', 'X'} })
	f("currency", "EUR", "must not change", before(func(a *Advertiser) { a.Currency = money.Currency{'E', 'U', 'R'} }))
	for _, zone := range []string{"", "Local", "Europe/Atlantis", "../etc/passwd", long(65)} {
		f("time_zone", zone[:min(len(zone), 20)], "IANA", func(a *Advertiser, _ *Refs) { a.TimeZone = zone })
	}
	f("time_zone", "UTC", "must not change", before(func(a *Advertiser) { a.TimeZone = "UTC" }))
	for _, d := range []string{"", "acme", "a..b", "-a.b", "a-.b", "Acme.example", "a b.c", "https://a.b", "a.b.", "10.0.0.1",
		long(64) + ".b", strings.Repeat("a.", 127) + "b"} {
		f("domain", d[:min(len(d), 20)], "domain name", func(a *Advertiser, _ *Refs) { a.Domain = d })
	}
	f("budget.daily_nanos", "-1", "0 to", func(a *Advertiser, _ *Refs) { a.Budget.Daily = -1 })
	f("budget.lifetime_nanos", "1000000000000000001", "0 to", func(a *Advertiser, _ *Refs) { a.Budget.Lifetime = MaxBudget + 1 })
	f("budget", "7", "stay bounded", func(a *Advertiser, r *Refs) { r.Unbounded = 7 })
	f("redirect_hosts[1]", "x", "domain name", func(a *Advertiser, _ *Refs) { a.RedirectHosts = []string{"a.b", "x"} })
	f("redirect_hosts", "101", "at most 100", func(a *Advertiser, _ *Refs) { a.RedirectHosts = repeat(101, "a.b") })
	f("click_window_hours", "2161", "1 to 2160", func(a *Advertiser, _ *Refs) { a.ClickWindowHours = 2161 })
	f("view_window_hours", "-1", "1 to 720", func(a *Advertiser, _ *Refs) { a.ViewWindowHours = -1 })
}

func TestCampaignRules(t *testing.T) {
	f := func(field, value, rule string, edit func(*Campaign, *Refs)) {
		t.Helper()
		w := newWorld()
		edit(w.campaign, &w.refs)
		rejects(t, w.campaign, &w.refs, "campaign."+field, value, rule)
	}
	f("name", "", "1 to 200", func(c *Campaign, _ *Refs) { c.Name = "" })
	f("status", "x", "active", func(c *Campaign, _ *Refs) { c.Status = "x" })
	f("advertiser_id", "2", "existing advertiser", func(c *Campaign, r *Refs) { r.Advertiser, r.Campaign = nil, nil })
	f("advertiser_id", "2", "archived advertiser", func(c *Campaign, r *Refs) { r.Advertiser.Status = StatusArchived })
	f("advertiser_id", "2", "archived agency", func(c *Campaign, r *Refs) { r.Agency.Status = StatusArchived })
	f("advertiser_id", "2", "must not change", func(c *Campaign, r *Refs) { r.Before = &Campaign{AdvertiserID: 9} })
	f("start", "0001", "years", func(c *Campaign, _ *Refs) { c.Start = time.Time{} })
	f("end", "9999", "years", func(c *Campaign, _ *Refs) { c.End = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) })
	f("end", "2026-11-01", "after the start", func(c *Campaign, _ *Refs) { c.End = c.Start })
	f("budget.daily_nanos", "-5", "0 to", func(c *Campaign, _ *Refs) { c.Budget.Daily = -5 })
	f("budget", "7", "stay bounded", func(c *Campaign, r *Refs) { r.Unbounded = 7 })
}

func TestLineItemRules(t *testing.T) {
	f := func(field, value, rule string, edit func(*LineItem, *Refs)) {
		t.Helper()
		w := newWorld()
		edit(w.lineItem, &w.refs)
		rejects(t, w.lineItem, &w.refs, "line_item."+field, value, rule)
	}
	f("name", "aaa", "1 to 200", func(l *LineItem, _ *Refs) { l.Name = long(201) })
	f("status", "", "active", func(l *LineItem, _ *Refs) { l.Status = "" })
	f("campaign_id", "3", "existing campaign", func(l *LineItem, r *Refs) { r.Campaign = nil })
	f("campaign_id", "3", "archived campaign", func(l *LineItem, r *Refs) { r.Campaign.Status = StatusArchived })
	f("campaign_id", "3", "must not change", func(l *LineItem, r *Refs) { r.Before = &LineItem{CampaignID: 8} })
	f("start", "1999", "years", func(l *LineItem, _ *Refs) { l.Start = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC) })
	f("end", "2026-11-02", "after the start", func(l *LineItem, _ *Refs) { l.Start, l.End = day(2), day(2) })
	f("end", "2026-12-03", "meet the campaign's", func(l *LineItem, _ *Refs) {
		l.Start, l.End = day(31), day(33)
	})
	f("targeting.deals", "[]", "guaranteed", func(l *LineItem, _ *Refs) { l.Guaranteed = true })
	f("pricing", "cpc", "guaranteed", func(l *LineItem, _ *Refs) {
		l.Guaranteed, l.Targeting.Deals, l.Pricing, l.ExpectedCTR = true, []string{"d"}, PricingCPC, 1
	})
	f("pricing", "cpx", "cpm, dcpm, vcpm", func(l *LineItem, _ *Refs) { l.Pricing = "cpx" })
	f("price_micros", "0", "1 to", func(l *LineItem, _ *Refs) { l.Price = 0 })
	f("price_micros", "1000000000001", "1 to", func(l *LineItem, _ *Refs) { l.Price = money.MaxCPM + 1 })
	f("max_bid_micros", "0", "1 to", func(l *LineItem, _ *Refs) { l.MaxBid = 0 })
	f("max_bid_micros", "1000000000001", "1 to", func(l *LineItem, _ *Refs) { l.MaxBid = money.MaxCPM + 1 })
	f("data_fee_micros", "-1", "0 to", func(l *LineItem, _ *Refs) { l.DataFee = -1 })
	f("expected_ctr_ppm", "-1", "0 to", func(l *LineItem, _ *Refs) { l.ExpectedCTR = -1 })
	f("expected_ctr_ppm", "0", "1 to", func(l *LineItem, _ *Refs) { l.Pricing = PricingCPC })
	f("budget.lifetime_nanos", "-1", "0 to", func(l *LineItem, _ *Refs) { l.Budget = Budget{Daily: 1, Lifetime: -1} })
	f("budget", "0", "its campaign or its advertiser", func(l *LineItem, _ *Refs) { l.Budget = Budget{} })
	f("pacing", "fast", "even, ahead or asap", func(l *LineItem, _ *Refs) { l.Pacing = "fast" })
	f("frequency_cap.per_day", "-1", "0 to 10000", func(l *LineItem, _ *Refs) { l.FrequencyCap.PerDay = -1 })
	f("creative_ids", "[]", "at least one", func(l *LineItem, _ *Refs) { l.CreativeIDs = nil })
	f("creative_ids[1]", "77", "existing creative", func(l *LineItem, _ *Refs) { l.CreativeIDs = []ID{4, 77} })
	f("creative_ids[0]", "4", "existing creative", func(l *LineItem, r *Refs) { r.Creatives[4].AdvertiserID = 99 })
	f("creative_ids[0]", "4", "archived", func(l *LineItem, r *Refs) { r.Creatives[4].Status = StatusArchived })
	f("creative_ids", "101", "at most 100", func(l *LineItem, r *Refs) {
		l.CreativeIDs = make([]ID, 101)
		for i := range l.CreativeIDs {
			l.CreativeIDs[i] = 4
		}
	})
}

func TestBudgetOfAnyLevelBoundsALineItem(t *testing.T) {
	f := func(set func(*world)) {
		t.Helper()
		w := newWorld()
		w.lineItem.Budget = Budget{}
		set(w)
		if err := w.lineItem.Validate(&w.refs); err != nil {
			t.Error(err)
		}
	}
	f(func(w *world) { w.campaign.Budget.Daily = 1 })
	f(func(w *world) { w.advertiser.Budget.Lifetime = 1 })
	f(func(w *world) { w.lineItem.Budget.Daily = 1 })
	f(func(w *world) { w.lineItem.Flights = []Flight{{day(1), day(2), 1}} })
	f(func(w *world) { w.campaign.Flights = []Flight{{day(1), day(2), 1}} })
}

// TestFlightRules: of a campaign and of a line item, whose dates are within the campaign's.
func TestFlightRules(t *testing.T) {
	three := func() []Flight {
		return []Flight{{day(2), day(4), 1}, {day(4), day(6), 2}, {day(8), day(10), MaxBudget}}
	}
	f := func(field, value, rule string, edit func([]Flight) []Flight) {
		t.Helper()
		w := newWorld()
		w.campaign.Flights = edit(three())
		rejects(t, w.campaign, &w.refs, "campaign."+field, value, rule)
		w = newWorld()
		w.lineItem.Flights = edit(three())
		rejects(t, w.lineItem, &w.refs, "line_item."+field, value, rule)
	}
	set := func(i int, v Flight) func([]Flight) []Flight {
		return func(list []Flight) []Flight { list[i] = v; return list }
	}
	f("flights[1]", "2026-11-03T00:00:00Z to 2026-11-06T00:00:00Z", "overlap flights[0], 2026-11-02T00:00:00Z to 2026-11-04T00:00:00Z", set(1, Flight{day(3), day(6), 2}))
	f("flights[2]", "2026-11-02", "come after flights[1], 2026-11-04", set(2, Flight{day(2), day(3), 2}))
	f("flights[0].budget_nanos", "0", "1 to", set(0, Flight{day(2), day(4), 0}))
	f("flights[0].budget_nanos", "-1", "1 to", set(0, Flight{day(2), day(4), -1}))
	f("flights[2].budget_nanos", "1000000000000000001", "1 to", set(2, Flight{day(8), day(10), MaxBudget + 1}))
	f("flights[0].end", "2026-11-02", "after the start", set(0, Flight{day(2), day(2), 1}))
	f("flights[0].start", "0001", "years", set(0, Flight{End: day(4), Budget: 1}))
	f("flights[2].end", "0001", "years", set(2, Flight{Start: day(8), Budget: 1}))
	f("flights[2]", "2026-11-29T00:00:00Z to 2026-12-01", "within its dates", set(2, Flight{day(29), day(31), 1}))
	f("flights[0]", "2026-10-31", "within its dates", set(0, Flight{day(0), day(3), 1}))
	f("flights", "65", "at most 64", func([]Flight) []Flight {
		list := make([]Flight, 65)
		for i := range list {
			at := day(2).Add(time.Duration(i) * time.Hour)
			list[i] = Flight{at, at.Add(time.Hour), 1}
		}
		return list
	})

	w := newWorld()
	w.campaign.Flights, w.lineItem.Flights = three(), three()
	for _, e := range []Entity{w.campaign, w.lineItem} {
		if err := e.Validate(&w.refs); err != nil {
			t.Errorf("%s: %v", e.Kind(), err)
		}
	}
	w.lineItem.Start = day(3) // its own dates are narrower than the campaign's
	rejects(t, w.lineItem, &w.refs, "line_item.flights[0]", "2026-11-02", "within its dates, 2026-11-03T00:00:00Z to 2026-11-30")
}

func TestGuaranteedLineItem(t *testing.T) {
	w := newWorld()
	w.lineItem.Guaranteed, w.lineItem.Targeting.Deals = true, []string{"d"}
	if err := w.lineItem.Validate(&w.refs); err != nil {
		t.Error(err)
	}
}

// TestCreativesOfAnyFormat: a line item may mix them.
func TestCreativesOfAnyFormat(t *testing.T) {
	w := newWorld()
	for i, plant := range []func(*world) *Creative{(*world).video, (*world).audio, (*world).native} {
		v := plant(newWorld())
		v.ID = ID(10 + i)
		w.refs.Creatives[v.ID] = v
		w.lineItem.CreativeIDs = append(w.lineItem.CreativeIDs, v.ID)
	}
	if err := w.lineItem.Validate(&w.refs); err != nil {
		t.Error(err)
	}
}

func TestTargetingRules(t *testing.T) {
	f := func(field, value, rule string, edit func(*Targeting)) {
		t.Helper()
		w := newWorld()
		edit(&w.lineItem.Targeting)
		rejects(t, w.lineItem, &w.refs, "line_item.targeting."+field, value, rule)
	}
	f("exchanges[0]", "De mo", "exchange", func(t *Targeting) { t.Exchanges = []string{"De mo"} })
	f("exchanges", "65", "at most 64", func(t *Targeting) { t.Exchanges = repeat(65, "demo") })
	f("sizes[0]", "0x250", "1 to 10000", func(t *Targeting) { t.Sizes = []Size{{0, 250}} })
	f("sizes[1]", "1x10001", "1 to 10000", func(t *Targeting) { t.Sizes = []Size{{1, 1}, {1, 10001}} })
	f("sizes", "65", "at most 64", func(t *Targeting) {
		for range 65 {
			t.Sizes = append(t.Sizes, Size{1, 1})
		}
	})
	f("countries.include[0]", "usa", "alpha-3", func(t *Targeting) { t.Countries.Include = []string{"usa"} })
	f("countries.exclude[0]", "XYZ", "alpha-3", func(t *Targeting) { t.Countries.Exclude = []string{"XYZ"} })
	f("countries.include[0]", "SA U", "alpha-3", func(t *Targeting) { t.Countries.Include = []string{"SA U"} })
	for _, r := range []string{"CA", "US-CA", "USA-", "USA-CALI", "USA-ca", "USA_CA"} {
		f("regions.include[0]", r, "USA-CA", func(t *Targeting) { t.Regions.Include = []string{r} })
	}
	for _, c := range []string{"Berlin", "DE/Berlin", "DEU/", "DEU/" + long(101)} {
		f("cities.exclude[0]", c[:min(len(c), 20)], "COUNTRY/NAME", func(t *Targeting) { t.Cities.Exclude = []string{c} })
	}
	f("device_types[0]", "0", "AdCOM device", func(t *Targeting) { t.DeviceTypes = []int{0} })
	f("device_types[1]", "9", "AdCOM device", func(t *Targeting) { t.DeviceTypes = []int{1, 9} })
	f("os[0]", "iOS", "lower case", func(t *Targeting) { t.OS = []string{"iOS"} })
	f("os", "33", "at most 32", func(t *Targeting) { t.OS = repeat(33, "ios") })
	f("domains.include[1]", "news", "domain name", func(t *Targeting) { t.Domains.Include = []string{"a.b", "news"} })
	f("domains.exclude", "10001", "at most 10000", func(t *Targeting) { t.Domains.Exclude = repeat(10_001, "a.b") })
	f("bundles.include[0]", "com.a b", "bundle", func(t *Targeting) { t.Bundles.Include = []string{"com.a b"} })
	f("bundles.exclude[0]", "aaa", "bundle", func(t *Targeting) { t.Bundles.Exclude = []string{long(257)} })
	for _, c := range []string{"iab1", "IAB", "IAB0", "IAB27", "IAB01", "IAB1-", "IAB1-0", "IAB1-100", "1"} {
		f("categories.include[0]", c, "IAB content", func(t *Targeting) { t.Categories.Include = []string{c} })
	}
	f("hours_of_week[3]", "168", "0 to 167", func(t *Targeting) { t.HoursOfWeek = []int{0, 1, 2, 168} })
	f("hours_of_week[0]", "-1", "0 to 167", func(t *Targeting) { t.HoursOfWeek = []int{-1} })
	f("hours_of_week", "169", "at most 168", func(t *Targeting) { t.HoursOfWeek = make([]int, 169) })
	f("deals[0]", "", "deal", func(t *Targeting) { t.Deals = []string{""} })
	f("deals", "1001", "at most 1000", func(t *Targeting) { t.Deals = repeat(1001, "d") })
	f("tags.any_of[0][1]", "auto/van", "taxonomy", func(t *Targeting) { t.Tags.AnyOf = [][]string{{"auto", "auto/van"}} })
	f("tags.any_of[1]", "[]", "at least one", func(t *Targeting) { t.Tags.AnyOf = [][]string{{"auto"}, {}} })
	f("tags.any_of", "17", "at most 16", func(t *Targeting) {
		for range 17 {
			t.Tags.AnyOf = append(t.Tags.AnyOf, []string{"auto"})
		}
	})
	f("tags.any_of[0]", "1001", "at most 1000", func(t *Targeting) { t.Tags.AnyOf = [][]string{repeat(1001, "auto")} })
	f("tags.all_of[0]", "list/", "list/NAME", func(t *Targeting) { t.Tags.AllOf = []string{"list/"} })
	f("tags.all_of[0]", "list/VIP", "list/NAME", func(t *Targeting) { t.Tags.AllOf = []string{"list/VIP"} })
	f("tags.all_of", "65", "at most 64", func(t *Targeting) { t.Tags.AllOf = repeat(65, "auto") })
	f("tags.none_of[0]", "list/aaa", "list/NAME", func(t *Targeting) { t.Tags.NoneOf = []string{"list/" + long(65)} })
	f("tags.none_of[0]", "aaa", "256 bytes", func(t *Targeting) { t.Tags.NoneOf = []string{long(257)} })
}

func TestHTMLThatLoadsSecurely(t *testing.T) {
	for _, s := range []string{`<svg xmlns="http://www.w3.org/2000/svg"></svg>`, `<img src="https://x.example/a">`, "see http://x"} {
		if rule := htmlRule(s); rule != "" {
			t.Errorf("%q: %s", s, rule)
		}
	}
}

func TestKillSwitchRules(t *testing.T) {
	f := func(k KillSwitch, exists bool, field string) {
		t.Helper()
		var ve *ValidationError
		if err := k.Validate(exists); !errors.As(err, &ve) || len(ve.Violations) != 1 || ve.Violations[0].Field != "kill_switch."+field {
			t.Errorf("%+v: got %v; want one violation of %s", k, err, field)
		}
	}
	f(KillSwitch{Scope: "planet", Reason: "why", By: "me"}, true, "scope")
	f(KillSwitch{Scope: ScopeExchange, Reason: "why", By: "me"}, true, "exchange")
	f(KillSwitch{Scope: ScopeExchange, Exchange: "Demo", Reason: "why", By: "me"}, true, "exchange")
	f(KillSwitch{Scope: ScopeExchange, Exchange: "demo", Target: 1, Reason: "why", By: "me"}, true, "target")
	f(KillSwitch{Scope: ScopeLineItem, Target: 1, Exchange: "demo", Reason: "why", By: "me"}, true, "exchange")
	f(KillSwitch{Scope: ScopeAdvertiser, Target: 4, Reason: "why", By: "me"}, false, "target")
	f(KillSwitch{Scope: ScopeCreative, Reason: "why", By: "me"}, true, "target")
	f(KillSwitch{Scope: ScopeAll, Target: 1, Reason: "why", By: "me"}, true, "target")
	f(KillSwitch{Scope: ScopeLineItem, Reason: "why", By: "me"}, true, "target")
	f(KillSwitch{Scope: ScopeLineItem, Target: 4, Reason: "why", By: "me"}, false, "target")
	f(KillSwitch{Scope: ScopeAll, Reason: "x", By: "me"}, true, "reason")
	f(KillSwitch{Scope: ScopeAll, Reason: "why"}, true, "by")
	if err := (&KillSwitch{Scope: ScopeLineItem, Target: 4, Reason: "why", By: "me"}).Validate(true); err != nil {
		t.Error(err)
	}
}

func TestAllViolationsAtOnceAreBounded(t *testing.T) {
	w := newWorld()
	w.lineItem.Name, w.lineItem.Price = "", 0
	w.lineItem.Targeting.Domains.Include = repeat(5_000, "bad")
	var ve *ValidationError
	if err := w.lineItem.Validate(&w.refs); !errors.As(err, &ve) || len(ve.Violations) != maxViolations {
		t.Fatalf("got %v; want %d violations", err, maxViolations)
	}
	if ve.Violations[0].Field != "line_item.name" || ve.Violations[1].Field != "line_item.price_micros" {
		t.Errorf("got %v first", ve.Violations[:2])
	}
}

func TestClipKeepsCharactersWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringN(-1, -1, 300).Draw(t, "s")
		got := clip(s)
		if !strings.HasPrefix(s, strings.TrimSuffix(got, "...")) || len(got) > maxViolationsValue+3 {
			t.Fatalf("clip(%q) = %q", s, got)
		}
	})
}

func FuzzParseKillSwitch(f *testing.F) {
	for _, s := range []string{"all", "exchange/demo", "line_item/12", "line_item/012", "all/1", "creative/-1", "agency/", "x/1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		k, err := ParseKillSwitch(name)
		if err != nil {
			return
		}
		if k.Reason, k.By = "why", "me"; k.Name() != name || k.Validate(true) != nil {
			t.Errorf("%q is read as %+v, which is named %q: %v", name, k, k.Name(), k.Validate(true))
		}
	})
}
