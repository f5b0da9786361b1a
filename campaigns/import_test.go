package campaigns_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bidhawk/campaigns"
	"bidhawk/campaigns/sqlstore"
	"bidhawk/campaigns/taxonomy"
	"bidhawk/campaigns/yamltree"
	"bidhawk/internal/money"
	"bidhawk/internal/sqldb/sqldbtest"
)

func openStore(t testing.TB, dir string) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(context.Background(), sqldbtest.Source(t), fixedClock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func shippedTaxonomy(t testing.TB) *taxonomy.Taxonomy {
	t.Helper()
	f, err := os.Open("../configs/taxonomy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tx, err := taxonomy.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// catalogOf publishes the store's outbox and returns what a feed makes of it.
func catalogOf(t testing.TB, s *sqlstore.Store) *campaigns.Catalog {
	t.Helper()
	l := openLog(t)
	if _, err := sqlstore.NewRelay(sqlstore.RelayConfig{}, s, l).Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	f := runFeed(t, campaigns.FeedDeps{Log: l})
	return await(t, f, "ready", func(*campaigns.Catalog) bool { return f.Ready() })
}

func TestDemoCampaigns(t *testing.T) {
	f, err := os.Open("../configs/demo/campaigns.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := openStore(t, t.TempDir())
	sum, err := campaigns.ImportYAML(t.Context(), s, shippedTaxonomy(t), f, fixedClock())
	if err != nil {
		t.Fatal(err)
	}
	c := catalogOf(t, s)
	if sum.Counts[campaigns.KindLineItem] != len(c.LineItems) || len(c.LineItems) < 12 || len(c.Agencies) != 1 || len(c.Advertisers) != 2 {
		t.Fatalf("imported %v; the catalogue has %d line items", sum, len(c.LineItems))
	}
	used := map[string]bool{}
	for id, l := range c.LineItems {
		lin, ok := c.Lineage(id)
		if !ok || !lin.Active() {
			t.Errorf("%s: no active lineage", l.Name)
			continue
		}
		if start, _ := l.Flight(lin.Campaign); !start.Equal(fixedClock()) {
			t.Errorf("%s: starts at %v; want the import", l.Name, start)
		}
		for _, cid := range l.CreativeIDs {
			v := c.Creatives[cid]
			used[fmt.Sprintf("%dx%d", v.W, v.H)] = true
			used["html"] = used["html"] || v.HTML != ""
			used["image"] = used["image"] || v.ImageURL != ""
			used[demoFormat(v)+" of "+lin.Advertiser.Name] = true
		}
		used[string(l.Pricing)], used[string(l.Pacing)] = true, true
		used["guaranteed"] = used["guaranteed"] || l.Guaranteed
		used["cap"] = used["cap"] || l.FrequencyCap.PerDay > 0
		budgets(used, "line_item", l.Budget)
		budgets(used, "campaign", lin.Campaign.Budget)
		budgets(used, "advertiser", lin.Advertiser.Budget)
		dimensions(used, "", reflect.ValueOf(l.Targeting))
	}
	want := []string{"cpm", "dcpm", "vcpm", "cpcv", "cpc", "cpa", "cps", "cpd", "even", "asap", "cap", "html", "image", "guaranteed", "300x250", "728x90", "320x50", "160x600", "970x250", "336x280",
		"line_item.daily", "line_item.lifetime", "campaign.daily", "campaign.lifetime", "advertiser.daily", "advertiser.lifetime"}
	for _, of := range []string{" of Acme Motors", " of Blue Fjord Travel"} {
		for _, format := range []string{"image", "html", "mraid", "video", "vast tag", "audio", "native"} {
			want = append(want, format+of)
		}
	}
	for i := range reflect.TypeFor[campaigns.Targeting]().NumField() {
		switch f := reflect.TypeFor[campaigns.Targeting]().Field(i); f.Type {
		case reflect.TypeFor[campaigns.Set]():
			want = append(want, f.Name+".Include", f.Name+".Exclude")
		case reflect.TypeFor[campaigns.TagRule]():
			want = append(want, f.Name+".AnyOf", f.Name+".AllOf", f.Name+".NoneOf")
		default:
			if f.Name != "Segments" && f.Name != "Lists" { // those are made by the API
				want = append(want, f.Name)
			}
		}
	}
	for _, w := range want {
		if !used[w] {
			t.Errorf("no demo line item uses %s", w)
		}
	}
}

// demoFormat is the format as a bidder serves it.
func demoFormat(v *campaigns.Creative) string {
	switch {
	case slices.Contains(v.API, 5):
		return "mraid"
	case v.HTML != "":
		return "html"
	case v.ImageURL != "":
		return "image"
	case v.VAST != nil && v.VAST.TagURL != "":
		return "vast tag"
	}
	return string(v.Format)
}

func budgets(used map[string]bool, level string, b campaigns.Budget) {
	used[level+".daily"] = used[level+".daily"] || b.Daily > 0
	used[level+".lifetime"] = used[level+".lifetime"] || b.Lifetime > 0
}

// dimensions notes the lists that are not empty.
func dimensions(used map[string]bool, prefix string, v reflect.Value) {
	for i := range v.NumField() {
		name, f := prefix+v.Type().Field(i).Name, v.Field(i)
		if f.Kind() == reflect.Struct {
			dimensions(used, name+".", f)
		} else if f.Len() > 0 {
			used[name] = true
		}
	}
}

const smallImport = `agencies:
  - {key: a, name: A}
advertisers:
  - {key: b, agency: a, name: B, currency: USD, time_zone: UTC, domain: b.example, redirect_hosts: [b.example]}
campaigns:
  - {key: c, advertiser: b, name: C, start: now, end: +30d}
creatives:
  - {key: v, advertiser: b, name: V, w: 300, h: 250, image_url: "https://cdn.example/a", landing_url: "https://b.example/"}
line_items:
  - key: l
    campaign: c
    name: L
    start: "-1h"
    end: 2026-11-22T00:00:00Z
    pricing: cpm
    price_micros: 2_000_000
    max_bid_micros: 1_000_000
    budget: {lifetime_nanos: 5_000_000_000}
    flights: [{start: now, end: +2h, budget_nanos: 1_000_000}, {start: +3h, end: +4h, budget_nanos: 2}]
    targeting: {countries: {include: [usa]}}
    creatives: [v]
`

func TestImportSetsIDsAndTimes(t *testing.T) {
	s := openStore(t, t.TempDir())
	// Ids of the store and of the file differ.
	if err := campaigns.NewEditor(s, nil, nil, fixedClock).Create(t.Context(), &campaigns.Agency{Name: "earlier"}); err != nil {
		t.Fatal(err)
	}
	sum, err := campaigns.ImportYAML(t.Context(), s, nil, strings.NewReader(smallImport), fixedClock())
	if err != nil {
		t.Fatal(err)
	}
	c := catalogOf(t, s)
	l := c.LineItems[sum.IDs["l"]]
	if lin, ok := c.Lineage(l.ID); !ok || lin.Agency.ID != sum.IDs["a"] || sum.IDs["a"] != 2 {
		t.Errorf("lineage of %+v: %v; ids %v", l, ok, sum.IDs)
	}
	if len(l.CreativeIDs) != 1 || l.CreativeIDs[0] != sum.IDs["v"] || l.Targeting.Countries.Include[0] != "USA" || l.Budget.Lifetime != 5*money.Unit {
		t.Errorf("got %+v", l)
	}
	if want := []campaigns.Flight{{Start: fixedClock(), End: fixedClock().Add(2 * time.Hour), Budget: 1_000_000},
		{Start: fixedClock().Add(3 * time.Hour), End: fixedClock().Add(4 * time.Hour), Budget: 2}}; !slices.Equal(l.Flights, want) {
		t.Errorf("got flights %v; want %v", l.Flights, want)
	}
	if !l.Start.Equal(fixedClock().Add(-time.Hour)) || !c.Campaigns[sum.IDs["c"]].End.Equal(fixedClock().AddDate(0, 0, 30)) {
		t.Errorf("got start %v, end %v", l.Start, c.Campaigns[sum.IDs["c"]].End)
	}
}

func TestImportIsAllOrNothingAndNamesTheLine(t *testing.T) {
	s := openStore(t, t.TempDir())
	f := func(old, new string, line int, path, value, rule string) {
		t.Helper()
		if !strings.Contains(smallImport, old) {
			t.Fatalf("the file does not hold %q", old)
		}
		_, err := campaigns.ImportYAML(t.Context(), s, nil, strings.NewReader(strings.Replace(smallImport, old, new, 1)), fixedClock())
		var e *yamltree.Error
		if !errors.As(err, &e) {
			t.Errorf("%q: got %v; want an *Error", new, err)
			return
		}
		// The first is the cause; what follows from it may be named too.
		if p := e.Problems[0]; p.Line != line || p.Path != path || p.Value != value || !strings.Contains(p.Rule, rule) {
			t.Errorf("%q: got %+v; want line %d, %s = %q, %s", new, p, line, path, value, rule)
		}
	}
	f("price_micros: 2_000_000", "price_micros: 0", 16, "line_items[0].price_micros", "0", "must be 1 to")
	f("price_micros: 2_000_000", "price_micros: 2.5", 16, "line_items[0].price_micros", "2.5", "whole number")
	f("price_micros: 2_000_000", "price_micros: 1\n    markup_ppm: 5", 17, "line_items[0].markup_ppm", "5", "must not be given where the pricing is cpm")
	f("price_micros: 2_000_000", "price_micros: 1\n    media_cap: {daily_nanos: -1}", 17, "line_items[0].media_cap.daily_nanos", "-1", "must be 0 to")
	f("price_micros", "price", 16, "line_items[0].price", "price", "not a known key")
	f("start: +3h", "start: +1h", 19, "line_items[0].flights[1]", "2026-11-21T13:00:00Z to 2026-11-21T16:00:00Z", "overlap flights[0]")
	f("budget_nanos: 2}", "budget_nanos: 0.5}", 19, "line_items[0].flights[1].budget_nanos", "0.5", "whole number")
	f("[usa]", "[usa, Mars]", 20, "line_items[0].targeting.countries.include[1]", "MARS", "alpha-3")
	f("creatives: [v]", "creatives: [v, w]", 21, "line_items[0].creatives[1]", "w", "of a creative in this file")
	f("creatives: [v]", "creatives: []", 21, "line_items[0].creatives", "[]", "at least one")
	f("campaign: c", "campaign: b", 11, "line_items[0].campaign", "b", "of a campaign in this file")
	f("key: v,", "key: b,", 8, "creatives[0].key", "b", "unique")
	f("agency: a,", "", 4, "advertisers[0].agency", "", "of an agency in this file")
	f("currency: USD", "currency: usd", 4, "advertisers[0].currency", "usd", "upper-case")
	f("end: +30d", "end: tomorrow", 6, "campaigns[0].end", "tomorrow", "must be a time")
	f("end: +30d", "end: +99999d", 6, "campaigns[0].end", "+99999d", "must be a time")
	f("end: +30d", "end: -1h", 6, "campaigns[0].end", "2026-11-21T11:00:00Z", "after the start")
	f("{key: a, name: A}", "{key: a, name: A, id: 4}", 2, "agencies[0].id", "id", "the store assigns")
	f("campaign: c", "campaign_id: 3", 11, "line_items[0].campaign_id", "campaign_id", "use campaign: KEY")
	for _, k := range campaigns.Kinds() {
		if found, err := s.List(t.Context(), k, campaigns.Filter{}); err != nil || len(found) != 0 {
			t.Errorf("%s: a refused file left %d entities, %v", k, len(found), err)
		}
	}
	if _, err := campaigns.ImportYAML(t.Context(), s, nil, strings.NewReader("{}"), fixedClock()); err == nil {
		t.Error("an empty file was accepted")
	}
}

const creativesImport = `agencies:
  - {key: a, name: A}
advertisers:
  - {key: b, agency: a, name: B, currency: USD, time_zone: UTC, domain: b.example, redirect_hosts: [b.example]}
creatives:
  - key: video
    advertiser: b
    name: V
    format: video
    api: [7]
    vast:
      duration_seconds: 15
      skip_offset_seconds: 5
      media_files:
        - {url: "https://cdn.example/a.mp4", mime: video/mp4, w: 1280, h: 720, bitrate_kbps: 1_200}
      companions: [{w: 300, h: 250, image_url: "https://cdn.example/c.png"}]
      verification: [{vendor: acme-omid, script_url: "https://v.example/o.js"}]
    cattax: 6
    cat: ["211"]
    exchanges:
      google: {status: approved, id: "77"}
      index: {status: rejected, reason: blurred}
  - key: native
    advertiser: b
    name: N
    format: native
    landing_url: https://b.example/
    native:
      title: T
      icon: {url: "https://cdn.example/i.png", w: 80, h: 80}
      main: [{url: "https://cdn.example/m.png", w: 1200, h: 627}]
      data: [{type: 1, value: B}]
`

func TestImportOfEveryFormat(t *testing.T) {
	s := openStore(t, t.TempDir())
	sum, err := campaigns.ImportYAML(t.Context(), s, nil, strings.NewReader(creativesImport), fixedClock())
	if err != nil {
		t.Fatal(err)
	}
	c := catalogOf(t, s)
	video := c.Creatives[sum.IDs["video"]]
	want := map[string]campaigns.Registration{"google": {Status: campaigns.RegistrationApproved, ID: "77"}, "index": {Status: campaigns.RegistrationRejected, Reason: "blurred"}}
	if video.VAST == nil || video.VAST.MediaFiles[0].Bitrate != 1200 || video.VAST.Companions[0].W != 300 || video.CatTax != 6 || !reflect.DeepEqual(video.Exchanges, want) {
		t.Errorf("got %+v", video)
	}
	if n := c.Creatives[sum.IDs["native"]]; n.Native == nil || n.Native.Icon.W != 80 || n.Native.Data[0].Value != "B" || n.VAST != nil {
		t.Errorf("got %+v", n)
	}
	f := func(old, new string, line int, path, value, rule string) {
		t.Helper()
		file := strings.Replace(creativesImport, old, new, 1)
		_, err := campaigns.ImportYAML(t.Context(), s, nil, strings.NewReader(file), fixedClock())
		var e *yamltree.Error
		if !errors.As(err, &e) || file == creativesImport {
			t.Errorf("%q: got %v; want an *Error", new, err)
			return
		}
		if p := e.Problems[0]; p.Line != line || p.Path != path || p.Value != value || !strings.Contains(p.Rule, rule) {
			t.Errorf("%q: got %+v; want line %d, %s = %q, %s", new, p, line, path, value, rule)
		}
	}
	f("https://cdn.example/a.mp4", "http://cdn.example/a.mp4", 15, "creatives[0].vast.media_files[0].url", "http://cdn.example/a.mp4", "https")
	f("bitrate_kbps", "bitrate", 15, "creatives[0].vast.media_files[0].bitrate", "bitrate", "not a known key")
	f("approved", "fine", 21, "creatives[0].exchanges.google.status", "fine", "pending, approved or rejected")
	f("[\"211\"]", "[IAB2]", 19, "creatives[0].cat[0]", "IAB2", "cattax 6")
	f("value: B", "value: \"\"", 32, "creatives[1].native.data[0].value", "", "1 to 1000")
	f("format: native", "format: banner", 29, "creatives[1].native", "{...}", "must not be given where the format is banner")
}

// failingStore refuses the nth insert, as a full disk would.
type failingStore struct {
	campaigns.Store
	after int
}

func (s failingStore) Write(ctx context.Context, f func(campaigns.Tx) error) error {
	return s.Store.Write(ctx, func(tx campaigns.Tx) error { return f(&failingTx{tx, s.after}) })
}

type failingTx struct {
	campaigns.Tx
	after int
}

var errDisk = errors.New("disk is full")

func (tx *failingTx) Insert(ctx context.Context, e campaigns.Entity, o campaigns.Owner) error {
	if tx.after--; tx.after < 0 {
		return errDisk
	}
	return tx.Tx.Insert(ctx, e, o)
}

func TestImportLeavesNothingWhereTheStoreFails(t *testing.T) {
	s := openStore(t, t.TempDir())
	for n := range 5 {
		_, err := campaigns.ImportYAML(t.Context(), failingStore{s, n}, nil, strings.NewReader(smallImport), fixedClock())
		if !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "line ") {
			t.Errorf("after %d: got %v; want the disk's error with a line", n, err)
		}
	}
	if c := catalogOf(t, s); c.Generation != 0 {
		t.Errorf("the topic got %d records of refused imports", c.Generation)
	}
}

// importFileOf draws a valid file and the prices of its line items by key.
func importFileOf(t *rapid.T) (string, map[string]money.CPM) {
	var y strings.Builder
	n := rapid.IntRange(1, 3).Draw(t, "advertisers")
	list := func(kind, format string) {
		fmt.Fprintf(&y, "%s:\n", kind)
		for i := range n {
			y.WriteString(strings.ReplaceAll(format, "#", strconv.Itoa(i)) + "\n")
		}
	}
	y.WriteString("agencies: [{key: a, name: A}]\n")
	list("advertisers", "- {key: adv#, agency: a, name: N, currency: EUR, time_zone: Asia/Tokyo, domain: d.example, redirect_hosts: [d.example]}")
	list("campaigns", "- {key: c#, advertiser: adv#, name: C, start: now, end: +1d}")
	list("creatives", "- {key: v#, advertiser: adv#, name: V, w: 1, h: 1, html: <b>x</b>}")
	y.WriteString("line_items:\n")
	prices := map[string]money.CPM{}
	for i := range rapid.IntRange(1, 6).Draw(t, "line items") {
		owner := rapid.IntRange(0, n-1).Draw(t, "owner")
		price := rapid.Int64Range(1, int64(money.MaxCPM)).Draw(t, "price")
		hours := rapid.SliceOfNDistinct(rapid.IntRange(0, 167), 0, 5, rapid.ID[int]).Draw(t, "hours")
		fmt.Fprintf(&y, "- {key: l%d, campaign: c%d, name: L, pricing: cpm, price_micros: %d, max_bid_micros: 1, budget: {daily_nanos: 1}, "+
			"creatives: [v%d], targeting: {hours_of_week: [%s]}}\n", i, owner, price, owner, strings.Trim(strings.ReplaceAll(fmt.Sprint(hours), " ", ","), "[]"))
		prices[fmt.Sprintf("l%d", i)] = money.CPM(price)
	}
	return y.String(), prices
}

// TestImportedIsWhatTheCatalogHolds: whatever valid file is imported, the
// catalogue at the end of outbox, topic and feed is the store's content, and
// that is the file's.
func TestImportedIsWhatTheCatalogHolds(t *testing.T) {
	ctx := context.Background()
	s, l := openStore(t, t.TempDir()), openLog(t)
	relay := sqlstore.NewRelay(sqlstore.RelayConfig{}, s, l)
	f := runFeed(t, campaigns.FeedDeps{Log: l})
	total := int64(0)
	rapid.Check(t, func(t *rapid.T) {
		file, prices := importFileOf(t)
		sum, err := campaigns.ImportYAML(ctx, s, nil, strings.NewReader(file), fixedClock())
		if err != nil {
			t.Fatalf("%v\n%s", err, file)
		}
		if _, err := relay.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		for _, n := range sum.Counts {
			total += int64(n)
		}
		c := await(t, f, "the import", func(c *campaigns.Catalog) bool { return c.Generation == total })
		if sum.Counts[campaigns.KindLineItem] != len(prices) {
			t.Fatalf("imported %v; want %d line items", sum, len(prices))
		}
		for key, price := range prices {
			stored, err := campaigns.Get[*campaigns.LineItem](ctx, s, sum.IDs[key])
			if err != nil || stored.Price != price || !reflect.DeepEqual(c.LineItems[stored.ID], stored) {
				t.Fatalf("%s: catalogue %+v\nstore %+v, %v\nwant price %d", key, c.LineItems[sum.IDs[key]], stored, err, price)
			}
		}
	})
}
