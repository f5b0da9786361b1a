package scoring

import (
	"errors"
	"math"
	"sync"
	"testing"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

func TestCTRIsSmoothedTowardsThePrior(t *testing.T) {
	f := func(impressions, clicks int64, want money.PPM) {
		t.Helper()
		r := NewRates(1000)
		r.Observe(5, impressions, clicks)
		if got := r.CTR(5, 10_000); got != want {
			t.Fatalf("%d clicks of %d: got %d ppm; want %d", clicks, impressions, got, want)
		}
	}
	f(0, 0, 10_000)
	f(1000, 0, 5_000)
	f(1000, 30, 20_000)
	f(1_000_000, 20_000, 19_990)
	f(10, 50, 19_801) // more clicks than impressions (out of order): at most one each
}

func TestRatesAreSafeForConcurrentUse(t *testing.T) {
	r := NewRates(1)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 1000 {
				r.Observe(campaigns.ID(i%50), 1, int64(g%2))
				r.CTR(campaigns.ID(i%50), 1000)
			}
		})
	}
	wg.Wait()
	for id := range campaigns.ID(50) {
		if n, c := r.Totals(id); n != 160 || c != 80 {
			t.Fatalf("creative %d: got %d impressions and %d clicks; want 160 and 80", id, n, c)
		}
	}
}

func TestValue(t *testing.T) {
	f := func(li campaigns.LineItem, fee, ctr money.PPM, want Worth) {
		t.Helper()
		got, err := Value(&li, fee, ctr)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("%s: got %+v; want %+v", li.Pricing, got, want)
		}
	}
	cpm := campaigns.LineItem{Pricing: campaigns.PricingCPM, Price: 3_000_000, MaxBid: 10_000_000, DataFee: 500_000}
	f(cpm, 0, 0, Worth{Bid: 3_000_000, Charge: 3_500_000})
	f(cpm, 100_000, 0, Worth{Bid: 2_650_000, Charge: 3_500_000}) // 10% of 3.5 is the platform's
	cpm.MaxBid = 1_000_000
	f(cpm, 0, 0, Worth{Bid: 1_000_000, Charge: 3_500_000})

	cpc := campaigns.LineItem{Pricing: campaigns.PricingCPC, Price: 500_000, MaxBid: 10_000_000}
	// 0.50 a click at 1%: 0.005 an impression, 5,000,000 nanos, a CPM of 5.
	f(cpc, 0, 10_000, Worth{Bid: 5_000_000, Charge: 5_000_000})
	f(cpc, 0, 0, Worth{})
}

func TestValueRefusesWhatDoesNotFit(t *testing.T) {
	li := campaigns.LineItem{Pricing: campaigns.PricingCPM, Price: math.MaxInt64, DataFee: 1}
	if _, err := Value(&li, 0, 0); !errors.Is(err, money.ErrOverflow) {
		t.Fatalf("got %v; want ErrOverflow", err)
	}
	if _, err := Value(&campaigns.LineItem{Pricing: "cpx"}, 0, 0); err == nil {
		t.Fatal("an unknown pricing must be an error")
	}
}

func TestRestoreAddsManyAtOnce(t *testing.T) {
	r := NewRates(1)
	r.Observe(3, 10, 1)
	many := make(map[campaigns.ID]Observed)
	for id := range campaigns.ID(200_000) { // with a copy for each this takes minutes
		many[id] = Observed{Impressions: 5, Clicks: 2}
	}
	r.Restore(many)
	r.Observe(199_999, 1, 1)
	f := func(id campaigns.ID, impressions, clicks int64) {
		t.Helper()
		if n, c := r.Totals(id); n != impressions || c != clicks {
			t.Fatalf("creative %d: got %d impressions and %d clicks; want %d and %d", id, n, c, impressions, clicks)
		}
	}
	f(3, 15, 3)
	f(4, 5, 2)
	f(199_999, 6, 3)
	f(200_000, 0, 0)
}
