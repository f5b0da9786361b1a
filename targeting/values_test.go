package targeting

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
)

func TestAppendFold(t *testing.T) {
	f := func(a, b string) {
		t.Helper()
		got := string(appendFold(nil, a)) == string(appendFold(nil, []byte(b)))
		if want := strings.EqualFold(a, b); got != want {
			t.Errorf("%q and %q: equal = %v; want %v", a, b, got, want)
		}
	}
	f("", "")
	f("São Paulo", "SÃO PAULO")
	f("ΟΔΟΣ", "οδος")
	f("ΟΔΟΣ", "οδοσ")
	f("\u212Aelvin", "kelvin") // the Kelvin sign
	f("ſ", "S")
	f("İstanbul", "istanbul") // no simple folding: not equal
	f("straße", "strasse")
	f("a", "b")
	f("\xff", "\ufffd")
	f("a\xc3", "A\xc3")
}

func FuzzAppendFold(f *testing.F) {
	f.Add("Köln", "KÖLN")
	f.Add("ſ", "s")
	f.Fuzz(func(t *testing.T, a, b string) {
		got := string(appendFold(nil, a)) == string(appendFold(nil, b))
		if want := strings.EqualFold(a, b); got != want {
			t.Errorf("%q and %q: equal = %v; want %v", a, b, got, want)
		}
	})
}

func TestDomains(t *testing.T) {
	cat := plain(1)
	deepest := strings.Repeat("a.", 124) + "b.com" // 253 bytes
	cat.LineItems[1].Targeting.Domains.Include = []string{"b.example", "Org.", deepest}
	ix := build(t, cat)
	f := func(domain string, want bool) {
		t.Helper()
		got := len(ix.Match(nil, &Scratch{}, &RequestFacts{Now: epoch, Domain: []byte(domain)}, &ImpFacts{})) == 1
		if got != want {
			t.Errorf("%.60q: matches = %v; want %v", domain, got, want)
		}
	}
	f("b.example", true)
	f("a.b.example", true)
	f("A.B.Example.", true)
	f("ab.example", false)
	f("example", false)
	f("b.example.com", false)
	f("", false)
	f(".", false)
	f("..org", true)
	f("org", true)
	f(deepest, true)
	f("x."+deepest, true)
	f("x"+deepest, false)
	f(strings.Repeat("x", 1<<16)+".b.example", true)
	f(strings.Repeat("b.example", 1<<12), false)
}

// TestInventory: sites and apps are alternatives to include, and each may be excluded.
func TestInventory(t *testing.T) {
	long := func(n int, format string) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf(format, i))
		}
		return out
	}
	f := func(domains, bundles campaigns.Set, domain, bundle string, want ...Reason) {
		t.Helper()
		cat := plain(1)
		cat.LineItems[1].Targeting.Domains, cat.LineItems[1].Targeting.Bundles = domains, bundles
		ix := build(t, cat)
		req := &RequestFacts{Now: epoch, Domain: []byte(domain), Bundle: []byte(bundle)}
		if got := ix.Explain(req, &ImpFacts{}, 1); !slices.Equal(got, want) {
			t.Errorf("domains %+v, bundles %+v: site %q, app %q is refused by %q; want %q", domains, bundles, domain, bundle, got, want)
		}
		if got := ix.Match(nil, &Scratch{}, req, &ImpFacts{}); (len(got) == 1) != (len(want) == 0) {
			t.Errorf("domains %+v, bundles %+v: site %q, app %q matches = %v", domains, bundles, domain, bundle, len(got) == 1)
		}
	}
	one := func(include ...string) campaigns.Set { return campaigns.Set{Include: include} }
	f(one("a.example"), one("com.a"), "a.example", "")
	f(one("a.example"), one("com.a"), "", "com.a")
	f(one("a.example"), one("com.a"), "b.example", "", "bundles", "domains")
	f(one("a.example"), one("com.a"), "", "com.b", "bundles", "domains")
	f(one("a.example"), one("com.a"), "", "", "bundles", "domains")
	f(one("a.example"), one("com.a"), "b.example", "com.a")
	f(one("com.a"), one("a.example"), "a.example", "com.b", "bundles", "domains") // a name is of its own kind alone
	f(one("a.example"), one(), "", "com.a", "domains")
	f(one(), one("com.a"), "a.example", "", "bundles")
	f(campaigns.Set{Include: []string{"a.example"}, Exclude: []string{"m.a.example"}}, one("com.a"), "m.a.example", "", "domains")
	f(campaigns.Set{Exclude: []string{"a.example"}}, one("com.a"), "a.example", "", "bundles", "domains")
	f(campaigns.Set{Exclude: []string{"a.example"}}, one("com.a"), "", "com.a")
	f(one("a.example"), campaigns.Set{Exclude: []string{"com.a"}}, "", "com.a", "bundles", "domains")
	f(one("a.example"), campaigns.Set{Exclude: []string{"com.a"}}, "a.example", "com.b")
	sites, apps := long(100, "site%d.example"), long(50, "com.app%d")
	f(one(sites...), one(apps...), "m.site99.example", "")
	f(one(sites...), one(apps...), "", "com.app49")
	f(one(sites...), one("com.a"), "", "com.a")
	f(one("a.example"), one(apps...), "a.example", "")
	f(one(sites...), one(apps...), "site100.example", "com.app50", "bundles", "domains")
}

func TestHourOfWeek(t *testing.T) {
	f := func(zone, utc string, want uint8) {
		t.Helper()
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.Parse(time.RFC3339, utc)
		if err != nil {
			t.Fatal(err)
		}
		if got := new(offset).hour(now, loc); got != want {
			t.Errorf("%s at %s: hour %d; want %d", zone, utc, got, want)
		}
	}
	f("UTC", "2026-03-02T00:00:00Z", 0) // a Monday
	f("UTC", "2026-03-01T23:59:59Z", 167)
	f("UTC", "1969-12-29T00:00:00Z", 0)                // before Unix time began
	f("America/New_York", "2026-03-08T06:59:59Z", 145) // Sunday 01:59 EST
	f("America/New_York", "2026-03-08T07:00:00Z", 147) // 03:00 EDT: hour 146 does not exist
	f("America/New_York", "2026-11-01T05:30:00Z", 145) // 01:30 EDT
	f("America/New_York", "2026-11-01T06:30:00Z", 145) // 01:30 EST, once more
	f("Asia/Kathmandu", "2026-03-01T18:14:59Z", 167)   // UTC+5:45
	f("Asia/Kathmandu", "2026-03-01T18:15:00Z", 0)
	f("Australia/Lord_Howe", "2026-04-04T15:00:00Z", 145) // 01:30 again: back by half an hour
}

// TestOffsetIsKeptOnlyWhileItHolds walks one offset over every change of years, back and forth.
func TestOffsetIsKeptOnlyWhileItHolds(t *testing.T) {
	for _, zone := range append(zones, "Africa/Casablanca", "Pacific/Apia") {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		var kept offset
		s := seededSource(3)
		for range 5_000 {
			now := time.Unix(int64(s(4_000_000_000))-500_000_000, 0)
			if _, end := now.In(loc).ZoneBounds(); s.chance(2) && !end.IsZero() {
				now = end.Add(time.Duration(s(3)-1) * time.Second)
			}
			if got, want := int(kept.hour(now, loc)), hourOfWeek(zone, now); got != want {
				t.Fatalf("%s at %v: hour %d; want %d", zone, now.UTC(), got, want)
			}
		}
	}
}
