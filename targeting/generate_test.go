package targeting

import (
	"fmt"
	"math/rand/v2"
	"time"

	"pgregory.net/rapid"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// source draws numbers below n: rapid's draws, which shrink, or a seeded
// generator's, which are cheap.
type source func(n int) int

func rapidSource(t *rapid.T) source {
	return func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "n") }
}

func seededSource(seed uint64) source {
	return rand.New(rand.NewPCG(seed, seed)).IntN
}

// Few values, so that line items share them and requests hit them.
var (
	countries    = []string{"USA", "DEU", "AUS", ""}
	regions      = []string{"USA-CA", "USA-NY", "DEU-BE", "AUS-CA", "usa-ny", "USA-", ""}
	regionsOf    = []string{"CA", "NY", "be", ""}
	cities       = []string{"USA/San Francisco", "USA/SAN FRANCISCO", "DEU/Köln", "AUS/ΟΔΟΣ", "USA", "USA/"}
	citiesOf     = []string{"san francisco", "KÖLN", "οδος", "οδοσ", "San FranciSco", ""}
	systems      = []string{"ios", "android", "windows", "ſos", ""}
	systemsOf    = []string{"iOS", "Android", "WINDOWS", "sos", ""}
	exchanges    = []string{"adx", "index", "openx", "AdX", ""}
	domains      = []string{"example.com", "news.example.com", "com", "b.example.org", "EXAMPLE.org", "ample.com", "a", ""}
	domainsOf    = []string{"example.com", "m.news.Example.com", "xexample.com", "a.b.example.org.", "example.org", "com", "a..com", ""}
	bundles      = []string{"com.game", "com.Game", "1234567", "com.mail", ""}
	categories   = []string{"IAB1", "IAB1-6", "IAB2", "IAB19-18", "IAB19-18-2", "IAB19", ""}
	categoriesOf = []string{"IAB1-6", "IAB1-60", "IAB2", "IAB19-18-2", "iab1-6", "IAB1", "IAB10", "-", ""}
	deals        = []string{"deal-1", "deal-2", "deal-3", "x", ""}
	sizes        = []campaigns.Size{{W: 300, H: 250}, {W: 728, H: 90}, {W: 90, H: 728}, {W: 320, H: 50}}
	zones        = []string{"UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"}
	paths        = []string{"auto", "auto/suv", "auto/suv/used", "sport", "sport/golf", "list/vip", "list/old", "a", "b", "c", "d", "e", "f", "undefined"}
)

func taxonomy() tagNumbers {
	tags := tagNumbers{}
	for i, p := range paths[:len(paths)-1] {
		tags[p] = campaigns.TagNumber(i * 7)
	}
	tags["list/vip"], tags["list/old"] = 1<<31|5, 1<<31|9
	return tags
}

// chance is true once in n.
func (s source) chance(n int) bool { return s(n) == 0 }

func pick[T any](s source, from []T) T { return from[s(len(from))] }

// some draws a list; all but one time in rarely it is empty.
func some[T any](s source, from []T, rarely, most int) (out []T) {
	if !s.chance(rarely) {
		return nil
	}
	for range 1 + s(most) {
		out = append(out, pick(s, from))
	}
	return out
}

func (s source) set(from []string, rarely int) campaigns.Set {
	most := 3
	if s.chance(3) {
		most = 20
	}
	return campaigns.Set{Include: some(s, from, rarely, most), Exclude: some(s, from, rarely, 3)}
}

// padded is a set of which most values are in no request: long enough for a list.
func (s source) padded(from []string, rarely int) campaigns.Set {
	set := s.set(from, rarely)
	if len(set.Include) > 0 && s.chance(2) {
		for range inlineMax + 2 {
			set.Include = append(set.Include, fmt.Sprintf("pad%d", s(40)))
		}
	}
	if len(set.Exclude) > 0 && s.chance(2) {
		for range inlineMax + 2 {
			set.Exclude = append(set.Exclude, fmt.Sprintf("pad%d", s(40)))
		}
	}
	return set
}

func (s source) targeting() campaigns.Targeting {
	t := campaigns.Targeting{
		Exchanges:   some(s, exchanges, 6, 3),
		Sizes:       some(s, sizes, 6, 3),
		Countries:   s.set(countries, 6),
		Regions:     s.set(regions, 9),
		Cities:      s.set(cities, 9),
		DeviceTypes: some(s, []int{0, 1, 2, 4, 5, -3}, 6, 3),
		OS:          some(s, systems, 6, 3),
		Domains:     s.padded(domains, 8),
		Bundles:     s.padded(bundles, 8),
		Categories:  s.padded(categories, 8),
		Deals:       s.padded(deals, 8).Include,
		Tags: campaigns.TagRule{
			AllOf:  some(s, paths, 12, 2),
			NoneOf: some(s, paths, 6, 3),
		},
	}
	if s.chance(12) { // sites and apps
		t.Domains.Include, t.Bundles.Include = s.padded(domains, 1).Include, s.padded(bundles, 1).Include
	}
	if s.chance(3) {
		for range 1 + s(3) {
			t.Tags.AnyOf = append(t.Tags.AnyOf, some(s, paths, 1, 14))
		}
	}
	if s.chance(40) {
		t.Tags.AnyOf = append(t.Tags.AnyOf, nil)
	}
	if s.chance(3) {
		for range 1 + s(300) {
			t.HoursOfWeek = append(t.HoursOfWeek, s(weekHours+2)-1)
		}
	}
	return t
}

