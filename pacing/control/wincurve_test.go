package control

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"bidhawk/internal/money"
)

// With every price seen, the bid is the one that a search over all prices finds.
func TestBidIsTheBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prices := rapid.SliceOfN(rapid.Int64Range(1, 63), 1, 60).Draw(t, "prices") // below 64 a bin is one price
		w, err := NewWinCurve(1)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range prices {
			w.Won(0, money.CPM(p))
		}
		w.Fit()
		surplus := func(worth, bid int64) int64 {
			var wins int64
			for _, p := range prices {
				if p <= bid {
					wins++
				}
			}
			return (worth - bid) * wins
		}
		worth := rapid.Int64Range(0, 200).Draw(t, "worth")
		var best int64
		for b := range worth {
			best = max(best, surplus(worth, b))
		}
		got := int64(w.Bid(0, money.CPM(worth)))
		if got > worth || surplus(worth, got) != best {
			t.Fatalf("worth %d: bid %d has surplus %d; the best is %d", worth, got, surplus(worth, got), best)
		}
	})
}

// Losers' prices are not seen, and the curve is right all the same up to the
// dearest bid.
func TestCensoredPrices(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	seen, full := must(NewWinCurve(1)), must(NewWinCurve(1))
	for range 200_000 {
		price := money.CPM(math.Exp(rng.NormFloat64()*0.6) * 1e6)
		full.Won(0, price)
		if bid := money.CPM(rng.Float64() * 4e6); bid >= price {
			seen.Won(0, price)
		} else {
			seen.Lost(0, bid)
		}
	}
	seen.Fit()
	full.Fit()
	for _, worth := range []money.CPM{800_000, 1_500_000, 3_000_000, 5_000_000} {
		a, b := float64(seen.Bid(0, worth)), float64(full.Bid(0, worth))
		if math.Abs(a/b-1) > 0.08 {
			t.Errorf("worth %d: bid %.0f from censored prices; %.0f from all", worth, a, b)
		}
	}
}

func must(w *WinCurve, err error) *WinCurve {
	if err != nil {
		panic(err)
	}
	return w
}

func TestWinCurveEdges(t *testing.T) {
	if _, err := NewWinCurve(0); err == nil {
		t.Error("no classes were taken")
	}
	w := must(NewWinCurve(2))
	if got := w.Bid(1, 777); got != 777 {
		t.Errorf("an empty curve bids %d; want the worth", got)
	}
	w.Won(1, money.MaxCPM)
	w.Won(1, 0)
	w.Lost(1, 0)
	w.Lost(1, math.MaxInt64)
	w.Fit()
	c := w.Clone()
	c.Fade(0)
	c.Fit()
	if got := w.Bid(1, money.MaxCPM*3); got != money.MaxCPM {
		t.Errorf("bid %d; want the only price that wins more", got)
	}
	if got := c.Bid(1, 777); got != 777 {
		t.Errorf("a faded clone bids %d; want the worth", got)
	}
	if got := w.Bid(1, -1); got != 0 {
		t.Errorf("a worth below zero bids %d", got)
	}
}
