package bidder

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bidhawk/bidder/exchanges"
	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/money"
	"bidhawk/pacing"
)

func oneLine(t *testing.T) *house {
	return newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}))
}

// TestSecure is of the row "Imp": secure=1 takes https alone.
func TestSecure(t *testing.T) {
	h := oneLine(t)
	f := func(secure string, publicIsSecure bool, want int) {
		t.Helper()
		h.secureURL = publicIsSecure
		request := strings.Replace(plainRequest, `"bidfloor":0.5`, `"bidfloor":0.5`+secure, 1)
		if got := h.bid(request).StatusCode(); got != want {
			t.Errorf("%q with secure trackers %v: got %d; want %d", secure, publicIsSecure, got, want)
		}
	}
	f(`,"secure":1`, true, 200)
	f(`,"secure":1`, false, 204)
	f(`,"secure":0`, false, 200)
	f(``, false, 200)
}

// TestScreensThatBillSeveralImpressions is of the row "DOOH": the exchange bills
// price x multiplier, and so much is reserved and posted.
func TestScreensThatBillSeveralImpressions(t *testing.T) {
	h := oneLine(t)
	f := func(qty, query string, reserved money.Nanos, posted money.CPM) {
		t.Helper()
		h.wallet.reserved = nil
		request := strings.Replace(plainRequest, `"bidfloor":0.5`, `"bidfloor":0.5`+qty, 1)
		_, bid := answered(t, h.bid(request))
		if want := (pacing.Amounts{Media: reserved, Charge: reserved}); bid.Price != 2 || h.wallet.reserved[0] != want {
			t.Errorf("%q: bid %v, reserved %+v; want 2 and %+v", qty, bid.Price, h.wallet.reserved, want)
		}
		h.call("POST", strings.NewReplacer("${AUCTION_PRICE}", "1.5", "${AUCTION_MULTIPLIER}", query).Replace(bid.BURL), "")
		bills := h.events.of(eventlog.TopicMoney)
		if last := bills[len(bills)-1]; !strings.Contains(last, fmt.Sprintf(`"price_micros":%d,`, posted)) {
			t.Errorf("%q, seen by %q: posted %s; want %d", qty, query, last, posted)
		}
	}
	f(``, "", 2_000_000, 1_500_000)
	f(`,"qty":{"sourcetype":1}`, "", 2_000_000, 1_500_000)
	f(`,"qty":{"multiplier":1}`, "", 2_000_000, 1_500_000)
	f(`,"qty":{"multiplier":14.2}`, "14.2", 28_400_000, 21_300_000)
	f(`,"qty":{"multiplier":14.2}`, "10", 28_400_000, 15_000_000)
	f(`,"qty":{"multiplier":14.2}`, "20", 28_400_000, 21_300_000) // more than was offered
	f(`,"qty":{"multiplier":14.2}`, "${AUCTION_MULTIPLIER}", 28_400_000, 21_300_000)
	f(`,"qty":{"multiplier":0.5}`, "0.5", 1_000_000, 750_000)
}

// TestATimeoutEndsTheWalk: after the deadline no further impression is looked
// at, whatever became of those before.
func TestATimeoutEndsTheWalk(t *testing.T) {
	h := oneLine(t)
	const imp = `{"id":"1","banner":{"w":300,"h":250},"bidfloor":0.5}`
	late := strings.Replace(imp, `"1"`, `"2"`, 1)
	for _, id := range []string{"3", "4", "5", "6"} {
		late += "," + strings.Replace(imp, `"1"`, `"`+id+`"`, 1)
	}
	request := strings.Replace(plainRequest, imp, strings.Replace(imp, "0.5", "99", 1)+","+late, 1)
	h.clock.tick = 40 * time.Millisecond // 95 ms: the request, its admission and one impression
	before := h.clock.now
	if got := h.bid(request).StatusCode(); got != 204 {
		t.Fatalf("got %d; want 204", got)
	}
	if got := h.clock.now.Sub(before) / h.clock.tick; got != 5 {
		t.Fatalf("read the clock %d times; want 5: two impressions of six", got)
	}
}

// TestOnlyTargetedSizesAreBid: an impression that offers several sizes gets a
// creative of one that the line item targets.
func TestOnlyTargetedSizesAreBid(t *testing.T) {
	wide := box()
	wide.W, wide.H = 728, 90
	li := cpm(2_000_000, campaigns.Targeting{Sizes: []campaigns.Size{{W: 300, H: 250}}})
	h := newHouse(t, newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{wide, box()}))
	request := strings.Replace(plainRequest, `{"w":300,"h":250}`, `{"format":[{"w":728,"h":90},{"w":300,"h":250}]}`, 1)
	for range 50 {
		if _, bid := answered(t, h.bid(request)); bid.W != 300 || bid.H != 250 {
			t.Fatalf("got %dx%d; want 300x250", bid.W, bid.H)
		}
	}
}

// TestTheNextDealWhereOneIsTooDear: a deal that can't be afforded must not keep
// the line item from another.
func TestTheNextDealWhereOneIsTooDear(t *testing.T) {
	deals := campaigns.Targeting{Deals: []string{"dear", "cheap"}}
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, deals)}, []campaigns.Creative{box()}))
	f := func(deals, want string) {
		t.Helper()
		request := strings.Replace(plainRequest, `"bidfloor":0.5`, `"bidfloor":0.5,"pmp":{"deals":[`+deals+`]}`, 1)
		r := h.bid(request)
		if want == "" {
			if r.StatusCode() != 204 {
				t.Errorf("%s: got %d; want 204", deals, r.StatusCode())
			}
			return
		}
		if _, bid := answered(t, r); bid.DealID != want {
			t.Errorf("%s: got deal %q; want %q", deals, bid.DealID, want)
		}
	}
	const dear, cheap, foreign = `{"id":"dear","bidfloor":99}`, `{"id":"cheap","bidfloor":1}`, `{"id":"foreign"}`
	f(cheap, "cheap")
	f(dear+","+cheap, "cheap")
	f(foreign+","+dear+","+cheap, "cheap")
	f(strings.Replace(dear, "99", "1", 1)+","+cheap, "dear")
	f(dear, "")
	f(foreign, "")
}

