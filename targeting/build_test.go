package targeting

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// plain is a catalog of n line items that ask nothing and bid 1, 2, 3, ... n.
func plain(n int) *campaigns.Catalog {
	cat := emptyCatalog()
	cat.Advertisers[7] = &campaigns.Advertiser{Meta: campaigns.Meta{ID: 7}, AgencyID: 1, Status: campaigns.StatusActive, TimeZone: "Europe/Berlin"}
	cat.Campaigns[5] = &campaigns.Campaign{Meta: campaigns.Meta{ID: 5}, AdvertiserID: 7, Status: campaigns.StatusActive}
	for id := campaigns.ID(1); id <= campaigns.ID(n); id++ {
		cat.LineItems[id] = &campaigns.LineItem{
			Meta: campaigns.Meta{ID: id}, CampaignID: 5, Status: campaigns.StatusActive,
			MaxBid: money.CPM(id), CreativeIDs: []campaigns.ID{1},
		}
	}
	return cat
}

// build compiles a catalog that has nothing wrong.
func build(t testing.TB, cat *campaigns.Catalog) *Index {
	t.Helper()
	ix, err := Build(cat, Params{Tags: taxonomy(), Now: epoch})
	if err != nil {
		t.Fatal(err)
	}
	return ix
}

func ids(ix *Index, rows []int32) (out []campaigns.ID) {
	for _, r := range rows {
		out = append(out, ix.Line(r).LineItem.ID)
	}
	return out
}

func TestRowsFollowRank(t *testing.T) {
	f := func(rank func(campaigns.Lineage) int64, want ...campaigns.ID) {
		t.Helper()
		ix, err := Build(plain(4), Params{Tags: taxonomy(), Now: epoch, Rank: rank})
		if err != nil {
			t.Fatal(err)
		}
		got := ids(ix, ix.Match(nil, &Scratch{}, &RequestFacts{Now: epoch}, &ImpFacts{}))
		if !slices.Equal(got, want) {
			t.Errorf("order %v; want %v", got, want)
		}
	}
	f(nil, 4, 3, 2, 1)
	f(func(l campaigns.Lineage) int64 { return -int64(l.LineItem.ID) }, 1, 2, 3, 4)
	f(func(l campaigns.Lineage) int64 { return int64(l.LineItem.ID % 2) }, 1, 3, 2, 4) // equal: by id
}

func TestLeftOut(t *testing.T) {
	f := func(want Reason, change func(*campaigns.Catalog)) {
		t.Helper()
		cat := plain(2)
		cat.Creatives[2] = &campaigns.Creative{Meta: campaigns.Meta{ID: 2}, Status: campaigns.StatusPaused}
		change(cat)
		ix, err := Build(cat, Params{Tags: taxonomy(), Now: epoch})
		if (err != nil) != (want == ReasonInvalid) {
			t.Errorf("%s: error %v", want, err)
		}
		req, imp := &RequestFacts{Now: epoch}, &ImpFacts{}
		if got := ix.Explain(req, imp, 1); !slices.Equal(got, []Reason{want}) {
			t.Errorf("Explain = %v; want %v", got, want)
		}
		if got := ids(ix, ix.Match(nil, &Scratch{}, req, imp)); slices.Contains(got, 1) {
			t.Errorf("%s: matches", want)
		}
	}
	paused := campaigns.StatusPaused
	f(ReasonStatus, func(c *campaigns.Catalog) { c.LineItems[1].Status = paused })
	f(ReasonStatus, func(c *campaigns.Catalog) { c.Campaigns[5].Status = paused })
	f(ReasonStatus, func(c *campaigns.Catalog) { c.Advertisers[7].Status = paused })
	f(ReasonStatus, func(c *campaigns.Catalog) { c.Agencies[1].Status = campaigns.StatusArchived })
	f(ReasonParent, func(c *campaigns.Catalog) { delete(c.Agencies, 1) })
	f(ReasonParent, func(c *campaigns.Catalog) { c.LineItems[1].CampaignID = 6 })
	f(ReasonFlight, func(c *campaigns.Catalog) { c.LineItems[1].End = epoch })
	f(ReasonFlight, func(c *campaigns.Catalog) { c.Campaigns[5].End = epoch.Add(-time.Hour) })
	f(ReasonFlight, func(c *campaigns.Catalog) { c.LineItems[1].Start = epoch.Add(time.Millisecond) }) // compiled, waits
	f(ReasonCreatives, func(c *campaigns.Catalog) { c.LineItems[1].CreativeIDs = nil })
	f(ReasonCreatives, func(c *campaigns.Catalog) { c.LineItems[1].CreativeIDs = []campaigns.ID{2, 3} })
	f(ReasonInvalid, func(c *campaigns.Catalog) { c.Advertisers[7].TimeZone = "Mars/Olympus" })
	f(ReasonUnknown, func(c *campaigns.Catalog) { delete(c.LineItems, 1) })
}

