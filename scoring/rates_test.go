package scoring

import (
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