// TestClicksThatNobodyCounts: what pays by the click is not shown where no click
// would reach us; what pays by impressions is.
func TestClicksThatNobodyCounts(t *testing.T) {
	tag := func(html string) campaigns.Creative {
		return campaigns.Creative{Name: "tag", W: 300, H: 250, HTML: html, LandingURL: "https://shop.example/"}
	}
	cpc := campaigns.LineItem{Pricing: campaigns.PricingCPC, Price: 500_000, MaxBid: 9_000_000, ExpectedCTR: 10_000}
	screen := strings.Replace(plainRequest, `"site":{"domain":"news.example","page":"https://news.example/a","cat":["IAB1-6"]}`, `"dooh":{"id":"d1"}`, 1)
	f := func(li campaigns.LineItem, c campaigns.Creative, request string, registered bool, want int) {
		t.Helper()
		c.Exchanges = map[string]campaigns.Registration{"demo": {ID: "x1"}}
		h := newHouse(t, newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{c}), func(_ *Config, d *Deps) {
			d.Exchanges = testExchanges()
			e := &d.Exchanges[0]
			e.RegisteredCreatives, e.BillingVideo, e.BillingAudio = registered, exchanges.BillingBURL, exchanges.BillingBURL
		})
		if got := h.bid(request).StatusCode(); got != want {
			t.Errorf("%s, %.20q, registered %v: got %d; want %d", li.Pricing, c.HTML, registered, got, want)
		}
	}
	f(cpc, box(), plainRequest, false, 200)
	f(cpc, tag(`<a href="${CLICK_URL}">x</a>`), plainRequest, false, 200)
	f(cpc, tag(`<a href="https://ads.example/?r=${CLICK_URL_ESC}">x</a>`), plainRequest, false, 200)
	f(cpc, tag(`<b>x</b>`), plainRequest, false, 204)
	f(cpc, box(), plainRequest, true, 204)
	f(cpc, box(), screen, false, 204)
	f(cpm(2_000_000, campaigns.Targeting{}), tag(`<b>x</b>`), plainRequest, false, 200)
	f(cpm(2_000_000, campaigns.Targeting{}), box(), plainRequest, true, 200)
	f(cpm(2_000_000, campaigns.Targeting{}), box(), screen, false, 200)
}

// TestPricesComeBackAsTheyWereBid: an exchange that reports whole micros of one
// impression must not seem to clear above the bid.
func TestPricesComeBackAsTheyWereBid(t *testing.T) {
	f := func(unit exchanges.PriceUnit, clears string, price money.CPM) {
		t.Helper()
		h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_345_678, campaigns.Targeting{})}, []campaigns.Creative{box()}), func(_ *Config, d *Deps) {
			d.Exchanges[0].PriceUnit = unit
		})
		_, bid := answered(t, h.bid(plainRequest))
		h.call("GET", strings.Replace(bid.BURL, "${AUCTION_PRICE}", clears, 1), "")
		want := fmt.Sprintf(`"reserved_media_nanos":%d,"reserved_charge_nanos":2345678,"price_micros":%d,`, price, price)
		if bills := h.events.of(eventlog.TopicMoney); len(bills) != 1 || !strings.Contains(bills[0], want) {
			t.Errorf("%v: got %s; want %s", unit, bills, want)
		}
	}
	f(exchanges.PriceCPM, "2.3456", 2_345_600)
	f(exchanges.PriceCPMMicros, "2345600", 2_345_600)
	f(exchanges.PriceImpressionMicros, "2345", 2_345_000)
}

// TestBannerTypes is of the row "Blocks": a tag may be several of btype's.
func TestBannerTypes(t *testing.T) {
	f := func(html, btype string, want int) {
		t.Helper()
		c := box()
		if html != "" {
			c.ImageURL, c.HTML = "", html
		}
		h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{c}))
		if got := h.bid(strings.Replace(plainRequest, `"w":300,`, `"w":300,"btype":[`+btype+`],`, 1)).StatusCode(); got != want {
			t.Errorf("%q under btype %s: got %d; want %d", html, btype, got, want)
		}
	}
	f("", "1,3,4", 200)
	f("", "2", 204)
	f("<script></script>", "1,2,4", 200)
	f("<script></script>", "3", 204)
	f(`<IFRAME src="https://ad.example/"></IFRAME>`, "4", 204)
	f(`<IFRAME src="https://ad.example/"></IFRAME>`, "3", 204)
	f(`<IFRAME src="https://ad.example/"></IFRAME>`, "1,2", 200)
}

// TestFloorsOfAnotherCurrencyRoundUp: 0.000091 euros are 0.0001001 dollars, which
// a bid of 0.0001 does not meet.
func TestFloorsOfAnotherCurrencyRoundUp(t *testing.T) {
	f := func(worth money.CPM, want int) {
		t.Helper()
		h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(worth, campaigns.Targeting{})}, []campaigns.Creative{box()}))
		request := strings.Replace(plainRequest, `"bidfloor":0.5`, `"bidfloor":0.000091,"bidfloorcur":"EUR"`, 1)
		if got := h.bid(request).StatusCode(); got != want {
			t.Errorf("worth %v: got %d; want %d", worth, got, want)
		}
	}
	f(100, 204)
	f(199, 204)
	f(200, 200)
}