// TestOneBadLineItemLeavesTheOthers also sees that the error names what is wrong.
func TestOneBadLineItemLeavesTheOthers(t *testing.T) {
	cat := plain(2)
	cat.Advertisers[8] = &campaigns.Advertiser{Meta: campaigns.Meta{ID: 8}, AgencyID: 1, Status: campaigns.StatusActive, TimeZone: "Mars/Olympus"}
	cat.Campaigns[6] = &campaigns.Campaign{Meta: campaigns.Meta{ID: 6}, AdvertiserID: 8, Status: campaigns.StatusActive}
	cat.LineItems[2].CampaignID = 6
	ix, err := Build(cat, Params{Tags: taxonomy(), Now: epoch})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"line item 2", "advertiser 8", "time_zone", `"Mars/Olympus"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name %s", err, want)
		}
	}
	if got := ids(ix, ix.Match(nil, &Scratch{}, &RequestFacts{Now: epoch}, &ImpFacts{})); !slices.Equal(got, []campaigns.ID{1}) {
		t.Errorf("matches %v; want line item 1", got)
	}
}

func TestLine(t *testing.T) {
	cat := plain(1)
	cat.Creatives[2] = &campaigns.Creative{Meta: campaigns.Meta{ID: 2}, Status: campaigns.StatusPaused}
	cat.Creatives[3] = &campaigns.Creative{Meta: campaigns.Meta{ID: 3}, Status: campaigns.StatusActive}
	cat.LineItems[1].CreativeIDs = []campaigns.ID{3, 2, 1, 9}
	ix := build(t, cat)
	row, ok := ix.Row(1)
	if !ok {
		t.Fatal("line item 1 has no row")
	}
	line := ix.Line(row)
	if !slices.Equal(line.Creatives, []*campaigns.Creative{cat.Creatives[3], cat.Creatives[1]}) {
		t.Errorf("creatives %v; want 3 and 1", line.Creatives)
	}
	if line.Zone.String() != "Europe/Berlin" || line.Rank != 1 || line.Agency != cat.Agencies[1] {
		t.Errorf("zone %v, rank %d, agency %v", line.Zone, line.Rank, line.Agency)
	}
	if _, ok := ix.Row(2); ok {
		t.Error("line item 2 has a row")
	}
}

// TestFlightBeginsByItself: the index was built before the flight.
func TestFlightBeginsByItself(t *testing.T) {
	cat := plain(1)
	cat.LineItems[1].Start, cat.LineItems[1].End = epoch.Add(time.Hour), epoch.Add(2*time.Hour)
	ix := build(t, cat)
	f := func(after time.Duration, want bool) {
		t.Helper()
		got := ix.Match(nil, &Scratch{}, &RequestFacts{Now: epoch.Add(after)}, &ImpFacts{})
		if (len(got) == 1) != want {
			t.Errorf("after %v: matches = %v; want %v", after, len(got) == 1, want)
		}
	}
	f(time.Hour-time.Millisecond, false)
	f(time.Hour, true)
	f(2*time.Hour-time.Millisecond, true)
	f(2*time.Hour, false)
}

func TestZeroIndexMatchesNothing(t *testing.T) {
	var ix Index
	var s Scratch
	full := seededSource(1).request()
	full.Tags = []campaigns.TagKey{campaigns.NewTagKey(0, 1), campaigns.NewTagKey(3, 1)}
	imp := &ImpFacts{Sizes: sizes, Deals: [][]byte{[]byte("deal-1")}}
	if got := ix.Match(nil, &s, full, imp); len(got) != 0 {
		t.Errorf("matches %v", got)
	}
	if got := ix.Explain(full, imp, 1); !slices.Equal(got, []Reason{ReasonUnknown}) {
		t.Errorf("Explain = %v", got)
	}
	if got := build(t, emptyCatalog()).Match(nil, &s, full, imp); len(got) != 0 {
		t.Errorf("an index without line items matches %v", got)
	}
}

// TestScratchOfAnotherIndex: a Scratch that began elsewhere has no say here.
func TestScratchOfAnotherIndex(t *testing.T) {
	one, two := build(t, plain(1)), build(t, plain(2))
	var s Scratch
	one.Begin(&s, &RequestFacts{Now: epoch})
	if got := two.MatchImp(nil, &s, &ImpFacts{}); len(got) != 0 {
		t.Errorf("matches %v", got)
	}
	if got := one.MatchImp(nil, &s, &ImpFacts{}); len(got) != 1 {
		t.Errorf("matches %v; want one row", got)
	}
}

// TestReasonsAreFieldsOfTargeting keeps the reasons' names those of the JSON.
func TestReasonsAreFieldsOfTargeting(t *testing.T) {
	some := campaigns.Set{Include: []string{"x"}}
	text, err := json.Marshal(campaigns.Targeting{
		Exchanges: some.Include, Sizes: sizes, Countries: some, Regions: some, Cities: some, DeviceTypes: []int{1}, OS: some.Include,
		Domains: some, Bundles: some, Categories: some, HoursOfWeek: []int{1}, Tags: campaigns.TagRule{AllOf: some.Include}, Deals: some.Include,
	})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[Reason]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	for _, r := range reasons {
		if r == "" {
			continue // several fields in one dimension
		}
		if fields[r] == nil {
			t.Errorf("reason %q is no field of targeting", r)
		}
		delete(fields, r)
	}
	for left := range fields {
		t.Errorf("field %q of targeting has no reason", left)
	}
}

// TestOwnTags: a tag that an advertiser holds counts for its line items alone.
func TestOwnTags(t *testing.T) {
	cat := plain(4)
	other := *cat.Advertisers[7]
	other.ID = 8
	cat.Advertisers[8] = &other
	cat.Campaigns[6] = &campaigns.Campaign{Meta: campaigns.Meta{ID: 6}, AdvertiserID: 8, Status: campaigns.StatusActive}
	vip := []string{"list/vip"}
	cat.LineItems[1].Targeting.Tags.AllOf = vip
	cat.LineItems[2].Targeting.Tags.AllOf, cat.LineItems[2].CampaignID = vip, 6
	cat.LineItems[3].Targeting.Tags.NoneOf = vip
	cat.LineItems[4].Targeting.Tags.NoneOf, cat.LineItems[4].CampaignID = vip, 6
	ix := build(t, cat)
	f := func(holder campaigns.ID, want ...campaigns.ID) {
		t.Helper()
		req := &RequestFacts{Now: epoch, Tags: []campaigns.TagKey{campaigns.NewTagKey(holder, taxonomy()["list/vip"])}}
		if got := ids(ix, ix.Match(nil, &Scratch{}, req, &ImpFacts{})); !slices.Equal(got, want) {
			t.Errorf("held by %d: matches %v; want %v", holder, got, want)
		}
	}
	f(0, 2, 1)
	f(7, 4, 1)
	f(8, 3, 2)
	f(9, 4, 3)
}

// TestManyValues takes more countries than have bitmaps of their own, and
// domain lists as long as they get, shared and not.
func TestManyValues(t *testing.T) {
	cat := plain(700)
	var long []string
	for i := range 10_000 {
		long = append(long, fmt.Sprintf("site%d.example", i))
	}
	for id, li := range cat.LineItems {
		li.Targeting.Countries.Include = []string{fmt.Sprintf("C%d", id)}
		switch {
		case id%100 == 1:
			li.Targeting.Domains.Include = long
		case id%100 == 2:
			li.Targeting.Domains.Exclude = long
		case id%100 == 3:
			li.Targeting.Domains.Include = long[:9_000+id]
		}
	}
	ix := build(t, cat)
	if got := ix.lists.count; got != 1+7 {
		t.Errorf("%d lists; want the shared one and seven others", got)
	}
	var s Scratch
	for id := range cat.LineItems {
		for _, site := range []string{"site0.example", "a.b.site9001.example", "site9999.example", "site10000.example", ""} {
			req := &RequestFacts{Now: epoch, Country: fmt.Appendf(nil, "C%d", id), Domain: []byte(site)}
			got := ix.Match(nil, &s, req, &ImpFacts{})
			row, _ := ix.Row(id)
			want := len(refusedBy(ix.Line(row).Lineage, taxonomy(), req, &ImpFacts{})) == 0
			if len(got) > 1 || slices.Contains(got, row) != want {
				t.Fatalf("line item %d, site %q: matches %v; want %v", id, site, ids(ix, got), want)
			}
		}
	}
}
