package bidder

import (
	"encoding/json"
	"strings"
	"testing"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
	"bidhawk/scoring"
)

// priced is a line item of an event rule.
func priced(m campaigns.PricingModel) campaigns.LineItem {
	li := campaigns.LineItem{Pricing: m, MaxBid: 90_000_000, ExpectedCTR: 10_000}
	switch m {
	case campaigns.PricingVCPM:
		li.Price, li.ExpectedViewRate = 8_000_000, 500_000 // 8 for 1,000 of which half are seen: 4
	case campaigns.PricingCPCV:
		li.Price, li.ExpectedCompletionRate = 5_000, 800_000 // 0.005 of which 80%: 4
	case campaigns.PricingCPC:
		li.Price = 400_000 // 0.40 of which 1%: 4
	case campaigns.PricingCPA:
		li.Price, li.ExpectedCVR = 20_000_000, 20_000 // 20 of which 1% of 2%: 4
	case campaigns.PricingCPS:
		li.SaleShare, li.ExpectedCVR, li.ExpectedSale = 50_000, 20_000, 400*money.Unit // a twentieth of 400 is 20
	case campaigns.PricingDCPM:
		li.Markup, li.MaxBid = 250_000, 4_000_000
	case campaigns.PricingCPD:
		li.Price, li.MaxBid = 100_000_000, 4_000_000
	case campaigns.PricingCPM:
		li.Price = 4_000_000
	}
	return li
}

const (
	bannerSlot = `"banner":{"w":300,"h":250}`
	videoSlot  = `"video":{"mimes":["video/mp4"],"protocols":[2,3,7],"minduration":5,"maxduration":30}` // up to VAST 4.0
	oldVideo   = `"video":{"mimes":["video/mp4"],"protocols":[2,3],"minduration":5,"maxduration":30}`
	audioSlot  = `"audio":{"mimes":["audio/mpeg"],"protocols":[2,3]}`
	nativeSlot = `"native":{"request":"{\"assets\":[{\"id\":1,\"required\":1,\"title\":{\"len\":40}}]}"}`
	nativeSeen = `"native":{"request":"{\"assets\":[{\"id\":1,\"required\":1,\"title\":{\"len\":40}}],\"eventtrackers\":[{\"event\":2,\"methods\":[1]}]}"}`
)

// shelf gives a creative of the golden auctions' by its name.
func shelf(t *testing.T, name string) campaigns.Creative {
	t.Helper()
	if name == "box" {
		return box()
	}
	return creativeOf(t, creativeLibrary(t), json.RawMessage(`{"use":"`+name+`"}`))
}

func inSlot(slot string) string { return strings.Replace(plainRequest, bannerSlot, slot, 1) }

// TestEveryRuleBidsItsValue: each rule here makes an impression worth a CPM of 4.
func TestEveryRuleBidsItsValue(t *testing.T) {
	f := func(m campaigns.PricingModel, creative, slot string, charge money.Nanos) {
		t.Helper()
		h := newHouse(t, newCatalog([]campaigns.LineItem{priced(m)}, []campaigns.Creative{shelf(t, creative)}))
		if _, bid := answered(t, h.bid(inSlot(slot))); bid.Price != 4 {
			t.Errorf("%s: got a price of %v; want 4", m, bid.Price)
		}
		if got := h.wallet.reserved; len(got) != 1 || got[0].Media != 4_000_000 || got[0].Charge != charge {
			t.Errorf("%s: reserved %+v; want media of 4000000 and a charge of %d", m, got, charge)
		}
	}
	f(campaigns.PricingCPM, "box", bannerSlot, 4_000_000)
	f(campaigns.PricingDCPM, "box", bannerSlot, 5_000_000) // and a quarter on top
	f(campaigns.PricingCPC, "box", bannerSlot, 4_000_000)
	f(campaigns.PricingCPA, "box", bannerSlot, 4_000_000)
	f(campaigns.PricingCPS, "box", bannerSlot, 4_000_000)
	f(campaigns.PricingCPD, "box", bannerSlot, 4_000_000) // nominal
	f(campaigns.PricingVCPM, "box", bannerSlot, 4_000_000)
	f(campaigns.PricingVCPM, "film15", videoSlot, 4_000_000)
	f(campaigns.PricingVCPM, "native", nativeSeen, 4_000_000)
	f(campaigns.PricingCPCV, "film15", videoSlot, 4_000_000)
	f(campaigns.PricingCPCV, "spot", audioSlot, 4_000_000)
}

