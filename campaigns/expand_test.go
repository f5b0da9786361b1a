package campaigns

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestExpandedTargeting(t *testing.T) {
	cat := newCatalog()
	cat.Segments = map[ID]*Segment{
		1: {Status: StatusActive, Tags: TagRule{AnyOf: [][]string{{"a", "b"}}, NoneOf: []string{"x"}}},
		2: {Status: StatusActive, Tags: TagRule{AllOf: []string{"c"}}},
		3: {Status: StatusPaused, Tags: TagRule{AllOf: []string{"d"}}},
	}
	cat.Lists = map[ID]*SiteList{
		1: {Status: StatusActive, Type: ListDomains, Entries: []string{"l.example"}},
		2: {Status: StatusActive, Type: ListBundles, Entries: []string{"com.l"}},
		3: {Status: StatusArchived, Type: ListDomains, Entries: []string{"old.example"}},
	}
	f := func(in, want Targeting) {
		t.Helper()
		l := &LineItem{Targeting: in}
		before := fmt.Sprint(l.Targeting)
		got := cat.Expanded(l).Targeting
		got.Segments, got.Lists = nil, ListSet{}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		if fmt.Sprint(l.Targeting) != before {
			t.Errorf("the line item itself was changed: %v", l.Targeting)
		}
	}
	plain := Targeting{Tags: TagRule{AnyOf: [][]string{{"own"}}}, Domains: Set{Include: []string{"own.example"}}}
	if l := (&LineItem{Targeting: plain}); cat.Expanded(l) != l {
		t.Error("a line item without segments and lists was copied")
	}
	in := plain
	in.Segments, in.Lists = []ID{1, 2}, ListSet{Include: []ID{1, 2}, Exclude: []ID{3}}
	f(in, Targeting{Tags: TagRule{AnyOf: [][]string{{"own"}, {"a", "b"}}, AllOf: []string{"c"}, NoneOf: []string{"x"}},
		Domains: Set{Include: []string{"own.example", "l.example"}}, Bundles: Set{Include: []string{"com.l"}}})
	// What is paused, gone or archived must not widen the line item.
	f(Targeting{Segments: []ID{3}}, Targeting{Tags: TagRule{AnyOf: [][]string{{nobody}}}})
	f(Targeting{Segments: []ID{99}}, Targeting{Tags: TagRule{AnyOf: [][]string{{nobody}}}})
	f(Targeting{Lists: ListSet{Include: []ID{3}}}, Targeting{Domains: Set{Include: []string{nowhere}}})
	f(Targeting{Lists: ListSet{Exclude: []ID{1, 3}}}, Targeting{Domains: Set{Exclude: []string{"l.example"}}})
}

func TestSharedEntitiesKeepTheirRules(t *testing.T) {
	w := newWorld()
	f := func(e Entity, field, rule string) {
		t.Helper()
		e.Normalize()
		err := e.Validate(&w.refs)
		var ve *ValidationError
		if field == "" {
			if err != nil {
				t.Errorf("%+v: got %v", e, err)
			}
			return
		}
		if !errors.As(err, &ve) || ve.Violations[0].Field != field || !strings.Contains(ve.Violations[0].Rule, rule) {
			t.Errorf("%+v: got %v; want %s: %s", e, err, field, rule)
		}
	}
	w.refs.LineItem = w.lineItem
	modifier := func(d ModifierDimension, values ...ValueModifier) *BidModifier {
		return &BidModifier{LineItemID: 5, Name: "m", Dimension: d, Values: values}
	}
	f(modifier("Country", ValueModifier{"usa", 500_000}, ValueModifier{"CAN", 1_000_000}), "", "")
	f(modifier("moon", ValueModifier{"a", 1}), "bid_modifier.dimension", "must be exchange")
	f(modifier(ModifyCountry), "bid_modifier.values", "at least one")
	f(modifier(ModifyCountry, ValueModifier{"XX", 500_000}), "bid_modifier.values[0].value", "ISO 3166")
	f(modifier(ModifyCountry, ValueModifier{"USA", 500_000}, ValueModifier{"usa", 500_000}), "bid_modifier.values[1].value", "once")
	f(modifier(ModifyCountry, ValueModifier{"USA", 1_000_001}), "bid_modifier.values[0].bid_ppm", "10000 to 1000000")
	f(modifier(ModifyHour, ValueModifier{"168", 500_000}), "bid_modifier.values[0].value", "0 to 167")
	f(modifier(ModifyHour, ValueModifier{"07", 500_000}), "bid_modifier.values[0].value", "0 to 167")
	f(&Segment{AdvertiserID: 2, Name: "s", Tags: TagRule{AllOf: []string{"AUTO"}}}, "", "")
	f(&Segment{AdvertiserID: 2, Name: "s"}, "segment.tags", "ask something")
	f(&Segment{AdvertiserID: 2, Name: "s", Tags: TagRule{AllOf: []string{"moon"}}}, "segment.tags.all_of[0]", "taxonomy")
	f(&SiteList{AdvertiserID: 2, Name: "l", Type: "Domains", Entries: []string{"News.Example.", "news.example"}}, "", "")
	f(&SiteList{AdvertiserID: 2, Name: "l", Type: "people"}, "list.type", "domains or bundles")
	f(&SiteList{AdvertiserID: 2, Name: "l", Type: ListDomains}, "list.entries", "at least one")
	f(&SiteList{AdvertiserID: 2, Name: "l", Type: ListDomains, Entries: []string{"a b"}}, "list.entries[0]", "domain name")

	l := w.lineItem
	l.Targeting.Segments, l.Targeting.Lists = []ID{7}, ListSet{Include: []ID{8}}
	w.refs.Segments, w.refs.Lists = map[ID]*Segment{7: {AdvertiserID: 2}}, map[ID]*SiteList{8: {AdvertiserID: 2}}
	f(l, "", "")
	w.refs.Segments[7].AdvertiserID = 3
	f(l, "line_item.targeting.segments[0]", "existing segment of the line item's advertiser")
	w.refs.Segments[7].AdvertiserID, w.refs.Lists[8].Status = 2, StatusArchived
	f(l, "line_item.targeting.lists.include[0]", "archived")
	w.refs.Lists = nil
	f(l, "line_item.targeting.lists.include[0]", "existing list")
}
