package bidder

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"bidhawk/bidder/exchanges"
	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

// TestNoMoneyForBidsThatDoNotFit: what is not sent must not be reserved, nor
// keep smaller bids out of the answer.
func TestNoMoneyForBidsThatDoNotFit(t *testing.T) {
	large := box()
	large.ID, large.ImageURL, large.HTML = 200, "", strings.Repeat("<p>", 4000)
	dear := cpm(3_000_000, campaigns.Targeting{})
	dear.CreativeIDs = []campaigns.ID{200}
	cheap := cpm(2_000_000, campaigns.Targeting{})
	cheap.CreativeIDs = []campaigns.ID{101}
	h := newHouse(t, newCatalog([]campaigns.LineItem{dear, cheap}, []campaigns.Creative{large, box()}))
	if _, bid := answered(t, h.bid(plainRequest)); bid.CrID != "101" || len(h.wallet.reserved) != 1 {
		t.Fatalf("got creative %s and %d reservations; want 101 and 1", bid.CrID, len(h.wallet.reserved))
	}
	delete(h.catalog.LineItems, 11)
	if err := h.SetCatalog(h.catalog); err != nil {
		t.Fatal(err)
	}
	if r := h.bid(plainRequest); r.StatusCode() != 204 || len(h.wallet.reserved) != 1 || h.metrics.Totals().NoBids["answer_too_large"] != 1 {
		t.Fatalf("got %d, %d reservations, no-bids %v", r.StatusCode(), len(h.wallet.reserved), h.metrics.Totals().NoBids)
	}
}

// TestAnswersAreFilledToTheirBound draws requests of many impressions: each bid
// that is paid for is sent, and hardly any room is wasted.
func TestAnswersAreFilledToTheirBound(t *testing.T) {
	const imp = `{"id":"1","banner":{"w":300,"h":250},"bidfloor":0.5}`
	quoted := box()
	quoted.ImageURL, quoted.HTML = "", `<a href="${CLICK_URL}"><img src="https://t.example/?a=&quot;&c=${CLICK_URL_ESC}"></a>`+"\n\t\"\\\"\u2028"
	f := func(name string, c campaigns.Creative, deal, site string) {
		t.Helper()
		li := cpm(money.MaxCPM/1000, campaigns.Targeting{})
		if deal != "" {
			li.Targeting.Deals = []string{deal}
		}
		h := newHouse(t, newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{c}))
		var one int
		for n := 1; n <= 12; n++ {
			var list []string
			for i := range n {
				s := strings.Replace(imp, `"id":"1"`, fmt.Sprintf(`"id":"imp-%d"`, i), 1)
				if deal != "" {
					s = strings.Replace(s, `"bidfloor":0.5`, `"pmp":{"deals":[{"id":"`+deal+`"}]}`, 1)
				}
				list = append(list, s)
			}
			h.wallet.reserved = nil
			r := h.bid(strings.NewReplacer(imp, strings.Join(list, ","), "news.example", site).Replace(plainRequest))
			bids := strings.Count(string(r.Body()), `"impid"`)
			if n == 1 {
				one = len(r.Body())
			}
			if len(h.wallet.reserved) != bids || bids == 0 || h.metrics.trimmedBids.Load() != 0 {
				t.Errorf("%s, %d impressions: %d reservations for %d bids, %d left out", name, n, len(h.wallet.reserved), bids, h.metrics.trimmedBids.Load())
			}
			if most := (6 << 10) / one; bids < n && bids < most-1 {
				t.Errorf("%s, %d impressions: %d bids of %d bytes each; want %d", name, n, bids, one, most)
			}
		}
	}
	f("image", box(), "", "news.example")
	f("tag", quoted, "", "news.example")
	f("deal", box(), "deal-17", "news.example")
	f("long site", box(), "", strings.Repeat("long.", 40)+"example")
}

// TestABidOneByteTooLongTakesNoMoney asks for every shape of answer under a bound
// of one byte less than it takes: what is measured before must be no less.
func TestABidOneByteTooLongTakesNoMoney(t *testing.T) {
	library := creativeLibrary(t)
	const banner = `"banner":{"w":300,"h":250}`
	const video = `"video":{"mimes":["video/mp4"],"protocols":[2,3,7,11,13]}`
	const native = `"native":{"request":"{\"assets\":[{\"id\":1,\"required\":1,\"title\":{\"len\":40}},{\"id\":2,\"required\":1,\"img\":{\"type\":3,\"wmin\":600,\"hmin\":300}}]}"}`
	f := func(creative, offer, rest string, edit func(*exchanges.Exchange)) {
		t.Helper()
		li := cpm(2_000_000, campaigns.Targeting{})
		cat := newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{creativeOf(t, library, json.RawMessage(`{"use":"`+creative+`"}`))})
		request := strings.NewReplacer(banner, offer, `"bidfloor":0.5`, `"bidfloor":0.5`+rest,
			`"tmax":100`, `"tmax":100,"regs":{"ext":{"dsa":{"dsarequired":3,"pubrender":1}}}`).Replace(plainRequest)
		house := func(bound int) *house {
			return newHouse(t, cat, func(_ *Config, d *Deps) {
				e := &d.Exchanges[0]
				edit(e)
				e.MaxAnswerBytes = bound
			})
		}
		full := house(0).bid(request)
		if full.StatusCode() != 200 {
			t.Fatalf("%s: got %d; want 200", creative, full.StatusCode())
		}
		h := house(len(full.Body()) - 1)
		if r := h.bid(request); r.StatusCode() != 204 || len(h.wallet.reserved) != 0 || h.metrics.trimmedBids.Load() != 0 {
			t.Errorf("%s%s: got %d and %d reservations; want 204 and none", creative, rest, r.StatusCode(), len(h.wallet.reserved))
		}
	}
	long := "${" + strings.Repeat("P", 61) + "}"
	agreements := []func(*exchanges.Exchange){
		func(*exchanges.Exchange) {},
		func(e *exchanges.Exchange) { e.PriceMacro = long },
		func(e *exchanges.Exchange) {
			e.PriceMacro, e.ClickMacro, e.ClickMacroEscaped = long, "%%CLICK_URL_UNESC%%", "%%CLICK_URL_ESC%%"
			e.BillingBanner, e.BillingVideo, e.BillingNative = exchanges.BillingImpression, exchanges.BillingImpression, exchanges.BillingImpression
		},
		func(e *exchanges.Exchange) {
			e.PriceMacro, e.ProcessingTime, e.BillingID = long, true, exchanges.BillingIDGoogle
			e.BillingBanner, e.BillingVideo, e.BillingNative = exchanges.BillingBURL, exchanges.BillingBURL, exchanges.BillingBURL
		},
	}
	for _, edit := range agreements {
		for _, rest := range []string{"", `,"qty":{"multiplier":14.2},"ext":{"billing_id":["1234567890123456789","2"]}`} {
			f("box", banner, rest, edit)
			f("tag", banner, rest, edit)
			f("film15", video, rest, edit)
			f("native", native, rest, edit)
		}
	}
}
