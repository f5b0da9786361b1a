package bidder

import (
	"strings"
	"sync"
	"testing"
	"time"

	"bidhawk/bidder/exchanges"
	"bidhawk/campaigns"
)

// TestExchangesAreReplacedWhileBidsRun: a bid sees one set of agreements, and one
// that breaks a rule leaves the last good one in force.
func TestExchangesAreReplacedWhileBidsRun(t *testing.T) {
	h := newHouse(t, newCatalog([]campaigns.LineItem{cpm(2_000_000, campaigns.Targeting{})}, []campaigns.Creative{box()}))
	more := append(testExchanges(), exchanges.Default("new"))
	more[0].Seat = "other"
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if s := h.bid(plainRequest).StatusCode(); s != 200 {
					t.Errorf("got %d; want 200", s)
					return
				}
				h.call("POST", "/openrtb2/new", plainRequest)
			}
		})
	}
	for i := range 50 {
		list := testExchanges()
		if i%2 == 0 {
			list = more
		}
		if err := h.SetExchanges(list); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
	if err := h.SetExchanges(more); err != nil {
		t.Fatal(err)
	}
	broken := exchanges.Default("demo")
	broken.DefaultTMax = time.Hour
	if err := h.SetExchanges([]exchanges.Exchange{broken}); err == nil || !strings.Contains(err.Error(), "default_tmax") {
		t.Fatalf("got %v; want an error that names default_tmax", err)
	}
	if resp, _ := answered(t, h.bid(plainRequest)); resp.SeatBid[0].Seat != "other" {
		t.Fatalf("seat %q; want that of the last good agreement", resp.SeatBid[0].Seat)
	}
	if h.metrics.panics.Load() != 0 {
		t.Fatal("a request panicked")
	}
}

func TestQuota(t *testing.T) {
	q := quota{perSecond: 3}
	now := time.Unix(1_800_000_000, 0)
	f := func(at time.Time, want int) {
		t.Helper()
		got := 0
		for range 10 {
			if q.take(at) {
				got++
			}
		}
		if got != want {
			t.Errorf("at %v: %d of 10 were let in; want %d", at, got, want)
		}
	}
	f(now, 3)
	f(now.Add(900*time.Millisecond), 0)
	f(now.Add(time.Second), 3)
	q.perSecond = 0
	f(now, 10)
}