// TestNoBidWhereTheEventIsNotTold: what pays by an event is not shown where nobody
// would tell us of one.
func TestNoBidWhereTheEventIsNotTold(t *testing.T) {
	f := func(m campaigns.PricingModel, creative, body string, reason NoBid) {
		t.Helper()
		h := newHouse(t, newCatalog([]campaigns.LineItem{priced(m)}, []campaigns.Creative{shelf(t, creative)}))
		if r := h.bid(body); r.StatusCode() != 204 {
			t.Errorf("%s of %s: got %d; want no bid", m, creative, r.StatusCode())
		}
		if got := h.metrics.exchange("demo").results[reason].Load(); got != 1 {
			t.Errorf("%s of %s: counted %d of %v; want 1", m, creative, got, reason)
		}
	}
	street := func(slot string) string {
		return strings.Replace(inSlot(slot), `"site":{`, `"dooh":{"id":"screen"},"was":{`, 1)
	}
	inApp := strings.Replace(inSlot(bannerSlot), `"site":{`, `"app":{"bundle":"com.news"},"was":{`, 1)
	f(campaigns.PricingVCPM, "box", inApp, NoBidNoEvents) // its web view does not know whether it is on the screen
	f(campaigns.PricingVCPM, "box", inSlot(`"banner":{"w":300,"h":250,"btype":[3]}`), NoBidNoEvents)
	f(campaigns.PricingVCPM, "box", street(bannerSlot), NoBidNoEvents)
	f(campaigns.PricingVCPM, "film15", inSlot(oldVideo), NoBidNoEvents)
	f(campaigns.PricingVCPM, "native", inSlot(nativeSlot), NoBidNoEvents)
	f(campaigns.PricingVCPM, "spot", inSlot(audioSlot), NoBidNoEvents)
	f(campaigns.PricingCPCV, "box", inSlot(bannerSlot), NoBidNoEvents)
	f(campaigns.PricingCPCV, "native", inSlot(nativeSeen), NoBidNoEvents)
	f(campaigns.PricingCPCV, "film15", street(videoSlot), NoBidNoEvents)
	f(campaigns.PricingVCPM, "film15", street(videoSlot), NoBidNoEvents)
	f(campaigns.PricingCPA, "box", street(bannerSlot), NoBidNoClicks)
}

// TestEventsThatCharge: the event of the line item's rule is money and an exposure;
// any other an exposure alone. It need not have won: the ledger waits for the bill.
func TestEventsThatCharge(t *testing.T) {
	f := func(m campaigns.PricingModel, event, money string) {
		t.Helper()
		h := newHouse(t, newCatalog([]campaigns.LineItem{priced(m)}, []campaigns.Creative{shelf(t, "film15")}))
		_, bid := answered(t, h.bid(inSlot(videoSlot)))
		_, rest, ok := strings.Cut(bid.AdM, "http://127.0.0.1:8080/t/event/"+event+"/")
		if !ok {
			t.Fatalf("%s: the markup has no address of %s:\n%s", m, event, bid.AdM)
		}
		token, _, _ := strings.Cut(rest, "]]>")
		for range 2 { // players repeat themselves
			if got := h.call("GET", "/t/event/"+event+"/"+token, "").StatusCode(); got != 200 {
				t.Fatalf("%s: got %d", m, got)
			}
		}
		if got := h.events.of(eventlog.TopicExposures); len(got) != 2 || !strings.Contains(got[0], `"type":"`+event+`"`) {
			t.Errorf("%s, %s: exposures %v", m, event, got)
		}
		got := h.events.of(eventlog.TopicMoney)
		if money == "" {
			if len(got) != 0 {
				t.Errorf("%s, %s: got money %v; want none", m, event, got)
			}
			return
		}
		want := []string{`"type":"` + money + `"`, `"format":"video"`, `"bid_at":"2026-03-02T10:00:00Z"`, `"lease":77`, `"reserved_charge_nanos":4000000`}
		for _, part := range want {
			if len(got) != 2 || !strings.Contains(got[0], part) {
				t.Errorf("%s, %s: got money %v; want %s", m, event, got, part)
			}
		}
	}
	f(campaigns.PricingVCPM, "viewable", "view")
	f(campaigns.PricingVCPM, "complete", "")
	f(campaigns.PricingCPCV, "complete", "complete")
	f(campaigns.PricingCPCV, "viewable", "")
	f(campaigns.PricingCPCV, "midpoint", "")
	f(campaigns.PricingCPM, "complete", "")
	f(campaigns.PricingCPC, "viewable", "")
}

// TestARateOfAPlacementMovesItsBidAlone: what was seen at one slot says nothing of
// another.
func TestARateOfAPlacementMovesItsBidAlone(t *testing.T) {
	r := scoring.NewRates(1000)
	h := newHouse(t, newCatalog([]campaigns.LineItem{priced(campaigns.PricingCPC)}, []campaigns.Creative{box()}),
		func(_ *Config, d *Deps) { d.Rates = r })
	slot := func(tag string) string { return inSlot(bannerSlot + `,"tagid":"` + tag + `"`) }
	f := func(tag string, want float64) {
		t.Helper()
		if _, bid := answered(t, h.bid(slot(tag))); bid.Price != want {
			t.Errorf("%s: got %v; want %v", tag, bid.Price, want)
		}
	}
	f("top", 4)
	placement := uint32(0)
	_, bid := answered(t, h.bid(slot("top")))
	_, rest, _ := strings.Cut(bid.LURL, "/n/loss/")
	text, _, _ := strings.Cut(rest, "?")
	token, err := h.tokens.Parse([]byte(text), PurposeLoss)
	if placement = token.Placement; err != nil || placement == 0 {
		t.Fatalf("got placement %d, %v", placement, err)
	}
	var s scoring.Seen
	s.Trials[scoring.Click], s.Successes[scoring.Click] = 1000, 30
	r.Set(scoring.Place{Creative: 100, Placement: placement}, s)
	f("top", 8) // (30 + 10)/2000 is 2%
	f("bottom", 4)
}
