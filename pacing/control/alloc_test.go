//go:build !race

package control

import (
	"testing"
	"time"
)

func TestAllocationFree(t *testing.T) {
	c, err := New(DefaultConfig(), State{Multiplier: One, Price: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	c.Plan(1_000_000_000, 10_000)
	if n := testing.AllocsPerRun(1000, func() {
		c.Observe(Batch{Auctions: 10, Wins: 1, Spent: 900_000})
		c.Replan(900_000_000, 9_000)
		if c.Multiplier().Bid(2_000_000) == 0 {
			t.Error("no bid")
		}
	}); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	c, err := New(DefaultConfig(), State{Multiplier: One, Price: 1_000_000})
	if err != nil {
		b.Fatal(err)
	}
	c.Plan(1_000_000_000, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		c.Observe(Batch{Auctions: 10, Wins: 1, Spent: 900_000})
	}
}

func BenchmarkForecastShareOfAMonth(b *testing.B) {
	f := forecast(b, zone(b, "Europe/Prague"), wave(), 1000)
	from := time.Date(2026, 10, 10, 0, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		f.Share(from, from.Add(333*time.Hour), from, from.AddDate(0, 1, 0))
	}
}
