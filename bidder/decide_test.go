package bidder

import (
	"strings"
	"testing"

	"bidhawk/campaigns"
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
// price x multiplier, which must not be more than was reserved.
func TestScreensThatBillSeveralImpressions(t *testing.T) {
	h := oneLine(t)
	f := func(qty string, want int) {
		t.Helper()
		request := strings.Replace(plainRequest, `"bidfloor":0.5`, `"bidfloor":0.5`+qty, 1)
		if got := h.bid(request).StatusCode(); got != want {
			t.Errorf("%q: got %d; want %d", qty, got, want)
		}
	}
	f(``, 200)
	f(`,"qty":{"sourcetype":1}`, 200)
	f(`,"qty":{"multiplier":1}`, 200)
	f(`,"qty":{"multiplier":14.2}`, 204)
	f(`,"qty":{"multiplier":0.5}`, 204)
}
