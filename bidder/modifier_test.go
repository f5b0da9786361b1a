package bidder

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

func modifierOf(d campaigns.ModifierDimension, other money.PPM, values ...any) *campaigns.BidModifier {
	m := &campaigns.BidModifier{LineItemID: 10, Status: campaigns.StatusActive, Dimension: d, Other: other}
	for i := 0; i < len(values); i += 2 {
		m.Values = append(m.Values, campaigns.ValueModifier{Value: values[i].(string), Bid: money.PPM(values[i+1].(int))})
	}
	return m
}

func withModifiers(list ...*campaigns.BidModifier) *campaigns.Catalog {
	cat := newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()})
	cat.BidModifiers = map[campaigns.ID]*campaigns.BidModifier{}
	for i, m := range list {
		m.ID = campaigns.ID(i + 1)
		cat.BidModifiers[m.ID] = m
	}
	return cat
}

// TestModifiers: what a modifier leaves of the value, by dimension.
func TestModifiers(t *testing.T) {
	h := newHouse(t, withModifiers())
	var a auction
	f := func(want money.PPM, list ...*campaigns.BidModifier) {
		t.Helper()
		l := &line{modifiers: newModifiers(withModifiers(list...))[10], zone: time.FixedZone("", -5*3600)}
		if got := l.modified(&a); got != want {
			t.Errorf("%v: got %d; want %d", list[0], got, want)
		}
		if n := testing.AllocsPerRun(10, func() { l.modified(&a) }); n != 0 {
			t.Errorf("%v: %v allocations", list[0], n)
		}
	}
	a.now = testNow // Monday 10:00 UTC, 05:00 in the zone
	a.facts.Exchange, a.facts.Country, a.facts.Region = "demo", []byte("usa"), []byte("CA")
	a.facts.DeviceType, a.facts.OS = 4, []byte("iOS")
	a.facts.Domain, a.facts.Bundle = []byte("Live.Sport.Example"), []byte("com.App")
	f(500_000, modifierOf(campaigns.ModifyExchange, 0, "demo", 500_000))
	f(1_000_000, modifierOf(campaigns.ModifyExchange, 0, "other", 500_000))
	f(200_000, modifierOf(campaigns.ModifyExchange, 200_000, "other", 500_000))
	f(500_000, modifierOf(campaigns.ModifyCountry, 0, "USA", 500_000))
	f(500_000, modifierOf(campaigns.ModifyRegion, 0, "USA-CA", 500_000))
	f(1_000_000, modifierOf(campaigns.ModifyRegion, 0, "CAN-CA", 500_000))
	f(500_000, modifierOf(campaigns.ModifyDeviceType, 0, "4", 500_000))
	f(500_000, modifierOf(campaigns.ModifyOS, 0, "ios", 500_000))
	f(500_000, modifierOf(campaigns.ModifyDomain, 0, "sport.example", 500_000))
	f(300_000, modifierOf(campaigns.ModifyDomain, 0, "sport.example", 500_000, "live.sport.example", 300_000))
	f(100_000, modifierOf(campaigns.ModifyDomain, 100_000, "port.example", 500_000))
	f(500_000, modifierOf(campaigns.ModifyBundle, 0, "com.App", 500_000))
	f(1_000_000, modifierOf(campaigns.ModifyBundle, 0, "com.app", 500_000))
	f(500_000, modifierOf(campaigns.ModifyHour, 0, "5", 500_000))
	f(125_000, modifierOf(campaigns.ModifyOS, 0, "ios", 500_000), modifierOf(campaigns.ModifyDeviceType, 0, "4", 500_000), modifierOf(campaigns.ModifyHour, 500_000, "6", 1))
	paused := modifierOf(campaigns.ModifyOS, 0, "ios", 500_000)
	paused.Status = campaigns.StatusPaused
	f(1_000_000, paused)
	a.facts.Domain = []byte(strings.Repeat("a.", 300) + "example") // longer than any name
	f(700_000, modifierOf(campaigns.ModifyDomain, 700_000, "example", 500_000))
	_ = h
}

// TestModifiersOfAnySetMatchAReference: the product, step by step.
func TestModifiersOfAnySetMatchAReference(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for range 500 {
		var list []*campaigns.BidModifier
		want := int64(1_000_000)
		for range random.IntN(6) {
			share := 10_000 + random.IntN(990_001)
			if random.IntN(2) == 0 {
				list = append(list, modifierOf(campaigns.ModifyOS, 0, "ios", share))
				want = want * int64(share) / 1_000_000
			} else {
				list = append(list, modifierOf(campaigns.ModifyOS, money.PPM(share), "android", 10_000))
				want = want * int64(share) / 1_000_000
			}
		}
		var a auction
		a.facts.OS = []byte("IOS")
		l := &line{modifiers: newModifiers(withModifiers(list...))[10]}
		if got := l.modified(&a); int64(got) != want {
			t.Fatalf("got %d; want %d", got, want)
		}
	}
}

// TestModifiersLowerBids: the bid itself, to the nano, and never of a guaranteed deal.
func TestModifiersLowerBids(t *testing.T) {
	whole := newHouse(t, withModifiers())
	if got := whole.bid(plainRequest).StatusCode(); got != 200 {
		t.Fatalf("got %d", got)
	}
	half := newHouse(t, withModifiers(modifierOf(campaigns.ModifyExchange, 0, "demo", 500_000)))
	if got := half.bid(plainRequest).StatusCode(); got != 200 {
		t.Fatalf("got %d", got)
	}
	a, b := whole.wallet.reserved[0], half.wallet.reserved[0]
	if b.Media != a.Media/2 || b.Charge != a.Charge {
		t.Errorf("reserved %+v; want half the media of %+v, and its charge", b, a)
	}
	low := newHouse(t, withModifiers(modifierOf(campaigns.ModifyExchange, 0, "demo", 10_000)))
	if got := low.bid(plainRequest).StatusCode(); got != 204 {
		t.Errorf("below the floor: got %d; want 204", got)
	}

	cat := withModifiers(modifierOf(campaigns.ModifyExchange, 0, "demo", 10_000))
	cat.LineItems[10].Targeting.Deals = []string{"d1"}
	deal := newHouse(t, cat)
	f := func(deals string, want int) {
		t.Helper()
		request := strings.Replace(plainRequest, `"bidfloor":0.5`, `"bidfloor":0.5,"pmp":{"deals":[`+deals+`]}`, 1)
		if got := deal.bid(request).StatusCode(); got != want {
			t.Errorf("%s: got %d; want %d", deals, got, want)
		}
	}
	f(`{"id":"d1","bidfloor":1}`, 204)
	f(`{"id":"d1","bidfloor":1,"guar":1}`, 200)
}

// BenchmarkModified is what modifiers add to a candidate.
func BenchmarkModified(b *testing.B) {
	var a auction
	a.now = testNow
	a.facts.Exchange, a.facts.Country, a.facts.OS, a.facts.Domain = "demo", []byte("USA"), []byte("iOS"), []byte("live.sport.example")
	for _, n := range []int{0, 1, 4} {
		list := []*campaigns.BidModifier{
			modifierOf(campaigns.ModifyExchange, 0, "demo", 900_000), modifierOf(campaigns.ModifyCountry, 0, "USA", 900_000),
			modifierOf(campaigns.ModifyDomain, 0, "sport.example", 900_000), modifierOf(campaigns.ModifyHour, 0, "5", 900_000),
		}[:n]
		l := &line{modifiers: newModifiers(withModifiers(list...))[10], zone: time.UTC}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.modified(&a)
			}
		})
	}
}