// epoch is when the generated flights are.
var epoch = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// date is zero, or within days around epoch.
func (s source) date(rarely int, from, days int) time.Time {
	if !s.chance(rarely) {
		return time.Time{}
	}
	return epoch.Add(time.Duration(from+s(days)) * 24 * time.Hour)
}

// world adds n line items, numbered from first, to a catalog of three
// advertisers: every line item may bid as far as its status goes.
func (s source) world(cat *campaigns.Catalog, first, n int) {
	for a := campaigns.ID(1); a <= 3; a++ {
		if cat.Advertisers[a] == nil {
			cat.Advertisers[a] = &campaigns.Advertiser{Meta: campaigns.Meta{ID: a}, AgencyID: 1, Status: campaigns.StatusActive, TimeZone: pick(s, zones)}
			cat.Campaigns[a] = &campaigns.Campaign{Meta: campaigns.Meta{ID: a}, AdvertiserID: a, Status: campaigns.StatusActive, Start: s.date(6, -30, 50), End: s.date(6, 1, 300)}
		}
	}
	for id := campaigns.ID(first); id < campaigns.ID(first+n); id++ {
		cat.LineItems[id] = &campaigns.LineItem{
			Meta: campaigns.Meta{ID: id}, CampaignID: campaigns.ID(1 + s(3)), Status: campaigns.StatusActive,
			Start: s.date(8, -30, 50), End: s.date(8, 1, 300),
			MaxBid: money.CPM(s(5)), CreativeIDs: []campaigns.ID{1}, Targeting: s.targeting(),
		}
	}
}

func emptyCatalog() *campaigns.Catalog {
	return &campaigns.Catalog{
		Generation:  1,
		Agencies:    map[campaigns.ID]*campaigns.Agency{1: {Meta: campaigns.Meta{ID: 1}, Status: campaigns.StatusActive}},
		Advertisers: map[campaigns.ID]*campaigns.Advertiser{},
		Campaigns:   map[campaigns.ID]*campaigns.Campaign{},
		LineItems:   map[campaigns.ID]*campaigns.LineItem{},
		Creatives:   map[campaigns.ID]*campaigns.Creative{1: {Meta: campaigns.Meta{ID: 1}, Status: campaigns.StatusActive}},
	}
}

func (s source) bytes(from []string) []byte { return []byte(pick(s, from)) }

func (s source) request() *RequestFacts {
	req := &RequestFacts{
		Exchange: pick(s, exchanges), Now: s.now(),
		Country: s.bytes(countries), Region: s.bytes(regionsOf), City: s.bytes(citiesOf),
		DeviceType: s(6), OS: s.bytes(systemsOf),
	}
	if s.chance(2) {
		req.Domain = s.bytes(domainsOf)
	} else {
		req.Bundle = s.bytes(bundles)
	}
	for range s(4) {
		req.Categories = append(req.Categories, s.bytes(categoriesOf))
	}
	tags := taxonomy()
	for range s(12) {
		req.Tags = append(req.Tags, campaigns.NewTagKey(campaigns.ID(s(5)*s(2)), tags[pick(s, paths)]))
	}
	return req
}

// now is any time of two years, or next to where a zone's offset changes.
func (s source) now() time.Time {
	now := epoch.Add(time.Duration(s(2*365*24*60)-200*24*60) * time.Minute)
	if s.chance(2) {
		return now
	}
	zone, err := time.LoadLocation(pick(s, zones))
	if err != nil {
		panic(err)
	}
	if _, end := now.In(zone).ZoneBounds(); !end.IsZero() {
		now = end
	}
	return now.Add(pick(s, []time.Duration{-time.Millisecond, 0, time.Second, -time.Hour, 30 * time.Minute, 2 * time.Hour}))
}

func (s source) imp() *ImpFacts {
	imp := &ImpFacts{Sizes: some(s, sizes, 1, 3), PrivateOnly: s.chance(6)}
	for _, d := range some(s, deals, 3, 3) {
		imp.Deals = append(imp.Deals, []byte(d))
	}
	return imp
}
