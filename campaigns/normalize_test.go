package campaigns

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNormalizeLineItem(t *testing.T) {
	l := LineItem{Name: " x ", Pricing: "CPM", CreativeIDs: []ID{4, 4}, Targeting: Targeting{
		Exchanges: []string{" Demo"}, Countries: Set{Include: []string{"usa", "USA "}}, Regions: Set{Include: []string{"usa-ca"}},
		Cities: Set{Include: []string{"usa/ San Francisco"}}, OS: []string{"iOS"}, Domains: Set{Exclude: []string{"News.Example.", "news.example"}},
		Bundles: Set{Include: []string{" com.Example.App "}}, Categories: Set{Include: []string{"iab1-2"}},
		HoursOfWeek: []int{3, 3, 1}, Deals: []string{}, Tags: TagRule{AnyOf: [][]string{{"Auto/SUV", "auto/suv"}}}}}
	l.Normalize()
	want := LineItem{Name: "x", Status: StatusActive, Pricing: PricingCPM, Pacing: PacingEven, CreativeIDs: []ID{4}, Targeting: Targeting{
		Exchanges: []string{"demo"}, Countries: Set{Include: []string{"USA"}}, Regions: Set{Include: []string{"USA-CA"}},
		Cities: Set{Include: []string{"USA/San Francisco"}}, OS: []string{"ios"}, Domains: Set{Exclude: []string{"news.example"}},
		Bundles: Set{Include: []string{"com.Example.App"}}, Categories: Set{Include: []string{"IAB1-2"}},
		HoursOfWeek: []int{3, 1}, Tags: TagRule{AnyOf: [][]string{{"auto/suv"}}}}}
	if !reflect.DeepEqual(l, want) {
		t.Errorf("got  %+v\nwant %+v", l, want)
	}
}

func TestNormalizeFlights(t *testing.T) {
	berlin := time.FixedZone("", 3600)
	for _, e := range []Entity{&Campaign{}, &LineItem{}} {
		list := []Flight{{day(2).In(berlin), day(1).In(berlin), 5}} // out of order stays so: Validate says it
		if c, ok := e.(*Campaign); ok {
			c.Flights = list
		} else {
			e.(*LineItem).Flights = list
		}
		e.Normalize()
		if list[0] != (Flight{day(2), day(1), 5}) {
			t.Errorf("%s: got %+v", e.Kind(), list)
		}
	}
	c := Campaign{Flights: []Flight{}}
	if c.Normalize(); c.Flights != nil {
		t.Error("no flights are absent in JSON")
	}
}

func TestNormalizeDefaults(t *testing.T) {
	a := Advertiser{RedirectHosts: []string{"Shop.Example"}}
	a.Normalize()
	if a.ClickWindowHours != 720 || a.ViewWindowHours != 24 || a.Status != StatusActive || a.RedirectHosts[0] != "shop.example" {
		t.Errorf("got %+v", a)
	}
	c := Creative{}
	c.Normalize()
	b, err := json.Marshal(&c)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"adomain", "cat", "attr", "api", "expdir"} {
		if list, ok := m[field].([]any); !ok || len(list) != 0 {
			t.Errorf("%s: got %v; want an empty list in JSON", field, m[field])
		}
	}
}

func TestNormalizeCreative(t *testing.T) {
	video := func() *VAST {
		return &VAST{TagURL: " https://a ", MediaFiles: []MediaFile{{URL: " https://b", MIME: " Video/MP4"}}, Companions: []Companion{{W: 1, H: 1, ImageURL: " https://c"}},
			Verification: []Verification{{" v ", " https://d ", " p "}}}
	}
	v := Creative{Name: " x ", Format: " Video", API: []int{7, 7}, ExpDir: []int{1, 1}, Bundle: " com.A ", Cat: []string{"iab1", "IAB1 "}, VAST: video(),
		Native:    &NativeAd{Title: " t ", Icon: &NativeImage{URL: " https://i ", W: 1, H: 1}, Main: []NativeImage{{URL: " https://m", W: 1, H: 1}}, Data: []NativeData{{1, " d "}}, Video: video()},
		Exchanges: map[string]Registration{"google": {" Rejected", " 7 ", " why "}}}
	v.Normalize()
	cleaned := &VAST{TagURL: "https://a", MediaFiles: []MediaFile{{URL: "https://b", MIME: "video/mp4"}}, Companions: []Companion{{W: 1, H: 1, ImageURL: "https://c"}},
		Verification: []Verification{{"v", "https://d", " p "}}}
	want := Creative{Name: "x", Status: StatusActive, Format: FormatVideo, API: []int{7}, ExpDir: []int{1}, Bundle: "com.A", ADomain: []string{}, Cat: []string{"IAB1"}, CatTax: 1,
		Attr: []int{}, VAST: cleaned, Native: &NativeAd{Title: "t", Icon: &NativeImage{URL: "https://i", W: 1, H: 1}, Main: []NativeImage{{URL: "https://m", W: 1, H: 1}}, Data: []NativeData{{1, "d"}}, Video: cleaned},
		Exchanges: map[string]Registration{"google": {RegistrationRejected, "7", "why"}}}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("got  %+v\nwant %+v", v, want)
	}
	// Ids of later taxonomies are case-sensitive; empty lists and maps stay absent.
	v = Creative{CatTax: 9, Cat: []string{" v9i3On "}, VAST: &VAST{MediaFiles: []MediaFile{}}, Native: &NativeAd{Main: []NativeImage{}, Data: []NativeData{}}, Exchanges: map[string]Registration{}}
	v.Normalize()
	if v.Cat[0] != "v9i3On" || v.Format != FormatBanner || v.VAST.MediaFiles != nil || v.Native.Main != nil || v.Native.Data != nil || v.Exchanges != nil {
		t.Errorf("got %+v", v)
	}
}

func TestNormalizeIsIdempotent(t *testing.T) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("aA.-/ 1\tİß")), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(text, 0, 5)
		l := &LineItem{Name: text.Draw(t, "name"), Targeting: Targeting{
			Exchanges: list.Draw(t, "ex"), Cities: Set{Include: list.Draw(t, "city")}, Domains: Set{Include: list.Draw(t, "dom")},
			Categories: Set{Exclude: list.Draw(t, "cat")}, Tags: TagRule{AnyOf: [][]string{list.Draw(t, "tags")}}}}
		l.Normalize()
		once, _ := json.Marshal(l)
		l.Normalize()
		if twice, _ := json.Marshal(l); string(twice) != string(once) {
			t.Fatalf("once  %s\ntwice %s", once, twice)
		}
		v := &Creative{Format: CreativeFormat(text.Draw(t, "format")), CatTax: rapid.IntRange(0, 9).Draw(t, "cattax"), Cat: list.Draw(t, "cats"),
			VAST:      &VAST{MediaFiles: []MediaFile{{URL: text.Draw(t, "url"), MIME: text.Draw(t, "mime")}}},
			Exchanges: map[string]Registration{text.Draw(t, "exchange"): {RegistrationStatus(text.Draw(t, "state")), text.Draw(t, "id"), ""}}}
		v.Normalize()
		once, _ = json.Marshal(v)
		v.Normalize()
		if twice, _ := json.Marshal(v); string(twice) != string(once) {
			t.Fatalf("once  %s\ntwice %s", once, twice)
		}
	})
}
