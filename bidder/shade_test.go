package bidder

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
	"bidhawk/internal/openrtb"
	"bidhawk/pacing/control"
)

// firstPrice is plainRequest under first price.
var firstPrice = strings.Replace(plainRequest, `"tmax":100`, `"tmax":100,"at":1`, 1)

func micros(price float64) money.CPM { return money.CPM(math.Round(price * 1e6)) }

// shadedHouse has heard of a market whose prices are 0.6 to 1, and may bid 1.5 of 2.
func shadedHouse(t *testing.T, told bool) *house {
	t.Helper()
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}))
	h.wallet.pace = 750_000
	for range 5000 { // one impression of eight is sampled
		h.bid(firstPrice)
	}
	h.shading.refit()
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range 600 {
		_, bid := answered(t, h.bid(firstPrice))
		if !strings.HasSuffix(bid.NURL, "&v=0") || !strings.HasSuffix(bid.LURL, "&v=0") {
			t.Fatalf("notices at %s and %s; want the class of the value", bid.NURL, bid.LURL)
		}
		// Some lose to dearer bids than any of ours.
		price := money.CPM(600_000 + rng.IntN(400_000))
		if i%10 == 0 {
			price = 1_900_000
		}
		text := ""
		if told {
			text = price.String()
		}
		address := strings.NewReplacer("${AUCTION_PRICE}", micros(bid.Price).String(), "${AUCTION_LOSS}", "102", "${AUCTION_MIN_TO_WIN}", text)
		url := bid.NURL
		if micros(bid.Price) < price {
			url = bid.LURL
		}
		if r := h.call("GET", address.Replace(url), ""); r.StatusCode() != 204 {
			t.Fatalf("%s: %d", url, r.StatusCode())
		}
		if i%100 == 99 {
			h.shading.refit()
		}
	}
	return h
}

// Under first price a bid is the best by what wins, at or above the floor, and what
// it reserves is its own price; elsewhere it is what it was.
func TestFirstPriceIsShaded(t *testing.T) {
	h := shadedHouse(t, true)
	price := func(request string) money.CPM {
		t.Helper()
		_, bid := answered(t, h.bid(request))
		h.wallet.mu.Lock()
		defer h.wallet.mu.Unlock()
		if got := h.wallet.reserved[len(h.wallet.reserved)-1].Media; got != micros(bid.Price).PerImpression() {
			t.Errorf("reserved %d for a bid of %v", got, bid.Price)
		}
		return micros(bid.Price)
	}
	got := price(firstPrice)
	if got < 950_000 || got > 1_050_000 { // nine tenths of the prices are below 1, and the next is far
		t.Errorf("bid %v where 1 wins nearly all", got)
	}
	if p := price(strings.Replace(firstPrice, `"bidfloor":0.5`, `"bidfloor":1.4`, 1)); p != 1_400_000 {
		t.Errorf("bid %v; want the floor, 1.4, which is below the worth", p)
	}
	if r := h.bid(strings.Replace(firstPrice, `"bidfloor":0.5`, `"bidfloor":1.6`, 1)); r.StatusCode() != 204 {
		t.Errorf("a floor above the worth: got %d", r.StatusCode())
	}
	if p := price(plainRequest); p != 1_500_000 {
		t.Errorf("second price: bid %v; want 1.5", p)
	}
	h.wallet.pace = wholeValue
	if p := price(firstPrice); p != 2_000_000 {
		t.Errorf("bid %v of a budget that lets the value be bid; want 2", p)
	}
	h.wallet.pace = 750_000
	x := explained(t, h, firstPrice).Imps[0].LineItems[0].Prices[0]
	if x.Converted != "1.5" || !strings.HasPrefix(x.Shaded, got.String()) || x.Bid != got.String() {
		t.Errorf("explained as %+v; want 1.5 shaded to %v", x, got)
	}
	if x := explained(t, h, plainRequest).Imps[0].LineItems[0].Prices[0]; x.Shaded != "" || x.Bid != "1.5" {
		t.Errorf("second price explained as %+v", x)
	}
	if err := h.SetExchanges(testExchanges()); err != nil {
		t.Fatal(err)
	}
	if p := price(firstPrice); p != got {
		t.Errorf("bid %v after the exchanges were set anew; want %v", p, got)
	}
}

// Where an exchange tells no price that wins, the worth is bid.
func TestUntoldPricesAreNotShaded(t *testing.T) {
	h := shadedHouse(t, false)
	if _, bid := answered(t, h.bid(firstPrice)); micros(bid.Price) != 1_500_000 {
		t.Errorf("bid %v; want 1.5", bid.Price)
	}
}

// A deal's auction is another one than the open one.
func TestDealsAreNotShaded(t *testing.T) {
	a := &auction{req: openrtb.BidRequest{AT: openrtb.AuctionFirstPrice}, exchange: &exchange{}}
	a.exchange.shaders[FormatBanner] = &control.Shader{}
	if a.shader(&candidate{deal: 0}) != nil {
		t.Error("a bid under a deal is shaded")
	}
	a.req.AT = openrtb.AuctionSecondPrice
	if a.shader(&candidate{deal: -1}) != nil {
		t.Error("a bid under second price is shaded")
	}
}

// Notices that say nothing of prices, or what nobody wrote, teach nothing.
func TestOddNoticesTeachNothing(t *testing.T) {
	h := shadedHouse(t, true)
	_, before := answered(t, h.bid(firstPrice))
	for _, class := range []string{"", "4", "00", "-", "x"} {
		for range 300 {
			_, bid := answered(t, h.bid(firstPrice))
			url := strings.NewReplacer("${AUCTION_MIN_TO_WIN}", "1.45", "${AUCTION_LOSS}", "102", "&v=0", "&v="+class).Replace(bid.LURL)
			if r := h.call("GET", url, ""); r.StatusCode() != 204 {
				t.Fatalf("%s: %d", url, r.StatusCode())
			}
		}
	}
	for range 300 { // a creative that a publisher does not want says nothing of prices
		_, bid := answered(t, h.bid(firstPrice))
		h.call("GET", strings.NewReplacer("${AUCTION_MIN_TO_WIN}", "1.45", "${AUCTION_LOSS}", "203").Replace(bid.LURL), "")
	}
	h.shading.refit()
	if _, after := answered(t, h.bid(firstPrice)); after.Price != before.Price {
		t.Errorf("bid %v, before %v", after.Price, before.Price)
	}
}

// TestShadedExchangesAreBounded: an exchange too many is bid on all the same.
func TestShadedExchangesAreBounded(t *testing.T) {
	var s shading
	for i := range maxShaded {
		if s.of(strings.Repeat("x", i+1))[FormatBanner] == nil {
			t.Fatalf("exchange %d has no curves", i)
		}
	}
	if s.of("more")[FormatBanner] != nil || s.of("x")[FormatBanner] == nil {
		t.Error("want no curves for one too many, and those that are there")
	}
}
