package bidder

import (
	"strings"
	"testing"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
	"bidhawk/pacing"
)

// TestBidsArePaced: a bid is the multiplier's part of the value; the floor is
// the floor all the same, and a guaranteed deal is bid on with all of it. The
// charge is the pricing rule's, whatever the bid.
func TestBidsArePaced(t *testing.T) {
	li := cpm(2_000_000, campaigns.Targeting{})
	full := newHouse(t, newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{box()}))
	if got := full.bid(plainRequest).StatusCode(); got != 200 || len(full.wallet.reserved) != 1 {
		t.Fatalf("got %d, reserved %v", got, full.wallet.reserved)
	}
	value := full.wallet.reserved[0]
	f := func(pace money.PPM, want int) {
		t.Helper()
		h := newHouse(t, newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{box()}))
		h.wallet.pace = pace
		if got := h.bid(plainRequest).StatusCode(); got != want {
			t.Errorf("%d ppm: got %d; want %d", pace, got, want)
		}
		if h.wallet.met != 1 {
			t.Errorf("%d ppm: met %d auctions; want 1, bid or not", pace, h.wallet.met)
		}
		if want != 200 {
			return
		}
		// Prices are in steps of priceStep, down.
		most := pacing.Amounts{Media: value.Media * money.Nanos(min(pace, 1_000_000)) / 1_000_000, Charge: value.Charge}
		if got := h.wallet.reserved[0]; got.Media > most.Media || got.Media <= most.Media-money.Nanos(priceStep) || got.Charge != most.Charge {
			t.Errorf("%d ppm: reserved %+v; want %+v", pace, got, most)
		}
		if got := h.wallet.reservedIn[0]; !strings.HasSuffix(got, "/banner") || len(got) == len("/banner") {
			t.Errorf("reserved in the class %q; want EXCHANGE/banner", got)
		}
	}
	f(1_000_000, 200)
	f(500_000, 200)
	f(777_777, 200)
	f(100_000, 204)   // below the floor of 0.5
	f(2_000_000, 200) // never more than the value

	deal := cpm(2_000_000, campaigns.Targeting{Deals: []string{"d1"}})
	h := newHouse(t, newCatalog([]campaigns.LineItem{deal}, []campaigns.Creative{box()}))
	h.wallet.pace = 300_000
	g := func(deal string, want int) {
		t.Helper()
		request := strings.Replace(plainRequest, `"bidfloor":0.5`, `"bidfloor":0.5,"pmp":{"deals":[`+deal+`]}`, 1)
		if got := h.bid(request).StatusCode(); got != want {
			t.Errorf("%s: got %d; want %d", deal, got, want)
		}
	}
	g(`{"id":"d1","bidfloor":1}`, 204)
	g(`{"id":"d1","bidfloor":1,"guar":1}`, 200)
	if got := h.wallet.reserved; len(got) != 1 || got[0] != value {
		t.Errorf("a guaranteed deal reserved %+v; want the whole value, %+v", got, value)
	}
}
