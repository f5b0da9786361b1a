package bidder

import (
	"fmt"
	"strings"
	"testing"

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
