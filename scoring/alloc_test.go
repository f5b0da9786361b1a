//go:build !race

package scoring

import (
	"testing"

	"bidhawk/campaigns"
	"bidhawk/internal/money"
)

func cps() *campaigns.LineItem {
	li := campaigns.LineItem{Pricing: campaigns.PricingCPS, MaxBid: 10_000_000, ExpectedCTR: 10_000}
	li.SaleShare, li.ExpectedCVR, li.ExpectedSale = 50_000, 20_000, 80*money.Unit
	return &li
}

func TestValueAllocatesNothing(t *testing.T) {
	r, li, place := NewRates(100), cps(), Place{1, 2}
	r.Set(place, seen(Click, 1000, 10))
	n := testing.AllocsPerRun(1000, func() {
		if _, err := Value(li, 100_000, Expect(r, li, place, t0)); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("got %v allocations a value; want 0", n)
	}
}

func BenchmarkValue(b *testing.B) {
	r, li, place := NewRates(100), cps(), Place{1, 2}
	r.Set(place, seen(Click, 1000, 10))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Value(li, 100_000, Expect(r, li, place, t0)); err != nil {
			b.Fatal(err)
		}
	}
}
