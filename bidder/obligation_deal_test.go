package bidder

import (
	"strings"
	"testing"
	"time"

	"bidhawk/campaigns"
	"bidhawk/pacing"
)

// pacedWallet has money, and releases it later.
type pacedWallet struct{ *memoryWallet }

func (w pacedWallet) Reserve(campaigns.ID, time.Time, pacing.Amounts, uint16) (pacing.Reservation, pacing.Refusal) {
	return pacing.Reservation{}, pacing.RefusedPaced
}

// TestGuaranteedDealsPassPacing is of the row "Deals": guar=1 must be bid on,
// past what holds other bids back; an empty purse holds it back too.
func TestGuaranteedDealsPassPacing(t *testing.T) {
	li := cpm(2_000_000, campaigns.Targeting{Deals: []string{"d1"}})
	li.Guaranteed = true
	h := newHouse(t, newCatalog([]campaigns.LineItem{li}, []campaigns.Creative{box()}), func(_ *Config, d *Deps) {
		d.Wallet = pacedWallet{d.Wallet.(*memoryWallet)}
	})
	f := func(deal string, want int) {
		t.Helper()
		request := strings.Replace(plainRequest, `"bidfloor":0.5`, `"bidfloor":0.5,"pmp":{"deals":[`+deal+`]}`, 1)
		if got := h.bid(request).StatusCode(); got != want {
			t.Errorf("%s: got %d; want %d", deal, got, want)
		}
	}
	f(`{"id":"d1","bidfloor":1}`, 204)
	f(`{"id":"d1","bidfloor":1,"guar":1}`, 200)
	f(`{"id":"d1","bidfloor":3,"guar":1}`, 204)
	h.wallet.left[10] = pacing.Amounts{}
	f(`{"id":"d1","bidfloor":1,"guar":1}`, 204)
}
